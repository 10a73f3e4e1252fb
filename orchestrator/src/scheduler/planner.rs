//! The planner: which schedules are due, and what became of their times. Pure; it holds what is remembered, and what it decides is to be
//! remembered before it is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Due, Effect, Spec, Turn, decide::came, overlap::Work};
use crate::{
    run::{RunId, Timestamp, Trigger},
    store::{Backfill, Decision, Pause, ScheduleId, ScheduleState},
};

/// How many handled events a trigger remembers.
const MAX_SEEN: usize = 256;

/// Times that were decided so many milliseconds ahead of the clock were decided while it was wrong.
const WRONG: i64 = 86_400_000;

/// How a run is that a fire named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunIs {
    /// It was never started.
    Missing,
    /// It goes on.
    Open,
    /// It is at its end.
    Ended,
}

/// An event that a trigger waits for.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What kind of event.
    pub trigger: Trigger,
    /// Unlike that of any other event.
    pub key: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// What it gives to the parameters of its run; or why they cannot be had, so that there is none.
    pub params: &'a Result<BTreeMap<String, String>, String>,
}

/// Decides for many schedules; what is not due costs nothing.
#[derive(Default)]
pub struct Planner {
    entries: BTreeMap<ScheduleId, Entry>,
    /// When each schedule wants to be looked at.
    due: BTreeSet<(Timestamp, ScheduleId)>,
    /// The schedules of runs that go on.
    runs: BTreeMap<RunId, ScheduleId>,
    /// Schedules whose states changed without having to be remembered at once.
    dirty: BTreeSet<ScheduleId>,
}

struct Entry {
    spec: Arc<Spec>,
    state: ScheduleState,
    /// Its first time that is not decided, unless it rests.
    next: Option<Due>,
}

/// Makes ids of runs.
pub type NewId<'a> = &'a mut dyn FnMut() -> RunId;

impl Planner {
    /// Takes a schedule in, or its new definition. One that was never seen, or has another definition, begins now.
    pub fn meet(&mut self, spec: Arc<Spec>, stored: Option<ScheduleState>, now: Timestamp) {
        let id = spec.id.clone();
        let known = self.entries.remove(&id);
        let is_known = known.is_some();
        if let Some(next) = known.as_ref().and_then(|entry| entry.next) {
            self.due.remove(&(next.at, id.clone()));
        }
        let mut state = known
            .map(|entry| entry.state)
            .or(stored)
            .unwrap_or_else(|| ScheduleState::new(id.clone(), String::new(), now));
        if state.fingerprint != spec.fingerprint {
            state.fingerprint.clone_from(&spec.fingerprint);
            state.watermark = anew(state.watermark, now);
            self.dirty.insert(id.clone());
        }
        if !is_known {
            self.runs.extend(state.open.iter().map(|fire| (fire.run, id.clone())));
        }
        self.entries.insert(id.clone(), Entry { spec, state, next: None });
        self.plan(&id);
    }

    /// Lets go of a schedule that no file has any more. Its runs go on, fires that wait are dropped; should it come back, it begins anew.
    pub fn forget(&mut self, id: &ScheduleId, now: Timestamp) -> Turn {
        let turn = self.work(id, now, |work| {
            work.drop_waiting("no workflow file has its schedule any more");
            work.state.fingerprint.clear();
            true
        });
        if let Some(next) = self.entries.remove(id).and_then(|entry| entry.next) {
            self.due.remove(&(next.at, id.clone()));
        }
        self.dirty.remove(id);
        self.runs.retain(|_, schedule| schedule != id);
        turn
    }

    /// Looks at fires that wait, after a schedule's definition changed: another rule may hold for them now.
    pub fn reconsider(&mut self, id: &ScheduleId, now: Timestamp, new_id: NewId<'_>) -> Turn {
        self.work(id, now, |work| {
            let before = work.turn.effects.len();
            work.promote();
            work.fill_backfills(new_id) || work.turn.effects.len() > before
        })
    }

