//! What schedules would do in a stretch of time, with runs that take as long as is known of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Effect, Event, Planner, Spec, Turn};
use crate::{
    run::{Cause, RunId, RunStatus, Timestamp, Trigger},
    store::{Decision, ScheduleId, ScheduleState},
    workflow::On,
};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The schedules.
    pub specs: Vec<Arc<Spec>>,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Stretches in which nobody watches: from, to.
    pub down: Vec<(Timestamp, Timestamp)>,
    /// How long a run takes, in seconds, by its workflow.
    pub seconds: BTreeMap<String, f64>,
    /// At most so many steps.
    pub limit: usize,
}

/// Something that would happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// To which schedule.
    pub schedule: ScheduleId,
    /// Why, and for which time.
    pub cause: Cause,
    /// What; nothing when a run ends.
    pub decision: Option<Decision>,
    /// The run that it is about, by its number in the simulation, from 1.
    pub run: Option<u64>,
}

/// Lets time pass for a planner.
struct Clockwork {
    simulation: Simulation,
    planner: Planner,
    /// Runs that go on, by when they end.
    ends: BTreeSet<(Timestamp, RunId)>,
    causes: BTreeMap<RunId, (ScheduleId, Cause)>,
    /// Those of them that were cancelled; all others succeed.
    cancelled: BTreeSet<RunId>,
    n_runs: u64,
    steps: Vec<Step>,
}

/// Simulates; the flag is false when there were more steps than wanted.
pub fn simulate(simulation: Simulation) -> (Vec<Step>, bool) {
    let mut planner = Planner::default();
    let before = Timestamp(simulation.from.0.saturating_sub(1));
    for spec in &simulation.specs {
        let state = ScheduleState::new(spec.id.clone(), spec.fingerprint.clone(), before);
        planner.meet(Arc::clone(spec), Some(state), before);
    }
    let (ends, causes, cancelled) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    let mut clockwork =
        Clockwork { simulation, planner, ends, causes, cancelled, n_runs: 0, steps: Vec::new() };
    let is_whole = clockwork.run();
    (clockwork.steps, is_whole)
}

impl Clockwork {
    fn run(&mut self) -> bool {
        loop {
            let end = self.ends.first().map(|(at, _)| *at);
            let Some(next) = self.planner.next().into_iter().chain(end).min() else { return true };
            let now = self.watched(next.max(self.simulation.from));
            if now > self.simulation.to {
                return true;
            }
            if self.steps.len() >= self.simulation.limit {
                self.steps.truncate(self.simulation.limit);
                return false;
            }
            // Ends come first: a run that ends at the very time makes room.
            while let Some((at, run)) = self.ends.first().copied().filter(|(at, _)| *at <= now) {
                self.ends.pop_first();
                let ended = self.causes.remove(&run);
                let turn = self.decide(now, |planner, ids| planner.ended(run, now, ids));
                if let Some((schedule, cause)) = ended {
                    let (workflow, id) = (schedule.workflow.clone(), Some(number(run)));
                    self.steps.push(Step { at, schedule, cause, decision: None, run: id });
                    self.take(turn, now);
                    self.trigger(&workflow, run, now);
                }
            }
            let turn = self.decide(now, |planner, ids| planner.due(now, ids));
            self.take(turn, now);
        }
    }

    /// Lets the end of a run start those that wait for it.
    fn trigger(&mut self, workflow: &str, run: RunId, now: Timestamp) {
        let status = if self.cancelled.remove(&run) { RunStatus::Cancelled } else { RunStatus::Succeeded };
        let waits = |spec: &&Arc<Spec>| match &spec.schedule.on {
            On::Run(rule) => rule.workflow == workflow && rule.status.iter().any(|it| it == status.word()),
            _ => false,
        };
        let waiting: Vec<_> =
            self.simulation.specs.iter().filter(waits).map(|spec| spec.id.clone()).collect();
        let (key, params) = (run.to_string(), Ok(BTreeMap::new()));
        for id in waiting {
            let event = Event { trigger: Trigger::Run, key: &key, at: now, params: &params };
            let turn = self.decide(now, |planner, ids| planner.event(&id, &event, now, ids).1);
            self.take(turn, now);
        }
    }

    fn decide(
        &mut self,
        now: Timestamp,
        decide: impl FnOnce(&mut Planner, &mut dyn FnMut() -> RunId) -> Turn,
    ) -> Turn {
        let n_runs = &mut self.n_runs;
        let mut new_id = || {
            *n_runs += 1;
            RunId::from_parts(now.0.unsigned_abs(), u128::from(*n_runs))
        };
        decide(&mut self.planner, &mut new_id)
    }

    /// The first moment from a time on at which someone watches.
    fn watched(&self, at: Timestamp) -> Timestamp {
        self.simulation.down.iter().fold(at, |at, (from, to)| if *from <= at && at < *to { *to } else { at })
    }

    fn take(&mut self, turn: Turn, now: Timestamp) {
        for (schedule, entry) in turn.commit.log {
            let run = match &entry.decision {
                Decision::Started { run }
                | Decision::Queued { run }
                | Decision::Replaced { run }
                | Decision::Cancelled { run }
                | Decision::Failed { run, .. } => Some(*run),
                Decision::Overlapped { with } => Some(*with),
                Decision::QueueFull | Decision::Missed { .. } => None,
            };
            let (at, cause, run) = (now, entry.cause, run.map(number));
            self.steps.push(Step { at, schedule, cause, decision: Some(entry.decision), run });
        }
        for effect in turn.effects {
            match effect {
                Effect::Start(id, fire) => {
                    let seconds = self.simulation.seconds.get(&id.workflow).copied().unwrap_or_default();
                    self.ends.insert((now.plus_seconds(seconds), fire.run));
                    self.causes.insert(fire.run, (id, fire.cause));
                }
                Effect::Cancel(run) => {
                    self.ends.retain(|(_, other)| *other != run);
                    self.ends.insert((now, run));
                    self.cancelled.insert(run);
                }
            }
        }
    }
}

/// The number of a run of the simulation.
fn number(run: RunId) -> u64 {
    run.to_bytes().last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
