//! How a worker ends with everything it started.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    entry::Entry,
    process::{Look, Process, descendants, look_below, marked},
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
        while worker.lives() && start.elapsed() < DEADLINE {
            sleep(LOOK);
        }
    }
    n_killed += kill_marked(&|found| found == mark);
    if let Some(entry) = entry {
        clear_away(entry);
    }
    n_killed
}

/// Kills what is below a worker. Its group is killed as a whole, in [`clear_away`], so that nothing in it can evade by forking;
/// only what has left the group must be found by walking.
fn kill_below(worker: Process, entry: Option<&Entry>) -> usize {
    let groups = entry.map(Entry::groups).filter(|groups| groups.hold(worker.pid));
    let Some(groups) = groups else { return kill_all(&mut || look_below(worker.pid)) };
    let n_inside = descendants(worker.pid).iter().filter(|process| groups.hold(process.pid)).count();
    let n_outside = kill_all(&mut || {
        let mut look = look_below(worker.pid);
        look.living.retain(|process| !groups.hold(process.pid));
        look
    });
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
///
/// Nobody holds what ended for a second look here, so a chain of processes is followed by looking again once something was found,
/// or may have been missed.
pub(super) fn kill_marked(wanted: &dyn Fn(&str) -> bool) -> usize {
    let start = Instant::now();
    let mut n_killed = 0;
    loop {
        let mut is_unsure = false;
        let n_found = kill_all(&mut || {
            let look = marked(wanted);
            is_unsure = look.is_unsure;
            Look { living: look.found, ended: BTreeSet::new() }
        });
        n_killed += n_found;
        if (n_found == 0 && !is_unsure) || start.elapsed() > DEADLINE {
            return n_killed;
        }
        sleep(LOOK);
    }
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

/// Kills what looks find until nothing is left. Returns how many were killed.
///
/// A process that is being killed may have forked, and one that ended on its own may have handed over to a child that a look
/// came too early for; so looks go on until nothing lives and nothing has ended since the look before.
pub(super) fn kill_all(look: &mut dyn FnMut() -> Look) -> usize {
    let mut killed: BTreeSet<(u32, u64)> = BTreeSet::new();
    let mut known = BTreeSet::new();
    let start = Instant::now();
    loop {
        let Look { living, ended } = look();
        let is_settled = living.is_empty() && ended.is_subset(&known);
        if is_settled || start.elapsed() > DEADLINE {
            return killed.len();
        }
        for process in &living {
            process.signal(Signal::KILL);
            killed.insert((process.pid, process.start_time));
        }
        known = ended;
        if !living.is_empty() {
            sleep(LOOK);
        }
    }
}