    /// When something is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Every schedule with its state and when it is due.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<Spec>, &ScheduleState, Option<Timestamp>)> {
        self.entries.values().map(|entry| (&entry.spec, &entry.state, entry.next.map(|due| due.at)))
    }

    /// One schedule with its state and when it is due.
    pub fn get(&self, id: &ScheduleId) -> Option<(&Arc<Spec>, &ScheduleState, Option<Timestamp>)> {
        self.entries.get(id).map(|entry| (&entry.spec, &entry.state, entry.next.map(|due| due.at)))
    }

    /// The schedule that a run belongs to, while it goes on.
    pub fn schedule_of(&self, run: RunId) -> Option<&ScheduleId> {
        self.runs.get(&run)
    }

    /// After a restart: starts what was recorded and never began, and lets go of what ended.
    pub fn recover(
        &mut self,
        id: &ScheduleId,
        now: Timestamp,
        is: &dyn Fn(RunId) -> RunIs,
        new_id: NewId<'_>,
    ) -> Turn {
        self.work(id, now, |work| {
            let before = work.state.open.len();
            work.state.open.retain(|fire| is(fire.run) != RunIs::Ended);
            // That one need not wait any more is not always remembered before it starts.
            for fire in &mut work.state.open {
                fire.waits &= is(fire.run) == RunIs::Missing;
            }
            let lost: Vec<_> = work
                .state
                .open
                .iter()
                .filter(|fire| !fire.waits && is(fire.run) == RunIs::Missing)
                .cloned()
                .collect();
            let schedule = work.state.id.clone();
            work.turn.effects.extend(lost.into_iter().map(|fire| Effect::Start(schedule.clone(), fire)));
            work.cancel_again();
            work.promote();
            work.fill_backfills(new_id) || work.state.open.len() != before
        })
    }

    /// Decides about everything that is due.
    pub fn due(&mut self, now: Timestamp, new_id: NewId<'_>) -> Turn {
        self.due_some(usize::MAX, now, new_id)
    }

    /// Decides about so many schedules that are due, those that wait the longest.
    pub fn due_some(&mut self, limit: usize, now: Timestamp, new_id: NewId<'_>) -> Turn {
        let mut turn = Turn::default();
        for _ in 0..limit {
            let Some((_, id)) = self.due.first().filter(|(at, _)| *at <= now).cloned() else { break };
            let first = self.entries.get(&id).and_then(|entry| entry.next);
            let one = self.work(&id, now, |work| {
                let came = came(work.spec, work.state.watermark, now, first);
                // What is looked at is past: else a time that does not come would be asked for without end.
                work.state.watermark = came.last.unwrap_or(now);
                if let Some((first, n)) = came.missed {
                    let cause = work.cause(Trigger::CatchUp, first);
                    work.log(cause, Decision::Missed { n });
                }
                for (due, trigger) in came.fires {
                    let cause = work.cause(trigger, due.scheduled_at);
                    work.fire(cause, new_id(), BTreeMap::new());
                }
                true
            });
            turn.join(one);
        }
        turn
    }

    /// A run ended. Nothing of this must be remembered at once: should it be lost, a restart finds the run at its end.
    pub fn ended(&mut self, run: RunId, now: Timestamp, new_id: NewId<'_>) -> Turn {
        let Some(id) = self.runs.remove(&run) else { return Turn::default() };
        self.dirty.insert(id.clone());
        self.work(&id, now, |work| {
            work.state.open.retain(|fire| fire.run != run);
            work.promote();
            work.fill_backfills(new_id)
        })
    }

    /// A run that was recorded cannot be started.
    pub fn failed(&mut self, run: RunId, reason: &str, now: Timestamp, new_id: NewId<'_>) -> Turn {
        let Some(id) = self.runs.remove(&run) else { return Turn::default() };
        self.work(&id, now, |work| {
            let fire = work.state.open.iter().position(|fire| fire.run == run);
            if let Some(fire) = fire.map(|at| work.state.open.remove(at)) {
                work.log(fire.cause, Decision::Failed { run, reason: reason.to_owned() });
            }
            work.promote();
            work.fill_backfills(new_id);
            true
        })
    }

    /// Lets a schedule rest. Its times pass; runs that go on, and fires that wait, are left alone.
    pub fn pause(&mut self, id: &ScheduleId, by: &str, now: Timestamp) -> Turn {
        self.work(id, now, |work| {
            let is_new = work.state.paused.is_none();
            work.state.paused.get_or_insert_with(|| Pause { at: now, by: by.to_owned() });
            is_new
        })
    }

    /// Lets a schedule go on from now: what passed meanwhile is not caught up.
    pub fn resume(&mut self, id: &ScheduleId, now: Timestamp) -> Turn {
        self.work(id, now, |work| {
            let was_paused = work.state.paused.take().is_some();
            if was_paused {
                work.state.watermark = anew(work.state.watermark, now);
            }
            was_paused
        })
    }

    /// Someone wants a run of a schedule now, whatever else goes on.
    pub fn fire(
        &mut self,
        id: &ScheduleId,
        params: BTreeMap<String, String>,
        now: Timestamp,
        new_id: NewId<'_>,
    ) -> (RunId, Turn) {
        let run = new_id();
        let turn = self.work(id, now, |work| {
            let cause = work.cause(Trigger::Hand, now);
            work.at_once(cause, run, params);
            true
        });
        (run, turn)
    }

    /// An event came that a trigger waits for. One that came before does nothing.
    pub fn event(
        &mut self,
        id: &ScheduleId,
        event: &Event<'_>,
        now: Timestamp,
        new_id: NewId<'_>,
    ) -> (Option<RunId>, Turn) {
        let mut run = None;
        let turn = self.work(id, now, |work| {
            if work.state.seen.iter().any(|seen| seen == event.key) {
                return false;
            }
            work.state.seen.push(event.key.to_owned());
            let n_over = work.state.seen.len().saturating_sub(MAX_SEEN);
            work.state.seen.drain(..n_over);
            work.state.watermark = work.state.watermark.max(event.at);
            if work.state.paused.is_some() || !work.spec.schedule.enabled {
                return true;
            }
            let new = new_id();
            let cause = work.cause(event.trigger, event.at);
            match event.params {
                Ok(params) => work.fire(cause, new, params.clone()),
                Err(reason) => work.log(cause, Decision::Failed { run: new, reason: reason.clone() }),
            }
            run = work.state.open.iter().any(|fire| fire.run == new).then_some(new);
            true
        });
        (run, turn)
    }

    /// Someone wants runs for a range of times.
    pub fn backfill(
        &mut self,
        id: &ScheduleId,
        backfill: Backfill,
        now: Timestamp,
        new_id: NewId<'_>,
    ) -> Turn {
        self.work(id, now, |work| {
            work.state.backfills.push(backfill);
            work.fill_backfills(new_id);
            true
        })
    }

    /// Drops what is left of ranges that someone asked for; runs that go on are left alone.
    pub fn stop_backfills(&mut self, id: &ScheduleId, now: Timestamp) -> Turn {
        self.work(id, now, |work| !std::mem::take(&mut work.state.backfills).is_empty())
    }

    /// Notes what an event was without doing anything about it.
    pub fn note_seen(&mut self, id: &ScheduleId, seen: Vec<String>, now: Timestamp) -> Turn {
        self.work(id, now, |work| {
            let is_new = work.state.seen != seen;
            work.state.seen = seen;
            work.state.watermark = work.state.watermark.max(now);
            is_new
        })
    }

    /// States that changed and were not remembered yet.
    pub fn take_dirty(&mut self) -> Vec<ScheduleState> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.iter().filter_map(|id| self.entries.get(id)).map(|entry| entry.state.clone()).collect()
    }

    /// Tells whether states changed that were not remembered yet.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Does something with a schedule's state; when `work` says so, the state has to be remembered.
    fn work(&mut self, id: &ScheduleId, now: Timestamp, work: impl FnOnce(&mut Work<'_>) -> bool) -> Turn {
        let mut turn = Turn::default();
        let Some(entry) = self.entries.get_mut(id) else { return turn };
        let spec = Arc::clone(&entry.spec);
        let mut worked = Work { spec: &spec, state: &mut entry.state, now, turn: &mut turn };
        if work(&mut worked) {
            worked.remember();
            self.dirty.remove(id);
        } else if !worked.turn.commit.log.is_empty() {
            self.dirty.insert(id.clone());
        }
        for effect in &turn.effects {
            if let Effect::Start(schedule, fire) = effect {
                self.runs.insert(fire.run, schedule.clone());
            }
        }
        self.runs.extend(entry.state.open.iter().map(|fire| (fire.run, id.clone())));
        self.plan(id);
        turn
    }

    /// Finds out when a schedule wants to be looked at.
    fn plan(&mut self, id: &ScheduleId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Some(next) = entry.next.take() {
            self.due.remove(&(next.at, id.clone()));
        }
        if entry.state.paused.is_none() && entry.spec.schedule.enabled {
            entry.next = entry.spec.next(entry.state.watermark);
        }
        if let Some(next) = entry.next {
            self.due.insert((next.at, id.clone()));
        }
    }
}

/// From when on times count for a schedule that begins anew. What was decided stays decided when the clock was set back since; but when
/// it was wrong by more than a day, nobody wants to wait until then.
fn anew(decided: Timestamp, now: Timestamp) -> Timestamp {
    if decided.0.saturating_sub(now.0) > WRONG { now } else { decided.max(now) }
}

impl Turn {
    /// Adds what another one says.
    pub fn join(&mut self, other: Self) {
        self.commit.states.extend(other.commit.states);
        self.commit.log.extend(other.commit.log);
        self.effects.extend(other.effects);
    }
}
