//! What many tasks together are.

use crate::view::{RunTask, TaskState};

/// How many tasks are in which state, in the order of legends.
pub(super) fn counts<'a>(tasks: impl Iterator<Item = &'a RunTask>) -> Vec<(TaskState, usize)> {
    let mut counts = TaskState::ALL.map(|state| (state, 0));
    for task in tasks {
        if let Some(count) = counts.iter_mut().find(|(state, _)| *state == task.state) {
            count.1 += 1;
        }
    }
    counts.into_iter().filter(|(_, n)| *n > 0).collect()
}

/// The state that tasks together show: the one that most needs to be seen.
pub(super) fn together(counts: &[(TaskState, usize)]) -> TaskState {
    use TaskState::{
        Blocked, Cached, Cancelled, Failed, Insufficient, Ready, Rejected, Running, Skipped, Succeeded,
        Unknown, Waiting,
    };
    let order = [
        Failed,
        Unknown,
        Rejected,
        Insufficient,
        Running,
        Waiting,
        Ready,
        Cancelled,
        Blocked,
        Succeeded,
        Cached,
        Skipped,
    ];
    order.into_iter().find(|state| counts.iter().any(|(other, _)| other == state)).unwrap_or_default()
}
