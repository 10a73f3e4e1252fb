//! Deciding: what an input means for a run. Pure; changes nothing.

use serde_json::Value;
use sluicegate_plugin::{Effect as EffectClass, TaskError};

use super::{
    AttemptResult, CacheEntry, CacheKey, CacheMiss, Event, Owner, Resolution, Run, RunStatus, SkipReason,
    TaskState, Timestamp,
    state::{blocks_downstream, gate_reason},
};
use crate::workflow::{RunIf, TaskIdx};

/// Attempts lost with their orchestrator after which a task is given up: it may be what brings it down.
const MAX_LOST: u32 = 3;

/// What can happen to a run.
#[derive(Clone, Debug)]
pub enum Input {
    /// See what can go on: claim slots, wake tasks, end the run.
    Dispatch,
    /// A claimed task was prepared.
    Prepared {
        /// The task.
        task: TaskIdx,
        /// What came of it.
        prepared: Box<Prepared>,
    },
    /// An attempt ended.
    AttemptFinished {
        /// The task.
        task: TaskIdx,
        /// The attempt's number.
        attempt: u32,
        /// How.
        result: AttemptResult,
        /// Chance for the jitter of a retry, from 0 to 1.
        random: f64,
    },
    /// Someone wants the run to end.
    Cancel {
        /// Who or why.
        reason: String,
    },
    /// The run's orchestrator is dead, and no other drives it.
    Interrupt,
    /// A person said how a task ended whose outcome was lost.
    Resolve {
        /// The task.
        task: TaskIdx,
        /// What the person said.
        resolution: Resolution,
    },
    /// A run that ended goes on: what did not succeed starts over.
    Reopen {
        /// This process.
        owner: Owner,
    },
    /// This process drives the run on.
    Resume {
        /// This process.
        owner: Owner,
    },
}

/// What came of preparing a task.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Its `when` is false.
    Unwanted {
        /// The condition.
        when: String,
    },
    /// It cannot start.
    Broken {
        /// Why.
        error: TaskError,
    },
    /// An earlier outcome serves.
    Cached {
        /// What the outcome depends on.
        key: CacheKey,
        /// The earlier outcome.
        entry: Box<CacheEntry>,
    },
    /// It must run.
    Runnable {
        /// The parameters, expressions evaluated.
        params: Value,
        /// What the outcome will depend on.
        key: CacheKey,
        /// Why the cache does not serve.
        miss: CacheMiss,
        /// A new attempt id.
        attempt_id: String,
    },
}

/// What the engine must do because of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Prepare a claimed task, then report [`Input::Prepared`].
    Prepare {
        /// The task.
        task: TaskIdx,
    },
    /// Start an attempt, then report [`Input::AttemptFinished`].
    StartAttempt {
        /// The task.
        task: TaskIdx,
        /// The attempt's number.
        attempt: u32,
    },
    /// Stop a running attempt with everything it started; it still reports its end.
    StopAttempt {
        /// The task.
        task: TaskIdx,
    },
    /// Send [`Input::Dispatch`] at that time.
    WakeAt {
        /// The time.
        at: Timestamp,
    },
    /// The run is at its end.
    Finish,
}

/// A decision: what to remember, then what to do.
#[derive(Clone, Debug, Default)]
#[must_use = "a decision that is dropped loses events"]
pub struct Step {
    /// Events, in order.
    pub events: Vec<Event>,
    /// Effects, in order, once the events are durable.
    pub effects: Vec<Effect>,
}

impl Step {
    pub(super) fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

impl Run {
    /// Decides what an input means. Inputs that no longer fit (a task that ended meanwhile) mean nothing.
    pub fn step(&self, input: &Input, now: Timestamp) -> Step {
        if self.status.is_final() {
            return self.after_the_end(input);
        }
        match input {
            Input::Resolve { .. } | Input::Reopen { .. } => Step::default(),
            Input::Dispatch => self.dispatch(now),
            Input::Prepared { task, prepared } => self.prepared(*task, prepared),
            Input::AttemptFinished { task, attempt, result, random } => {
                self.attempt_finished(*task, *attempt, result, *random, now)
            }
            Input::Cancel { reason } => self.cancelled(reason),
            Input::Interrupt if self.status == RunStatus::Running => {
                Step::default().event(Event::RunInterrupted)
            }
            Input::Interrupt => Step::default(),
            Input::Resume { owner } => Step::default().event(Event::RunResumed { owner: owner.clone() }),
        }
    }

