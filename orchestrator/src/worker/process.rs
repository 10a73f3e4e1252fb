//! Processes: who they are, whether they live, and how a whole tree of them ends.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use sluicegate_plugin::ProcessId;

use super::protocol::MARK;

/// Who a process is: its number, start time and boot, which no later process shares.
pub fn process_id_of(pid: u32) -> Option<ProcessId> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    Some(ProcessId { pid, start_time: start_time(pid)?, boot_id })
}

/// Tells whether that very process lives.
pub fn is_alive(process: &ProcessId) -> bool {
    process_id_of(process.pid).as_ref() == Some(process)
}

/// Field 22 of `/proc/PID/stat`; the name before it may hold spaces and brackets. A process that only waits to be reaped
/// counts as gone.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The mark that workers of a state folder carry: a beginning that all share, so that leftovers can be found.
pub(super) fn mark_of(home: &Path) -> String {
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex()[..16].to_owned()
}

/// Kills everything that workers of a state folder left behind. Returns how many processes there were.
pub fn kill_leftovers(home: &Path) -> usize {
    let mark = mark_of(home);
    let beginning = format!("{mark}-");
    kill_marked(&|text| text.starts_with(&beginning))
}

/// Kills every process, this one excepted, whose environment carries a mark; repeats until none is left, because a process
/// may fork while it is being killed.
pub(super) fn kill_marked(wanted: &dyn Fn(&str) -> bool) -> usize {
    let mut n_killed = 0;
    for _ in 0..50 {
        let found = marked(wanted);
        if found.is_empty() {
            break;
        }
        for pid in found {
            n_killed += 1;
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    n_killed
}

fn marked(wanted: &dyn Fn(&str) -> bool) -> Vec<Pid> {
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own && start_time(*pid).is_some())
        .filter(|pid| {
            let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
            environ.split(|byte| *byte == 0).any(|line| {
                let value = line.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
                value.and_then(|value| std::str::from_utf8(value).ok()).is_some_and(wanted)
            })
        })
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// Ends a worker and all that it started: asks politely, waits, kills its group, then whatever carries its mark.
pub(super) fn kill_tree(pid: u32, mark: &str, grace: Duration) {
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::TERM);
        let start = Instant::now();
        while start_time(pid).is_some() && start.elapsed() < grace {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    kill_marked(&|text| text == mark);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_start_time_does_not() {
        let mut own = process_id_of(std::process::id()).unwrap();
        assert!(is_alive(&own));
        own.start_time += 1;
        assert!(!is_alive(&own));
    }
}
