//! How a worker ends with everything it started.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::process::{Process, descendants, marked};

/// How often a dying process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How long killed processes may take to go. Only a process that hangs in the kernel takes longer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Ends a worker with all that it started: first politely what the task started, for at most `grace`; then with force.
///
/// A worker adopts what its children leave behind, so everything is below it as long as it lives; it is stopped while that
/// is killed, so that it starts nothing new. When it died on its own (`worker` is `None`), the mark still finds what
/// it left.
pub(super) fn kill_tree(worker: Option<Process>, mark: &str, grace: Duration) {
    if let Some(worker) = worker.filter(Process::lives) {
        if !grace.is_zero() {
            end_politely(&|| descendants(worker.pid), grace);
        }
        worker.signal(Signal::STOP);
        kill_all(&|| descendants(worker.pid));
        worker.signal(Signal::KILL);
    }
    kill_all(&|| marked(&|found| found == mark));
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
