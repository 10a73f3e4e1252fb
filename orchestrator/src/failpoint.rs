//! Failpoints: places where a test can kill the process, or let a durable step fail.
//!
//! `SLUICE_FAILPOINT=NAME[@N][=ACTION]` arms one point: at its `N`-th hit (the first when there is no number) the process is
//! killed (`kill`, which is the default), the step returns an error without happening (`error`), or it happens and returns an
//! error nevertheless (`error-after`). Without the variable a point costs one relaxed load.

use std::{
    io,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

/// The variable that arms a point.
const VARIABLE: &str = "SLUICE_FAILPOINT";

/// Every point that a run passes, with what it interrupts. The steps of an engine or a worker add theirs here.
pub const ALL: &[(&str, &str)] = &[
    ("journal.write.before", "a group of commits is encoded, and nothing of it is in the journal"),
    ("journal.write.after", "the group is in the journal's file, and not synced"),
    ("journal.sync.before", "the group is in the journal's file, and not synced"),
    ("journal.sync.after", "the group is durable, and nobody was told"),
    ("ledger.append.before", "the group is durable; the registry's ledger lacks its lines"),
    ("ledger.append.after", "the ledger has its lines; they are not synced"),
    ("history.append.before", "a run's end is durable; its events are not in the history"),
    (
        "history.append.after",
        "the events are in the history, and not synced; the run's row lacks their place",
    ),
    ("sled.apply.before", "the group is durable; the database lacks it"),
    ("sled.apply.after", "the database has the group in memory; nobody was told"),
    ("history.sync.before", "a checkpoint begins; nothing of it has happened"),
    ("history.sync.after", "a checkpoint synced the history"),
    ("sled.sync.before", "a checkpoint is about to sync the database"),
    ("sled.sync.after", "a checkpoint synced the database; the old journal is still the one"),
    ("journal.switch.before", "the next journal is written and synced under a temporary name"),
    ("journal.switch.after", "the next journal has its name; the old one is still there"),
    ("journal.drop.before", "the old journal is about to be removed"),
    ("journal.drop.after", "the old journal is gone"),
    ("value.write.before", "a large value is about to be written to a file of its own"),
    ("value.write.after", "the value's file is durable; nothing names it"),
    ("artifact.sync.before", "an output is hashed, and not synced"),
    ("artifact.sync.after", "an output is synced in its staging folder"),
    ("artifact.rename.before", "an output is about to get its name"),
    ("artifact.rename.after", "an output has its name; its folder is not synced"),
    ("engine.commit.before", "a turn is decided; nothing of it is remembered"),
    ("engine.commit.after", "a turn is remembered; nobody was told, and nothing of it was started"),
    ("engine.act.after", "what a turn asked for was started"),
    ("worker.begin.before", "a worker has its task, and the task has not begun"),
    ("worker.tell.before", "a task did its work; its worker told nobody"),
    ("worker.tell.after", "a worker told that its task did its work"),
    ("gc.remove.before", "what is to be removed is decided; rows are about to go"),
    ("gc.remove.after", "rows are gone; files that nothing names are still there"),
];

/// Every point that a scheduler passes and a run does not.
pub const SCHEDULES: &[(&str, &str)] = &[
    ("schedule.record.before", "fires are due and decided; nothing of them is remembered"),
    ("schedule.record.after", "fires are durable with the ids of their runs; none of the runs exists"),
    ("schedule.start.after", "the runs of fires exist"),
    ("schedule.end.before", "a run of a schedule ended; its schedule does not know"),
];

/// How an armed point fails. A kill does not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The step shall not happen, and return an error.
    Error,
    /// The step shall happen, and return an error nevertheless.
    ErrorAfter,
}

impl Failure {
    /// The error that a step returns.
    pub fn error(self, name: &str) -> io::Error {
        io::Error::other(format!("failpoint `{name}`"))
    }
}

/// What the variable asks for.
#[derive(Debug, PartialEq, Eq)]
struct Armed {
    name: String,
    nth: u64,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Fail(Failure),
}

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
static N_HITS: AtomicU64 = AtomicU64::new(0);

/// Passes a point: `None` when nothing shall fail here.
pub fn hit(name: &'static str) -> Option<Failure> {
    if STATE.load(Ordering::Relaxed) == OFF { None } else { look(name) }
}

/// Passes a point where only the process can end: there is no step that could fail.
pub fn pass(name: &'static str) {
    let _ = hit(name);
}

/// Does a durable step between its two points, `NAME.before` and `NAME.after`.
pub fn step<T>(
    before: &'static str,
    after: &'static str,
    step: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let failure = hit(before);
    if failure == Some(Failure::Error) {
        return Err(Failure::Error.error(before));
    }
    let done = step()?;
    match (failure, hit(after)) {
        (Some(failure), _) => Err(failure.error(before)),
        (None, Some(failure)) => Err(failure.error(after)),
        (None, None) => Ok(done),
    }
}

#[cold]
fn look(name: &'static str) -> Option<Failure> {
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().and_then(|text| parse(&text)));
    STATE.store(if armed.is_some() { ON } else { OFF }, Ordering::Relaxed);
    let armed = armed.as_ref().filter(|armed| armed.name == name)?;
    if N_HITS.fetch_add(1, Ordering::Relaxed) + 1 != armed.nth {
        return None;
    }
    match armed.action {
        Action::Fail(failure) => Some(failure),
        Action::Kill => kill(),
    }
}

/// Ends the process as a power cut would: nothing is cleaned up.
fn kill() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

/// Reads `NAME[@N][=ACTION]`; anything else arms nothing, and is told.
fn parse(text: &str) -> Option<Armed> {
    let (point, action) = text.split_once('=').unwrap_or((text, "kill"));
    let (name, nth) = point.split_once('@').unwrap_or((point, "1"));
    let action = match action {
        "kill" => Some(Action::Kill),
        "error" => Some(Action::Fail(Failure::Error)),
        "error-after" => Some(Action::Fail(Failure::ErrorAfter)),
        _ => None,
    };
    let known = ALL.iter().chain(SCHEDULES).any(|(known, _)| *known == name);
    match (action, nth.parse()) {
        (Some(action), Ok(nth)) if known => Some(Armed { name: name.into(), nth, action }),
        _ => {
            tracing::warn!("`{VARIABLE}={text}` names no failpoint, count or action, and arms nothing");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_count_and_action() {
        let armed = |nth, action| Some(Armed { name: "journal.sync.before".into(), nth, action });
        assert_eq!(parse("journal.sync.before"), armed(1, Action::Kill));
        assert_eq!(parse("journal.sync.before@3=error"), armed(3, Action::Fail(Failure::Error)));
        assert_eq!(parse("journal.sync.before=error-after"), armed(1, Action::Fail(Failure::ErrorAfter)));
        assert_eq!(parse("nowhere"), None);
        assert_eq!(parse("journal.sync.before@x"), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().chain(SCHEDULES).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len() + SCHEDULES.len());
    }
}
