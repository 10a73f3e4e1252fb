//! Deciding: what an input means for a run. Pure; changes nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate_plugin::TaskError;

use super::{
    AttemptResult, CacheEntry, CacheKey, CacheMiss, Event, Outcome, Owner, Resolution, Run, RunId, RunStatus,
    SkipReason, TaskState, Timestamp,
};
use crate::workflow::TaskIdx;

/// What can happen to a run.
#[derive(Clone, Debug)]
pub enum Input {
    /// See what can go on: claim slots, wake tasks, end the run.
    Dispatch {
        /// Slots that other runs leave free, by the key of the pool; a pool that is not named has all of its slots.
        free: BTreeMap<String, u32>,
    },
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
    /// Someone wants nothing new to start.
    Pause,
    /// Someone lets a paused run go on.
    Unpause,
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
        /// The id of the run that the attempt starts, when it runs a workflow.
        child: Option<RunId>,
    },
    /// It has items.
    Expanded {
        /// The items.
        items: Vec<Value>,
    },
    /// Its items ended, and what they left is joined.
    Joined {
        /// What they left.
        outcome: Box<Outcome>,
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
    /// Send [`Input::Dispatch`] at once: what was just decided may let more go on.
    Again,
    /// Send [`Input::Dispatch`] at that time, if none was sent before.
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

    pub(super) fn effect(mut self, effect: Effect) -> Self {
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
            Input::Dispatch { free } => self.dispatch(free, now),
            Input::Prepared { task, prepared } => self.prepared(*task, prepared),
            Input::AttemptFinished { task, attempt, result, random } => {
                self.attempt_finished(*task, *attempt, result, *random, now)
            }
            Input::Cancel { reason } => self.cancelled(reason, false),
            Input::Pause
                if self.status == RunStatus::Running && self.verdict.is_none() && self.cancel.is_none() =>
            {
                Step::default().event(Event::RunPaused)
            }
            Input::Unpause if self.status == RunStatus::Paused => Step::default().event(Event::RunUnpaused),
            Input::Interrupt if self.status != RunStatus::Interrupted => {
                Step::default().event(Event::RunInterrupted)
            }
            Input::Pause | Input::Unpause | Input::Interrupt => Step::default(),
            Input::Resume { owner } => Step::default().event(Event::RunResumed { owner: owner.clone() }),
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
                let reason = SkipReason::Condition { when: when.clone() };
                self.skip_behind(
                    step.event(Event::TaskSkipped { task, reason }),
                    task,
                    &self.upstream_reason(task, "skipped"),
                )
            }
            Prepared::Broken { error } => {
                self.failed_behind(step.event(Event::TaskUnprepared { task, error: error.clone() }), task)
            }
            Prepared::Cached { key, entry } => {
                let (origin, outcome) = (entry.origin.clone(), entry.outcome.clone());
                self.judged_behind(
                    step.event(Event::CacheHit { task, key: key.clone(), origin, outcome }),
                    task,
                    &entry.outcome,
                )
            }
            Prepared::Expanded { items } => {
                step.event(Event::TaskExpanded { task, items: items.clone() }).effect(Effect::Again)
            }
            Prepared::Joined { outcome } => {
                let joined = Event::TaskJoined { task, outcome: (**outcome).clone() };
                self.judged_behind(step.event(joined), task, outcome)
            }
            Prepared::Runnable { params, key, miss, attempt_id, child } => {
                let attempt = record.n_attempts + 1;
                step.event(Event::AttemptStarted {
                    task,
                    attempt,
                    attempt_id: attempt_id.clone(),
                    params: params.clone(),
                    key: key.clone(),
                    miss: miss.clone(),
                    child: *child,
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
        let result = &self.explained(result);
        let retry_at = self.retry_at(task, result, random, now);
        let step =
            Step::default().event(Event::AttemptFinished { task, attempt, result: result.clone(), retry_at });
        match result {
            _ if retry_at.is_some() => step,
            AttemptResult::Succeeded { outcome } => self.judged_behind(step, task, outcome),
            AttemptResult::Cancelled => step,
            _ => self.failed_behind(step, task),
        }
    }

    /// What a result means for this run: a task that was stopped in a run that nobody ends has failed.
    fn explained(&self, result: &AttemptResult) -> AttemptResult {
        if *result != AttemptResult::Cancelled || self.cancel.is_some() || self.verdict.is_some() {
            return result.clone();
        }
        let error = TaskError::transient("stopped", "it was stopped, although its run goes on");
        AttemptResult::Failed { error }
    }

    fn cancelled(&self, reason: &str, timed_out: bool) -> Step {
        let mut step = Step::default();
        // Once the tasks are at their end, only hooks are left, and how the run ended is decided.
        if self.verdict.is_none() {
            if self.cancel.is_some() {
                return step;
            }
            step = step.event(Event::CancelRequested { reason: reason.into(), timed_out });
        }
        for (task, definition, record) in self.tasks() {
            match record.state {
                _ if definition.hook.is_some() != self.verdict.is_some() => {}
                TaskState::Running { .. } => step = step.effect(Effect::StopAttempt { task }),
                ref state if state.is_final() => {}
                _ => step = step.event(Event::TaskCancelled { task }),
            }
        }
        step
    }

    /// Ends a run that took too long; `None` while it has time.
    pub(super) fn timed_out(&self, now: Timestamp) -> Option<Step> {
        let deadline = self.deadline().filter(|deadline| *deadline <= now)?;
        let seconds = deadline.seconds_since(self.driven_since);
        Some(
            self.cancelled(&format!("the run took longer than its timeout of {seconds} s"), true)
                .effect(Effect::Again),
        )
    }
}