    /// The number of tasks that may hold a slot at the same time.
    fn n_slots(&self) -> usize {
        self.workflow.max_parallel.unwrap_or(usize::MAX)
    }

    fn dispatch(&self, now: Timestamp) -> Step {
        let mut step = Step::default();
        let mut next_wake = None;
        let mut n_held = 0;
        let mut n_open = 0;
        for (task, _, record) in self.tasks() {
            n_open += usize::from(!record.state.is_final());
            n_held += usize::from(record.state.holds_slot());
            if let TaskState::Waiting { until } = record.state {
                if until <= now {
                    step.events.push(Event::TaskWoken { task });
                } else {
                    next_wake = Some(next_wake.map_or(until, |wake: Timestamp| wake.min(until)));
                }
            }
        }
        if n_open == 0 {
            let status = self.verdict_of_tasks();
            return step.event(Event::RunFinished { status }).effect(Effect::Finish);
        }
        let woken: Vec<_> = step
            .events
            .iter()
            .filter_map(|event| if let Event::TaskWoken { task } = event { Some(*task) } else { None })
            .collect();
        let mut free = self.n_slots().saturating_sub(n_held);
        let mut idle = Vec::new();
        for task in self.queue.ready().chain(woken) {
            if free == 0 {
                break;
            }
            if self.lacks_failure(task) {
                idle.push(task);
            } else {
                free -= 1;
                step = step.event(Event::TaskClaimed { task }).effect(Effect::Prepare { task });
            }
        }
        if !idle.is_empty() {
            return self.skip_idle(step, &idle);
        }
        match next_wake {
            Some(at) => step.effect(Effect::WakeAt { at }),
            None => step,
        }
    }

    /// Skips tasks that wait for a failure in vain. Others may be free then, so the run is looked at once more at once.
    fn skip_idle(&self, mut step: Step, idle: &[TaskIdx]) -> Step {
        for task in idle {
            step = step.event(Event::TaskSkipped { task: *task, reason: SkipReason::NothingFailed });
            let reason =
                SkipReason::Upstream { task: self.task(*task).name.clone(), state: "skipped".into() };
            step = self.skip_behind(step, *task, &reason);
        }
        step.effect(Effect::WakeAt { at: Timestamp::default() })
    }

    /// How the run ends, all tasks being at their end.
    fn verdict_of_tasks(&self) -> RunStatus {
        let any = |wanted: fn(&TaskState) -> bool| self.tasks.iter().any(|record| wanted(&record.state));
        let rejected = self.tasks().any(|(_, task, record)| {
            record.outcome.as_ref().is_some_and(|outcome| gate_reason(task, outcome).is_some())
        });
        if self.cancel.is_some() {
            RunStatus::Cancelled
        } else if any(|state| matches!(state, TaskState::Failed | TaskState::Unknown)) {
            RunStatus::Failed
        } else if rejected {
            RunStatus::Rejected
        } else {
            RunStatus::Succeeded
        }
    }

