//! What becomes of a fire while runs of its schedule go on, and of those that wait when runs end.

use std::collections::BTreeMap;

use super::Spec;
use crate::{
    run::{Cause, RunId, Timestamp, Trigger},
    store::{Decision, Fire, LogEntry, ScheduleCommit, ScheduleId, ScheduleState},
    workflow::Overlap,
};

/// At most so many fires of a schedule wait, but for those that are caught up.
const MAX_WAITING: usize = 100;

/// What to do once decisions are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the run of a fire under its id.
    Start(ScheduleId, Fire),
    /// Cancel a run: a later one takes its place.
    Cancel(RunId),
}

/// Decisions to make durable, and what to do then.
#[must_use]
#[derive(Debug, Default)]
pub struct Turn {
    /// What has to be remembered.
    pub commit: ScheduleCommit,
    /// What to do then, in this order.
    pub effects: Vec<Effect>,
}

impl Turn {
    /// Tells whether there is nothing to remember and nothing to do.
    pub fn is_empty(&self) -> bool {
        self.commit.is_empty() && self.effects.is_empty()
    }
}

/// A schedule's state while something is decided about it.
pub(super) struct Work<'a> {
    pub(super) spec: &'a Spec,
    pub(super) state: &'a mut ScheduleState,
    pub(super) now: Timestamp,
    pub(super) turn: &'a mut Turn,
}

impl Work<'_> {
    /// Notes a decision for people.
    pub(super) fn log(&mut self, cause: Cause, decision: Decision) {
        let entry = LogEntry { n: self.state.n_decided, at: self.now, cause, decision };
        self.state.n_decided += 1;
        self.turn.commit.log.push((self.state.id.clone(), entry));
    }

    /// Hands the state over to be remembered.
    pub(super) fn remember(&mut self) {
        self.turn.commit.states.push(self.state.clone());
    }

    fn start(&mut self, fire: Fire) {
        self.turn.effects.push(Effect::Start(self.state.id.clone(), fire));
    }

    /// A fire that starts whatever else goes on: someone asked for it, or a range of times is worked off.
    pub(super) fn at_once(&mut self, cause: Cause, run: RunId, params: BTreeMap<String, String>) {
        let fire = Fire { run, cause: cause.clone(), recorded_at: self.now, waits: false, params };
        self.state.open.push(fire.clone());
        self.log(cause, Decision::Started { run });
        self.start(fire);
    }

    /// A fire that came by itself.
    pub(super) fn fire(&mut self, cause: Cause, run: RunId, params: BTreeMap<String, String>) {
        let blocking = self.state.open.iter().find(|fire| counts(fire)).map(|fire| fire.run);
        let is_caught_up = cause.trigger == Trigger::CatchUp;
        let (Some(with), true) = (blocking, self.spec.overlap() != Overlap::Allow) else {
            return self.at_once(cause, run, params);
        };
        match self.spec.overlap() {
            // Times that are caught up wait for each other, or the first would keep out all others.
            Overlap::Skip if !is_caught_up => return self.log(cause, Decision::Overlapped { with }),
            Overlap::CancelRunning => self.clear_the_way(),
            _ => {
                let n_waiting = self.state.open.iter().filter(|fire| fire.waits).count();
                if n_waiting >= MAX_WAITING.max(self.spec.limit()) {
                    return self.log(cause, Decision::QueueFull);
                }
            }
        }
        let recorded_at = self.now;
        self.state.open.push(Fire { run, cause: cause.clone(), recorded_at, waits: true, params });
        self.log(cause, Decision::Queued { run });
    }

    /// Drops fires that wait, and cancels runs that go on.
    fn clear_the_way(&mut self) {
        let (gone, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.state.open).into_iter().partition(|fire| fire.waits);
        self.state.open = left;
        for fire in gone {
            self.log(fire.cause, Decision::Replaced { run: fire.run });
        }
        let running: Vec<_> = self.state.open.iter().filter(|fire| counts(fire)).cloned().collect();
        for fire in running {
            self.log(fire.cause, Decision::Cancelled { run: fire.run });
            self.turn.effects.push(Effect::Cancel(fire.run));
        }
    }

    /// Cancels, once more, what a waiting fire is to replace: the first time may have been lost.
    pub(super) fn cancel_again(&mut self) {
        if self.spec.overlap() != Overlap::CancelRunning || !self.state.open.iter().any(|fire| fire.waits) {
            return;
        }
        let running = self.state.open.iter().filter(|fire| counts(fire) && !fire.waits);
        self.turn.effects.extend(running.map(|fire| Effect::Cancel(fire.run)));
    }

    /// Starts the first fire that waits, when nothing is before it; all of them, when they need not wait for each other any more.
    pub(super) fn promote(&mut self) {
        let is_free = self.spec.overlap() == Overlap::Allow;
        while is_free || !self.state.open.iter().any(|fire| counts(fire) && !fire.waits) {
            let Some(fire) = self.state.open.iter_mut().find(|fire| fire.waits) else { return };
            fire.waits = false;
            let fire = fire.clone();
            self.log(fire.cause.clone(), Decision::Started { run: fire.run });
            self.start(fire);
        }
    }

    /// Drops fires that wait, and notes why.
    pub(super) fn drop_waiting(&mut self, reason: &str) {
        for fire in self.state.open.extract_if(.., |fire| fire.waits).collect::<Vec<_>>() {
            self.log(fire.cause, Decision::Failed { run: fire.run, reason: reason.to_owned() });
        }
    }

    /// Records fires of ranges that someone asked for, as many as may go on at a time; true when there are any.
    pub(super) fn fill_backfills(&mut self, new_id: &mut dyn FnMut() -> RunId) -> bool {
        let mut n_running =
            self.state.open.iter().filter(|fire| fire.cause.trigger == Trigger::Backfill).count();
        let before = self.turn.effects.len();
        let had = self.state.backfills.len();
        let mut backfills = std::mem::take(&mut self.state.backfills);
        while let Some(backfill) = backfills.first_mut() {
            let next = self.spec.next(backfill.done).map(|due| due.scheduled_at);
            let Some(scheduled_at) = next.filter(|next| *next <= backfill.until) else {
                backfills.remove(0);
                continue;
            };
            if n_running >= usize::try_from(backfill.parallel).unwrap_or(usize::MAX) {
                break;
            }
            backfill.done = scheduled_at;
            n_running += 1;
            let cause = self.cause(Trigger::Backfill, scheduled_at);
            let params = backfill.params.clone();
            self.at_once(cause, new_id(), params);
        }
        self.state.backfills = backfills;
        self.turn.effects.len() > before || self.state.backfills.len() != had
    }

    pub(super) fn cause(&self, trigger: Trigger, scheduled_at: Timestamp) -> Cause {
        Cause { trigger, schedule: self.state.id.schedule.clone(), scheduled_at }
    }
}

/// Whether other fires of the schedule care for this one: ranges are worked off beside them.
fn counts(fire: &Fire) -> bool {
    fire.cause.trigger != Trigger::Backfill
}
