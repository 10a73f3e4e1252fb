//! How a worker ends with everything it started.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    entry::Entry,
    process::{Process, descendants, marked},
};

/// How often a dying process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How long killed processes may take to go. Only a process that hangs in the kernel takes longer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Ends a worker with all that it started: first politely what the task started, for at most `grace`; then with force. Returns how
/// many processes were killed, as far as they were seen.
///
/// What the worker's control group holds ends at once. Everything else is below the worker as long as it lives, because it
/// adopts what its children leave behind; it is stopped while that is killed, so that it starts nothing new. When it died
/// on its own (`worker` is `None`), the mark still finds what it left.
pub(super) fn kill_tree(
    worker: Option<Process>,
    mark: &str,
    entry: Option<&Entry>,
    grace: Duration,
) -> usize {
    let mut n_killed = 0;
    if let Some(worker) = worker.filter(Process::lives) {
        if !grace.is_zero() {
            end_politely(&|| descendants(worker.pid), grace);
        }
        worker.signal(Signal::STOP);
        n_killed += 1 + kill_below(worker, entry);
        worker.signal(Signal::KILL);
        // A thread of it may be about to make the group that is removed below.
        let start = Instant::now();
        while !worker.has_left() && start.elapsed() < DEADLINE {
            sleep(LOOK);
        }
    }
    n_killed += kill_all(&|| marked(&|found| found == mark));
    if let Some(entry) = entry {
        clear_away(entry);
    }
    n_killed
}

/// Kills what is below a worker. Its group is killed as a whole, in [`clear_away`], so that nothing in it can evade by forking;
/// only what has left the group must be found by walking.
fn kill_below(worker: Process, entry: Option<&Entry>) -> usize {
    let groups = entry.map(Entry::groups).filter(|groups| groups.hold(worker.pid));
    let Some(groups) = groups else { return kill_all(&|| descendants(worker.pid)) };
    let n_inside = descendants(worker.pid).iter().filter(|process| groups.hold(process.pid)).count();
    let outside =
        || descendants(worker.pid).into_iter().filter(|process| !groups.hold(process.pid)).collect();
    let n_outside = kill_all(&outside);
    groups.kill();
    n_inside + n_outside
}

/// Removes the control groups and the file of a worker that is gone; what is still in its groups ends first.
pub(super) fn clear_away(entry: &Entry) {
    entry.groups().kill();
    entry.groups().remove();
    entry.remove();
}

/// Kills everything that carries a mark that is wanted. Returns how many processes there were.
pub(super) fn kill_marked(wanted: &dyn Fn(&str) -> bool) -> usize {
    kill_all(&|| marked(wanted))
}

/// Asks what is found to end, and waits for at most `grace` until nothing is found any more.
pub(super) fn end_politely(find: &dyn Fn() -> Vec<Process>, grace: Duration) {
    for process in find() {
        process.signal(Signal::TERM);
    }
    let start = Instant::now();
    while start.elapsed() < grace && !find().is_empty() {
        sleep(LOOK);
    }
}

/// Kills what is found until nothing is, because a process may fork while it is being killed. Returns how many were
/// killed.
pub(super) fn kill_all(find: &dyn Fn() -> Vec<Process>) -> usize {
    let mut killed: Vec<Process> = Vec::new();
    let start = Instant::now();
    loop {
        let found = find();
        if found.is_empty() || start.elapsed() > DEADLINE {
            return killed.len();
        }
        for process in found {
            process.signal(Signal::KILL);
            if !killed.iter().any(|known| (known.pid, known.start_time) == (process.pid, process.start_time))
            {
                killed.push(process);
            }
        }
        sleep(LOOK);
    }
}