    fn prepared(&self, task: TaskIdx, prepared: &Prepared) -> Step {
        let record = self.record(task);
        if record.state != TaskState::Claimed {
            return Step::default();
        }
        let step = Step::default();
        match prepared {
            Prepared::Unwanted { when } => {
                let step = step
                    .event(Event::TaskSkipped { task, reason: SkipReason::Condition { when: when.clone() } });
                self.skip_behind(
                    step,
                    task,
                    &SkipReason::Upstream { task: self.task(task).name.clone(), state: "skipped".into() },
                )
            }
            Prepared::Broken { error } => {
                let step = step.event(Event::TaskUnprepared { task, error: error.clone() });
                self.skip_behind(
                    step,
                    task,
                    &SkipReason::Upstream { task: self.task(task).name.clone(), state: "failed".into() },
                )
            }
            Prepared::Cached { key, entry } => {
                let step = step.event(Event::CacheHit {
                    task,
                    key: key.clone(),
                    origin: entry.origin.clone(),
                    outcome: entry.outcome.clone(),
                });
                match gate_reason(self.task(task), &entry.outcome) {
                    Some(reason) => self.skip_behind(step, task, &reason),
                    None => step,
                }
            }
            Prepared::Runnable { params, key, miss, attempt_id } => {
                let attempt = record.n_attempts + 1;
                step.event(Event::AttemptStarted {
                    task,
                    attempt,
                    attempt_id: attempt_id.clone(),
                    params: params.clone(),
                    key: key.clone(),
                    miss: miss.clone(),
                })
                .effect(Effect::StartAttempt { task, attempt })
            }
        }
    }

    fn attempt_finished(
        &self,
        task: TaskIdx,
        attempt: u32,
        result: &AttemptResult,
        random: f64,
        now: Timestamp,
    ) -> Step {
        if self.record(task).state != (TaskState::Running { attempt }) {
            return Step::default();
        }
        let retry_at = self.retry_at(task, result, random, now);
        let step =
            Step::default().event(Event::AttemptFinished { task, attempt, result: result.clone(), retry_at });
        match (retry_at, blocks_downstream(self.task(task), result)) {
            (Some(at), _) => step.effect(Effect::WakeAt { at }),
            (None, Some(reason)) => self.skip_behind(step, task, &reason),
            (None, None) => step,
        }
    }

    /// When the next attempt may start; `None` when there is none.
    fn retry_at(
        &self,
        task: TaskIdx,
        result: &AttemptResult,
        random: f64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (spec, record) = (self.task(task), self.record(task));
        if self.cancel.is_some() {
            return None;
        }
        if *result == AttemptResult::Lost {
            let again = spec.effect != EffectClass::Once && record.n_lost + 1 < MAX_LOST;
            return again.then_some(now);
        }
        let n_failed = record.n_failed + 1;
        let again = result.error()?.retryable && n_failed < spec.retry.attempts;
        again.then(|| now.plus_seconds(spec.retry.delay(n_failed, random)))
    }

    /// Everything that a task which did not succeed holds back: what stands behind it, up to tasks that run nevertheless.
    pub(super) fn blocked_behind(&self, task: TaskIdx) -> Vec<TaskIdx> {
        self.queue.downstream_while(task, |behind| self.task(behind).run_if == RunIf::AllSucceeded)
    }

    /// Tells whether a task that wants a failure before it has none.
    fn lacks_failure(&self, task: TaskIdx) -> bool {
        let failed = |up: &TaskIdx| matches!(self.record(*up).state, TaskState::Failed | TaskState::Unknown);
        self.task(task).run_if == RunIf::AnyFailed && !self.queue.upstream(task).iter().any(failed)
    }

    /// Skips everything behind a task that has not ended yet.
    fn skip_behind(&self, mut step: Step, task: TaskIdx, reason: &SkipReason) -> Step {
        for behind in self.blocked_behind(task) {
            if !self.record(behind).state.is_final() {
                step.events.push(Event::TaskSkipped { task: behind, reason: reason.clone() });
            }
        }
        step
    }

    fn cancelled(&self, reason: &str) -> Step {
        if self.cancel.is_some() {
            return Step::default();
        }
        let mut step = Step::default().event(Event::CancelRequested { reason: reason.into() });
        for (task, _, record) in self.tasks() {
            match record.state {
                TaskState::Running { .. } => step = step.effect(Effect::StopAttempt { task }),
                ref state if state.is_final() => {}
                _ => step = step.event(Event::TaskCancelled { task }),
            }
        }
        step
    }
}
