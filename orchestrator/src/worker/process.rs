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

/// A process that lives: one of its threads does at least. One that ended and only waits to be reaped does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) start_time: u64,
}

impl Process {
    /// A process by its number.
    pub(super) fn find(pid: u32) -> Option<Self> {
        let ProcessStat { parent, start_time, has_ended } = ProcessStat::read(pid)?;
        (!has_ended).then_some(Self { pid, parent, start_time })
    }

    /// Tells whether this very process still lives.
    pub(super) fn lives(&self) -> bool {
        Self::find(self.pid).is_some_and(|found| found.start_time == self.start_time)
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

/// What one look at processes found.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) living: Vec<Process>,
    /// The numbers of those that had ended and were not reaped before. One that an earlier look did not have may have lived
    /// until then, and have started another that this look came too early for.
    pub(super) ended: BTreeSet<u32>,
}

/// Every process that lives.
fn all() -> Vec<Process> {
    pids().into_iter().filter_map(Process::find).collect()
}

fn pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Every process below one: its children, their children, and so on.
pub(super) fn descendants(of: u32) -> Vec<Process> {
    look_below(of).living
}

/// Every process below one, also those that wait to be reaped.
pub(super) fn look_below(of: u32) -> Look {
    let mut by_parent: BTreeMap<u32, Vec<(u32, ProcessStat)>> = BTreeMap::new();
    for pid in pids() {
        if let Some(stat) = ProcessStat::read(pid) {
            by_parent.entry(stat.parent).or_default().push((pid, stat));
        }
    }
    let mut look = Look::default();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for (pid, stat) in by_parent.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            if stat.has_ended {
                look.ended.insert(pid);
            } else {
                look.living.push(Process { pid, parent, start_time: stat.start_time });
            }
        }
    }
    look
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

/// Every process whose environment carries a mark that is wanted; this one excepted. When one that was passed over is just becoming
/// another program, its environment cannot be read for a moment, so `is_unsure` tells that a later look may find more.
pub(super) fn marked(wanted: &dyn Fn(&str) -> bool) -> Marked {
    let own = std::process::id();
    let mut look = Marked { found: Vec::new(), is_unsure: false };
    for process in all().into_iter().filter(|process| process.pid != own) {
        match mark_of(process.pid) {
            Some(mark) if wanted(&mark) => look.found.push(process),
            Some(_) => {}
            None => look.is_unsure |= is_becoming_another(process.pid),
        }
    }
    look
}

/// Marked processes, as one look found them.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) found: Vec<Process>,
    pub(super) is_unsure: bool,
}

/// Tells whether a process has a program and neither arguments nor an environment, as in the middle of `execve`.
fn is_becoming_another(pid: u32) -> bool {
    let is_empty = |name| std::fs::read(format!("/proc/{pid}/{name}")).is_ok_and(|bytes| bytes.is_empty());
    is_empty("cmdline") && is_empty("environ") && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
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
