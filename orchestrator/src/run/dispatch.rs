//! Deciding what can go on: waking, claiming, ending. Pure.

use std::collections::BTreeMap;

use super::{
    Effect, Event, Run, RunStatus, SkipReason, Step, TaskState, Timestamp, behind::gate_reason, queue::Claims,
};
use crate::workflow::{Hook, TaskIdx};

impl Run {
    /// Sees what can go on. What frees more tasks asks for another look with [`Effect::Again`].
    pub(super) fn dispatch(&self, free: &BTreeMap<String, u32>, now: Timestamp) -> Step {
        if let Some(step) = self.timed_out(now) {
            return step;
        }
        let due: Vec<_> = self.queue.waiting().take_while(|(until, _)| *until <= now).collect();
        if !due.is_empty() {
            let woken = due.into_iter().map(|(_, task)| Event::TaskWoken { task });
            return Step { events: woken.collect(), effects: vec![Effect::Again] };
        }
        if self.queue.all_tasks_ended() {
            match self.verdict {
                None => return self.settle(),
                Some(status) if self.queue.all_hooks_ended() => {
                    return Step::default().event(Event::RunFinished { status }).effect(Effect::Finish);
                }
                Some(_) => {}
            }
        }
        let idle: Vec<_> = self.queue.alarms().filter(|task| self.lacks_failure(*task)).collect();
        if !idle.is_empty() {
            return self.skip_idle(&idle);
        }
        let step = if self.status == RunStatus::Paused { Step::default() } else { self.claim(free) };
        let wake =
            self.queue.waiting().next().map(|(until, _)| until).into_iter().chain(self.deadline()).min();
        match wake {
            Some(at) => step.effect(Effect::WakeAt { at }),
            None => step,
        }
    }

    /// When the run has taken too long; `None` without a timeout, and once its end is near.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let timeout = self.workflow.timeout.filter(|_| self.cancel.is_none() && self.verdict.is_none())?;
        Some(self.driven_since.plus_seconds(timeout))
    }

    /// Gives free slots to ready tasks. What is free is found out here, from the states of all tasks, and kept nowhere.
    fn claim(&self, free: &BTreeMap<String, u32>) -> Step {
        let slots = self.workflow.max_parallel.unwrap_or(usize::MAX).saturating_sub(self.queue.n_active());
        let mut held: BTreeMap<String, u32> =
            self.queue.held().into_iter().map(|(key, n)| (key.to_owned(), n)).collect();
        let admit = |claims: &Claims| {
            let fits = |(key, n): &(String, u32)| {
                held.get(key).copied().unwrap_or(0) + n <= self.capacity(key, free)
            };
            let admitted = claims.iter().all(fits);
            if admitted {
                for (key, n) in claims {
                    *held.entry(key.clone()).or_default() += n;
                }
            }
            admitted
        };
        let mut step = Step::default();
        for task in self.queue.choose(slots, admit) {
            step = step.event(Event::TaskClaimed { task }).effect(Effect::Prepare { task });
        }
        step
    }

    /// Slots that tasks of this run can hold together.
    fn capacity(&self, key: &str, free: &BTreeMap<String, u32>) -> u32 {
        let own = |key: &str| {
            let pool = key.strip_prefix("pool ")?.strip_suffix(&format!(" of {}", self.workflow.name))?;
            self.workflow.pools.get(pool).copied()
        };
        let mutex = || key.starts_with("mutex ").then_some(1);
        free.get(key).copied().or_else(|| own(key)).or_else(mutex).unwrap_or(u32::MAX)
    }

    /// Slots of pools and mutexes that this run holds, by key.
    pub fn held_slots(&self) -> BTreeMap<String, u32> {
        self.queue.held().into_iter().map(|(key, n)| (key.to_owned(), n)).collect()
    }

    /// The keys of every pool and mutex that the run may claim, with the slots that each has as far as the workflow says.
    pub fn claimable(&self) -> BTreeMap<String, u32> {
        let none = BTreeMap::new();
        self.queue.keys().into_iter().map(|key| (key.to_owned(), self.capacity(key, &none))).collect()
    }

    /// Skips tasks that wait for a failure in vain.
    fn skip_idle(&self, idle: &[TaskIdx]) -> Step {
        let mut step = Step::default();
        for task in idle {
            step = step.event(Event::TaskSkipped { task: *task, reason: SkipReason::NothingFailed });
            step = self.skip_behind(step, *task, &self.upstream_reason(*task, "skipped"));
        }
        step.effect(Effect::Again)
    }

    /// Says how the tasks ended. Hooks that wait for that end are ready from then on; without hooks, the run is at its end.
    fn settle(&self) -> Step {
        let status = self.verdict_of_tasks();
        if self.queue.all_hooks_ended() {
            return Step::default().event(Event::RunFinished { status }).effect(Effect::Finish);
        }
        Step::default().event(Event::RunSettled { status }).effect(Effect::Again)
    }

    /// How the run ends, all tasks being at their end.
    pub(super) fn verdict_of_tasks(&self) -> RunStatus {
        let rejected = || {
            self.tasks().any(|(_, task, record)| {
                task.hook.is_none()
                    && record.outcome.as_ref().is_some_and(|outcome| gate_reason(task, outcome).is_some())
            })
        };
        let failed = || {
            self.tasks().any(|(_, task, record)| {
                task.hook.is_none()
                    && !task.continue_on_failure
                    && matches!(record.state, TaskState::Failed | TaskState::Unknown)
            })
        };
        match &self.cancel {
            Some(cancel) if cancel.timed_out => RunStatus::Failed,
            Some(_) => RunStatus::Cancelled,
            None if failed() => RunStatus::Failed,
            None if rejected() => RunStatus::Rejected,
            None => RunStatus::Succeeded,
        }
    }
}

/// Tells whether a hook waits for this end of a run.
pub(super) fn waits_for(hook: Hook, status: RunStatus) -> bool {
    match hook {
        Hook::Always => true,
        Hook::Success => status == RunStatus::Succeeded,
        Hook::Failure => status == RunStatus::Failed,
        Hook::Rejection => status == RunStatus::Rejected,
        Hook::Cancellation => status == RunStatus::Cancelled,
    }
}
