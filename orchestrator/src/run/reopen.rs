//! Deciding what a person may still do with a run that ended: say what became of a lost task, and repeat what did not succeed. Pure.

use std::collections::BTreeSet;

use sluicegate_plugin::Effect;

use super::{Event, Input, Run, RunStatus, Step, TaskState, behind::gate_reason};
use crate::workflow::{Task, TaskIdx};

impl Run {
    /// What can still happen to a run that ended: a person looks after it.
    pub(super) fn after_the_end(&self, input: &Input) -> Step {
        match input {
            Input::Resolve { task, resolution } if self.record(*task).state == TaskState::Unknown => {
                Step::default().event(Event::TaskResolved { task: *task, resolution: *resolution })
            }
            Input::Reopen { owner } => {
                if self.can_go_on() {
                    let tasks = self.tasks_to_repeat();
                    Step::default().event(Event::RunReopened { owner: owner.clone(), tasks })
                } else {
                    Step::default()
                }
            }
            _ => Step::default(),
        }
    }

    /// Tells whether a run that has ended can go on: tasks are to be repeated, or a person said of the last of them that it happened after
    /// all.
    pub fn can_go_on(&self) -> bool {
        !self.tasks_to_repeat().is_empty() || self.is_done_after_all()
    }

    /// Tells whether a run that counts as failed has no task any more that failed.
    fn is_done_after_all(&self) -> bool {
        self.status == RunStatus::Failed && self.verdict_of_tasks() != RunStatus::Failed
    }

    /// Tasks that did not succeed. What stands behind a gate that said no stays where it is, and what nobody knows the end of
    /// waits for a person.
    pub fn tasks_to_repeat(&self) -> Vec<TaskIdx> {
        let ended_badly = matches!(self.status, RunStatus::Failed | RunStatus::Cancelled);
        let failed = |task: &Task, state: &TaskState| task.hook.is_none() && *state == TaskState::Failed;
        if !ended_badly && !self.tasks().any(|(_, task, record)| failed(task, &record.state)) {
            return Vec::new();
        }
        let mut held = BTreeSet::new();
        for (idx, task, record) in self.tasks() {
            let rejects = record.outcome.as_ref().is_some_and(|outcome| gate_reason(task, outcome).is_some());
            if rejects || record.state == TaskState::Unknown {
                held.extend(self.blocked_behind(idx));
            }
        }
        let (hooks, tasks): (Vec<_>, Vec<_>) = self.tasks().partition(|(_, task, _)| task.hook.is_some());
        let again = tasks.into_iter().filter(|(idx, _, record)| {
            !matches!(record.state, TaskState::Succeeded { .. } | TaskState::Unknown) && !held.contains(idx)
        });
        let mut again: BTreeSet<_> = again.map(|(idx, ..)| idx).collect();
        // What ran because of a failure, or in spite of it, runs again too.
        let behind: Vec<_> =
            again.iter().flat_map(|task| self.queue.downstream_while(*task, |_| true)).collect();
        again.extend(behind.into_iter().filter(|task| {
            let once = self.task(*task).effect == Effect::Once;
            !once && !held.contains(task) && matches!(self.record(*task).state, TaskState::Succeeded { .. })
        }));
        if !again.is_empty() || self.is_done_after_all() {
            // The run ends once more, and so do its hooks.
            again.extend(hooks.into_iter().map(|(idx, ..)| idx));
        }
        again.into_iter().collect()
    }
}
