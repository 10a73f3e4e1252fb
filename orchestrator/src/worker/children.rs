//! What a task left running, seen from inside the worker.
//!
//! The worker is a subreaper: what a task started and lost becomes the worker's own child, wherever it moved to. What
//! a task that succeeded leaves running may stay until the worker ends, at the latest with the run; what an attempt
//! leaves that did not succeed ends with the attempt, or it would be in the way of the next one.

use std::time::Duration;

use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid},
};

use super::{
    process::{Look, Process, descendants, look_below},
    tree::{end_politely, kill_all},
};

/// How long processes may take to go when the worker ends.
const GRACE: Duration = Duration::from_millis(500);

/// Processes that successful tasks left running.
#[derive(Default)]
pub(super) struct Children {
    kept: Vec<Process>,
}

impl Children {
    /// Lets what runs now stay.
    pub(super) fn keep(&mut self) {
        self.kept = own_children().living;
    }

    /// Kills what is not kept. Returns how many processes that were.
    pub(super) fn end_new(&self) -> usize {
        let is_kept = |child: &Process| self.kept.contains(child);
        // Killing a child hands its children to the worker, where the next look finds them.
        kill_all(&mut || {
            let mut look = own_children();
            look.living.retain(|child| !is_kept(child));
            look
        })
    }
}

/// Ends everything below the worker: politely, then with force.
pub(super) fn end_all() {
    let own = std::process::id();
    if has_none() {
        return;
    }
    end_politely(&|| descendants(own), GRACE);
    kill_all(&mut own_children);
}

/// The worker's children. Those that ended are reaped on the way.
fn own_children() -> Look {
    let mut look = Look::default();
    if has_none() {
        return look;
    }
    let Some(pids) = listed() else {
        let own = std::process::id();
        let mut look = look_below(own);
        look.living.retain(|process| process.parent == own);
        look.ended.iter().for_each(|pid| reap(*pid));
        return look;
    };
    for pid in pids {
        match Process::find(pid) {
            Some(child) => look.living.push(child),
            None => {
                reap(pid);
                look.ended.insert(pid);
            }
        }
    }
    look
}

/// Tells, by one call, that there are no children: neither living nor waiting to be reaped.
fn has_none() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, look), Err(Errno::CHILD))
}

fn reap(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Children as the kernel lists them, a thread at a time; `None` when this kernel does not.
fn listed() -> Option<Vec<u32>> {
    let mut pids = Vec::new();
    for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        match std::fs::read_to_string(thread.path().join("children")) {
            Ok(text) => pids.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            // A thread that ended meanwhile has handed its children on.
            Err(_) if !thread.path().exists() => {}
            Err(_) => return None,
        }
    }
    Some(pids)
}
