//! Processes: who they are, whether they live, and who started them.

use std::collections::{BTreeMap, BTreeSet};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};
use sluicegate_plugin::{ProcessId, ProcessStat};

use super::mark::MARK;

/// What an orchestrator can be asked for from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To end its run.
    End,
    /// To start nothing new.
    Pause,
    /// To go on after a pause.
    GoOn,
}

impl Ask {
    fn signal(self) -> Signal {
        match self {
            Self::End => Signal::TERM,
            Self::Pause => Signal::USR1,
            Self::GoOn => Signal::USR2,
        }
    }
}

/// Asks an orchestrator for something; false when that very process does not live.
pub fn ask(process: &ProcessId, what: Ask) -> bool {
    match Process::find(process.pid).filter(|_| process.is_alive()) {
        Some(found) => {
            found.signal(what.signal());
            true
        }
        None => false,
    }
}

/// A process that lives. One that ended and only waits to be reaped does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) start_time: u64,
}

impl Process {
    /// A process by its number.
    pub(super) fn find(pid: u32) -> Option<Self> {
        let ProcessStat { parent, start_time } = ProcessStat::read(pid)?;
        Some(Self { pid, parent, start_time })
    }

    /// Tells whether this very process still lives.
    pub(super) fn lives(&self) -> bool {
        Self::find(self.pid).is_some_and(|found| found.start_time == self.start_time)
    }

    /// Tells whether nothing of this very process runs any more, no thread either; it may still wait to be reaped.
    pub(super) fn has_left(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid));
        !self.lives() && threads.map_or(0, Iterator::count) <= 1
    }

    /// Sends a signal to this very process, never to a later one with its number.
    pub(super) fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => {
                if self.lives() {
                    let _ = pidfd_send_signal(process, signal);
                }
            }
            // Sandboxes without pidfds: the moment between look and signal stays.
            Err(Errno::NOSYS | Errno::PERM) => {
                let _ = kill_process(pid, signal);
            }
            Err(_) => {}
        }
    }
}

/// Every process that lives.
fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::find)
        .collect()
}

/// Every process below one: its children, their children, and so on.
pub(super) fn descendants(of: u32) -> Vec<Process> {
    let mut by_parent: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut found = by_parent.remove(&of).unwrap_or_default();
    let mut next_idx = 0;
    while let Some(process) = found.get(next_idx) {
        let below = by_parent.remove(&process.pid).unwrap_or_default();
        found.extend(below);
        next_idx += 1;
    }
    found
}

/// Resident bytes of processes, each with all that is below it.
pub(super) fn memory_below(roots: &[u32]) -> BTreeMap<u32, u64> {
    let parents: BTreeMap<u32, u32> =
        all().into_iter().map(|process| (process.pid, process.parent)).collect();
    let mut bytes = BTreeMap::new();
    for &pid in parents.keys() {
        let mut way = std::iter::successors(Some(pid), |at| parents.get(at).copied().filter(|up| *up > 0));
        // Numbers change while they are read: no way is longer than there are processes.
        if let Some(root) = way.by_ref().take(parents.len()).find(|at| roots.contains(at)) {
            *bytes.entry(root).or_default() += resident(pid);
        }
    }
    bytes
}

/// Resident bytes of a process; 0 when it is gone.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// The marks of all processes that carry one; this process excepted.
pub(super) fn marks() -> BTreeSet<String> {
    let own = std::process::id();
    let others = all().into_iter().filter(|process| process.pid != own);
    others.filter_map(|process| mark_of(process.pid)).collect()
}

/// Every process whose environment carries a mark that is wanted; this one excepted.
pub(super) fn marked(wanted: &dyn Fn(&str) -> bool) -> Vec<Process> {
    let own = std::process::id();
    all()
        .into_iter()
        .filter(|process| process.pid != own && mark_of(process.pid).is_some_and(|mark| wanted(&mark)))
        .collect()
}

fn mark_of(pid: u32) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |line: &[u8]| line.strip_prefix(MARK.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
    environ.split(|byte| *byte == 0).find_map(value).and_then(|mark| String::from_utf8(mark).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_below_its_parent() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = descendants(std::process::id());
        let own = found.iter().find(|process| process.pid == child.id()).unwrap();
        own.signal(Signal::KILL);
        assert!(!child.wait().unwrap().success());
    }
}
