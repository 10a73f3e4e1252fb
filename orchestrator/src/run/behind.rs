//! What the end of a task means for those behind it. Pure.

use std::collections::BTreeSet;

use sluicegate_plugin::Decision;

use super::{Event, Outcome, Run, SkipReason, Step, TaskState};
use crate::workflow::{RunIf, Task, TaskIdx};

impl Run {
    /// The reason for which what stands behind a task does not run.
    pub(super) fn upstream_reason(&self, task: TaskIdx, state: &str) -> SkipReason {
        SkipReason::Upstream { task: self.task(task).name.clone(), state: state.into() }
    }

    /// Everything that a task which did not succeed holds back: what stands behind it, up to tasks that run nevertheless. A task for one item
    /// holds nothing back: the task with the items joins them.
    pub(super) fn blocked_behind(&self, task: TaskIdx) -> Vec<TaskIdx> {
        if self.item(task).is_some() {
            return Vec::new();
        }
        self.queue.downstream_while(task, |behind| self.task(behind).run_if == RunIf::AllSucceeded)
    }

    /// Skips everything behind a task that has not ended yet.
    pub(super) fn skip_behind(&self, step: Step, task: TaskIdx, reason: &SkipReason) -> Step {
        self.skip(step, self.blocked_behind(task), reason)
    }

    /// Skips what a failed task holds back. When the run may go on without it, that is only what reads its outputs.
    pub(super) fn failed_behind(&self, step: Step, task: TaskIdx) -> Step {
        let reason = self.upstream_reason(task, "failed");
        if !self.task(task).continue_on_failure {
            return self.skip_behind(step, task, &reason);
        }
        let reads = |behind: TaskIdx| self.task(behind).inputs.values().any(|from| from.task == task);
        let waits = |behind: TaskIdx| self.task(behind).run_if == RunIf::AllSucceeded;
        let readers =
            self.queue.downstream(task).iter().copied().filter(|behind| reads(*behind) && waits(*behind));
        let held: BTreeSet<TaskIdx> =
            readers.flat_map(|reader| std::iter::once(reader).chain(self.blocked_behind(reader))).collect();
        self.skip(step, held, &reason)
    }

    /// Skips what stands behind a task whose gate did not pass.
    pub(super) fn judged_behind(&self, step: Step, task: TaskIdx, outcome: &Outcome) -> Step {
        match gate_reason(self.task(task), outcome) {
            Some(reason) => self.skip_behind(step, task, &reason),
            None => step,
        }
    }

    fn skip(&self, mut step: Step, tasks: impl IntoIterator<Item = TaskIdx>, reason: &SkipReason) -> Step {
        for behind in tasks {
            if !self.record(behind).state.is_final() {
                step.events.push(Event::TaskSkipped { task: behind, reason: reason.clone() });
            }
        }
        step
    }

    /// Tells whether a task that wants a failure before it has none.
    pub(super) fn lacks_failure(&self, task: TaskIdx) -> bool {
        let failed = |up: &TaskIdx| matches!(self.record(*up).state, TaskState::Failed | TaskState::Unknown);
        !self.queue.upstream(task).iter().any(failed)
    }
}

/// The reason for which a gate's outcome holds back what stands behind it.
pub(crate) fn gate_reason(task: &Task, outcome: &Outcome) -> Option<SkipReason> {
    let decision = outcome.verdict.as_ref()?.decision;
    (decision != Decision::Pass).then(|| SkipReason::Gate { gate: task.name.clone(), decision })
}
