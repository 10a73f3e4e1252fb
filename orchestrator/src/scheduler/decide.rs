//! Which times that came become runs.

use super::{Due, Spec};
use crate::{
    run::{Timestamp, Trigger},
    workflow::CatchUp,
};

/// A time that is seen up to so many milliseconds late is late, but not missed: the process was busy, or started anew.
pub(super) const LATE: i64 = 30_000;

/// Missed times are counted up to here.
const MAX_COUNT: u64 = 10_000;

/// The first stretch, in milliseconds, in which the latest missed times are looked for; each further one is as long as all before.
const STRETCH: i64 = 2 * LATE;

/// Times that came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// Those that become runs, oldest first.
    pub(super) fires: Vec<(Due, Trigger)>,
    /// Those that do not: the first, and how many they are when they were counted.
    pub(super) missed: Option<(Timestamp, Option<u64>)>,
    /// The last of all.
    pub(super) last: Option<Timestamp>,
}

/// The times after `from`, of which `first` is the first, that are due at `now`, and which of them happen.
pub(super) fn came(spec: &Spec, from: Timestamp, now: Timestamp, first: Option<Due>) -> Came {
    let Some(first) = first.filter(|due| due.at <= now) else { return Came::default() };
    let on_time = |due: &Due| due.at.0 >= now.0.saturating_sub(LATE);
    // Most often it is only one.
    let is_only = spec.next(first.scheduled_at).is_none_or(|due| due.at > now);
    let all = if is_only { vec![first] } else { latest(spec, from, now, first) };
    let last = all.last().map(|due| due.scheduled_at);
    // With a jitter that is longer than the time between two fires, what comes behind one that is on time waited for it.
    let split = all.iter().position(on_time).unwrap_or(all.len());
    let (missed, timely) = all.split_at(split);
    let within = now.0.saturating_sub(spec.window());
    let caught: &[Due] = match spec.catch_up() {
        CatchUp::None => &[],
        CatchUp::Latest if !timely.is_empty() => &[],
        CatchUp::Latest => &missed[missed.len().saturating_sub(1)..],
        CatchUp::All => &missed[missed.len().saturating_sub(spec.limit())..],
    };
    let caught: Vec<Due> = caught.iter().filter(|due| due.at.0 >= within).copied().collect();
    let mut fires: Vec<_> = caught.iter().map(|due| (*due, Trigger::CatchUp)).collect();
    fires.extend(timely.iter().map(|due| (*due, Trigger::Schedule)));
    let until = fires.first().map_or(Timestamp(i64::MAX), |(due, _)| due.scheduled_at);
    let missed = (first.scheduled_at < until).then(|| (first.scheduled_at, count(spec, first, now, until)));
    Came { fires, missed, last }
}

/// Times from `first` on that are due: all that are on time, and as many of the missed ones as can matter, the latest.
fn latest(spec: &Spec, from: Timestamp, now: Timestamp, first: Due) -> Vec<Due> {
    let wanted = match spec.catch_up() {
        CatchUp::All => spec.limit(),
        CatchUp::None | CatchUp::Latest => 1,
    };
    // A time is later by its jitter than it was scheduled.
    let mut stretch = STRETCH.saturating_add(spec.most_jitter());
    loop {
        let start = now.0.saturating_sub(stretch);
        let is_all = start <= first.scheduled_at.0;
        let from = if is_all { from } else { Timestamp(start) };
        let all = due_after(spec, from, now);
        let n_missed = all.iter().filter(|due| due.at.0 < now.0.saturating_sub(LATE)).count();
        if is_all || n_missed >= wanted {
            return all;
        }
        stretch = stretch.saturating_mul(2);
    }
}

fn due_after(spec: &Spec, from: Timestamp, now: Timestamp) -> Vec<Due> {
    let times = std::iter::successors(spec.next(from), |due| spec.next(due.scheduled_at));
    times.take_while(|due| due.at <= now).collect()
}

/// How many times came from `first` to before `until`; nothing when they are too many to count.
fn count(spec: &Spec, first: Due, now: Timestamp, until: Timestamp) -> Option<u64> {
    let times = std::iter::successors(Some(first), |due| spec.next(due.scheduled_at));
    let mut n = 0;
    for due in times {
        if due.at > now || due.scheduled_at >= until {
            return Some(n);
        }
        n += 1;
        if n > MAX_COUNT {
            return None;
        }
    }
    Some(n)
}
