//! Control groups: everything that a worker started, as the kernel keeps it together, whatever forks or leaves its session.
//!
//! A worker moves itself into a group of its own, with all that it has started, when it has lived for a moment: moving costs some
//! milliseconds at times, and short runs shall not pay for it. Until then, and where groups cannot be written, the walk over
//! `/proc` does the same job (see [`super::tree`]). Limits need controllers, which are in the unified hierarchy or still in the older ones.

mod place;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::process::descendants;
use place::Places;

/// Turns control groups off when it is `off`.
const SWITCH: &str = "SLUICE_CGROUPS";

/// How long a worker lives before it gets its group.
const SETTLED: Duration = Duration::from_millis(200);

/// How often a dying group is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How long killed processes may take to go. Only a process that hangs in the kernel takes longer.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a group whose processes ended may be busy.
const RELEASE: Duration = Duration::from_millis(500);

/// Held while this process moves into its group, and for good once it has left it.
static MOVING: Mutex<()> = Mutex::new(());

/// Where the groups of one worker are, or will be when they are needed; `None` where none can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Groups {
    /// In the unified hierarchy: for killing, and for limits where it has the controllers.
    pub(super) unified: Option<PathBuf>,
    /// In the older hierarchy of the memory controller.
    pub(super) memory: Option<PathBuf>,
    /// In the older hierarchy of the processor controller.
    pub(super) cpu: Option<PathBuf>,
}

impl Groups {
    /// The groups of the worker with a mark, which is this process.
    pub(super) fn of(mark: &str) -> Self {
        if mark.is_empty() || std::env::var_os(SWITCH).is_some_and(|switch| switch == "off") {
            return Self::default();
        }
        Places::find().groups(&format!("worker-{mark}"))
    }

    /// Moves this process and all that it has started into the group for killing, once it has lived for a moment.
    pub(super) fn gather_later(&self) {
        if self.unified.is_none() {
            return;
        }
        let groups = self.clone();
        let gather = move || {
            sleep(SETTLED);
            // Without a group, the walk over `/proc` finds the same processes.
            let _ = groups.gather();
        };
        let _ = std::thread::Builder::new().name("group".into()).spawn(gather);
    }

    /// Moves this process and all that it has started into the group for killing.
    pub(super) fn gather(&self) -> io::Result<()> {
        let Some(group) = &self.unified else { return Err(ErrorKind::Unsupported.into()) };
        let _moving = MOVING.lock().unwrap_or_else(PoisonError::into_inner);
        enter(group)?;
        let start = Instant::now();
        while start.elapsed() < RELEASE {
            let inside = members(group);
            let outside =
                descendants(std::process::id()).into_iter().filter(|found| !inside.contains(&found.pid));
            let mut is_complete = true;
            for process in outside {
                is_complete = false;
                // One that ended meanwhile need not be moved.
                let _ = join(group, process.pid);
            }
            if is_complete {
                break;
            }
        }
        Ok(())
    }

    /// Kills everything in the group at once; true when nothing is left in it. False where there is no group, or the kernel is
    /// too old.
    pub(super) fn kill(&self) -> bool {
        let Some(group) = &self.unified else { return false };
        if fs::write(group.join("cgroup.kill"), "1").is_err() {
            return false;
        }
        let start = Instant::now();
        while is_populated(group) {
            if start.elapsed() > DEADLINE {
                return false;
            }
            sleep(LOOK);
        }
        true
    }

    /// Tells whether a process is in the group for killing.
    pub(super) fn hold(&self, pid: u32) -> bool {
        self.unified.as_ref().is_some_and(|group| members(group).contains(&pid))
    }

    /// Takes this process out of its groups and removes them, once everything else in them has ended. What cannot be removed now is
    /// left to the next orchestrator.
    pub(super) fn leave(&self) {
        std::mem::forget(MOVING.lock().unwrap_or_else(PoisonError::into_inner));
        for group in [&self.unified, &self.memory, &self.cpu].into_iter().flatten() {
            // A group whose members are limited takes no process itself; one further up does.
            if members(group).contains(&std::process::id())
                && group.ancestors().skip(1).any(|above| join(above, std::process::id()).is_ok())
            {
                let _ = remove_with_below(group);
            }
        }
    }

    /// Removes the groups, once everything in them has ended.
    pub(super) fn remove(&self) {
        for group in [&self.unified, &self.memory, &self.cpu].into_iter().flatten() {
            let start = Instant::now();
            while remove_with_below(group).is_err_and(|error| error.kind() == ErrorKind::ResourceBusy)
                && start.elapsed() < RELEASE
            {
                sleep(LOOK);
            }
        }
    }
}

/// Makes a group and moves this process into it, unless it is there already.
pub(super) fn enter(group: &Path) -> io::Result<()> {
    fs::create_dir_all(group)?;
    let own = std::process::id();
    if members(group).contains(&own) { Ok(()) } else { join(group, own) }
}

/// Moves a process. The file is never made, should the folder be none of the kernel's.
fn join(group: &Path, pid: u32) -> io::Result<()> {
    File::options().write(true).open(group.join("cgroup.procs"))?.write_all(pid.to_string().as_bytes())
}

/// The processes in a group and in those below it, which a task may have made.
fn members(group: &Path) -> BTreeSet<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut pids: BTreeSet<u32> = text.lines().filter_map(|pid| pid.parse().ok()).collect();
    for below in below(group) {
        pids.extend(members(&below));
    }
    pids
}

fn is_populated(group: &Path) -> bool {
    let events = fs::read_to_string(group.join("cgroup.events")).unwrap_or_default();
    events.lines().any(|line| line == "populated 1")
}

fn below(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|about| about.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn remove_with_below(group: &Path) -> io::Result<()> {
    for below in below(group) {
        remove_with_below(&below)?;
    }
    fs::remove_dir(group)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::worker::process::Process;

    #[test]
    fn a_group_is_killed_with_all_that_it_holds_and_removed() {
        let groups = Places::find().groups(&format!("test-{}", std::process::id()));
        let Some(group) = &groups.unified else {
            println!("no control groups can be written here");
            return;
        };
        fs::create_dir_all(group).unwrap();
        let script = "echo $$ > \"$0/cgroup.procs\"; trap '' TERM; setsid sleep 600 & sleep 600";
        let mut child = Command::new("/bin/sh").args(["-c", script]).arg(group).spawn().unwrap();
        let start = Instant::now();
        while members(group).len() < 3 {
            assert!(start.elapsed() < DEADLINE, "the processes did not come");
            std::thread::yield_now();
        }
        let pids = members(group);
        assert!(groups.hold(child.id()) && groups.kill());
        assert!(!child.wait().unwrap().success());
        assert!(pids.into_iter().all(|pid| Process::find(pid).is_none()));
        groups.remove();
        assert!(!group.exists());
    }

    #[test]
    fn where_there_is_no_group_nothing_is_killed() {
        assert!(!Groups::default().kill());
        Groups::default().remove();
    }
}
