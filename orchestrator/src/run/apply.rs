//! Becoming: the one function that changes a run, used live and for replay.

use serde_json::Value;
use sluicegate_plugin::TaskError;

use super::{
    AttemptResult, Event, Resolution, Run, RunStatus, SkipReason, TaskRecord, TaskState, Timestamp,
    dispatch::waits_for,
    execution::CancelRequest,
    expand::{Expansion, ItemTask},
    queue::TaskQueue,
    retry::MAX_LOST,
};
use crate::workflow::TaskIdx;

impl Run {
    /// Becomes what an event says. Never fails: what cannot be is caught by [`Run::replay`] and never stored.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        if event.is_durable() {
            self.n_events += 1;
        }
        match event {
            Event::RunCreated { .. } => {}
            Event::RunPaused => self.status = RunStatus::Paused,
            Event::RunUnpaused => self.status = RunStatus::Running,
            Event::RunSettled { status } => self.settled(*status, at),
            Event::RunInterrupted => self.status = RunStatus::Interrupted,
            Event::RunResumed { owner } => {
                self.owner = owner.clone();
                self.status = RunStatus::Running;
                self.driven_since = at;
            }
            Event::RunReopened { owner, tasks } => {
                self.owner = owner.clone();
                self.driven_since = at;
                self.reopen(tasks);
            }
            Event::TaskResolved { task, resolution } => {
                let state = match resolution {
                    Resolution::Succeeded => TaskState::Succeeded { origin: None },
                    Resolution::Failed => TaskState::Failed,
                    Resolution::Retry => TaskState::Cancelled,
                };
                self.turn(*task, state);
            }
            Event::CancelRequested { reason, timed_out } => {
                self.cancel = Some(CancelRequest { reason: reason.clone(), timed_out: *timed_out });
                if self.status == RunStatus::Paused {
                    self.status = RunStatus::Running;
                }
            }
            Event::RunFinished { status } => {
                self.status = *status;
                self.ended_at = Some(at);
            }
            Event::TaskClaimed { task } => self.turn(*task, TaskState::Claimed),
            Event::TaskWoken { task } => self.turn(*task, TaskState::Ready),
            Event::TaskSkipped { task, reason } => {
                self.end(*task, TaskState::Skipped { reason: reason.clone() }, at);
            }
            Event::TaskCancelled { task } => self.end(*task, TaskState::Cancelled, at),
            Event::TaskUnprepared { task, error } => {
                self.record_mut(*task).error = Some(error.clone());
                self.end(*task, TaskState::Failed, at);
            }
            Event::TaskExpanded { task, items } => self.expand(*task, items, at),
            Event::TaskJoined { task, outcome } => {
                self.record_mut(*task).outcome = Some(outcome.clone());
                self.end(*task, TaskState::Succeeded { origin: None }, at);
            }
            Event::CacheHit { task, key, origin, outcome } => {
                let record = self.record_mut(*task);
                record.started_at = Some(at);
                record.key = Some(key.clone());
                record.outcome = Some(outcome.clone());
                self.end(*task, TaskState::Succeeded { origin: Some(origin.clone()) }, at);
            }
            Event::AttemptStarted { task, attempt, attempt_id, params, key, miss, child } => {
                self.turn(*task, TaskState::Running { attempt: *attempt });
                let record = self.record_mut(*task);
                record.n_attempts = *attempt;
                record.attempt_id = Some(attempt_id.clone());
                record.child = *child;
                record.started_at.get_or_insert(at);
                record.params = params.clone();
                record.key = Some(key.clone());
                record.miss = Some(miss.clone());
            }
            Event::AttemptFinished { task, result, retry_at, .. } => {
                self.finish_attempt(*task, result, *retry_at, at);
            }
        }
    }

    fn finish_attempt(
        &mut self,
        task: TaskIdx,
        result: &AttemptResult,
        retry_at: Option<Timestamp>,
        at: Timestamp,
    ) {
        let once = self.task(task).effect == sluicegate_plugin::Effect::Once;
        let record = self.record_mut(task);
        record.error = result.error();
        match result {
            AttemptResult::Lost | AttemptResult::NeverHappened => record.n_lost += 1,
            AttemptResult::Succeeded { .. } | AttemptResult::Cancelled => {}
            _ => record.n_failed += 1,
        }
        if record.n_lost >= MAX_LOST && retry_at.is_none() {
            record.error = result.error().map(parked);
        }
        if let Some(until) = retry_at {
            self.turn(task, TaskState::Waiting { until });
            return;
        }
        let state = match result {
            AttemptResult::Succeeded { outcome } => {
                record.outcome = Some(outcome.clone());
                TaskState::Succeeded { origin: None }
            }
            // Its work may be done.
            AttemptResult::Lost
            | AttemptResult::Crashed { .. }
            | AttemptResult::TimedOut { .. }
            | AttemptResult::Cancelled
                if once =>
            {
                TaskState::Unknown
            }
            AttemptResult::Cancelled => TaskState::Cancelled,
            _ => TaskState::Failed,
        };
        self.end(task, state, at);
    }

    /// Makes every item a task of its own, behind all that there are.
    fn expand(&mut self, task: TaskIdx, items: &[Value], at: Timestamp) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (first, n_items) = (number(self.tasks.len()), number(items.len()));
        self.record_mut(task).started_at.get_or_insert(at);
        self.turn(task, TaskState::Expanded);
        let definition = self.task(task).clone();
        for (idx, item) in items.iter().enumerate() {
            self.items.push(ItemTask::new(task, &definition, idx, item.clone()));
            self.tasks.push(TaskRecord::new());
        }
        self.expansions.insert(task, Expansion { first, n_items });
        let item = ItemTask::new(task, &definition, 0, Value::Null).task;
        self.queue.expand(task, n_items, &item, &self.workflow);
        for item in self.items_of(task) {
            self.turn(item, TaskState::Ready);
        }
        if n_items == 0 {
            self.turn(task, TaskState::Ready);
        }
    }

    /// The tasks ended: hooks that wait for this end are ready, the others are not needed.
    fn settled(&mut self, status: RunStatus, at: Timestamp) {
        self.verdict = Some(status);
        let hooks = self.tasks().filter_map(|(idx, task, _)| Some((idx, task.hook?)));
        for (idx, hook) in hooks.collect::<Vec<_>>() {
            if waits_for(hook, status) {
                self.turn(idx, TaskState::Ready);
            } else {
                self.end(idx, TaskState::Skipped { reason: SkipReason::OtherEnd { status } }, at);
            }
        }
    }

    fn end(&mut self, task: TaskIdx, state: TaskState, at: Timestamp) {
        self.turn(task, state);
        self.record_mut(task).ended_at = Some(at);
        for next in self.queue.end(task) {
            if matches!(self.record(next).state, TaskState::Blocked | TaskState::Expanded) {
                self.turn(next, TaskState::Ready);
            }
        }
    }

    /// Lets tasks start over, and finds out anew what waits for what.
    fn reopen(&mut self, again: &[TaskIdx]) {
        self.status = RunStatus::Running;
        self.ended_at = None;
        self.cancel = None;
        self.verdict = None;
        for task in again {
            let expanded = self.is_expanded(*task);
            let record = self.record_mut(*task);
            // Attempts are counted on, so that no two have the same folder.
            let (n_attempts, child) = (record.n_attempts, record.child);
            *record = TaskRecord { n_attempts, child, ..TaskRecord::new() };
            if expanded {
                record.state = TaskState::Expanded;
            }
        }
        let (queue, mut free) = TaskQueue::new(&self.workflow);
        self.queue = queue;
        let ended = (0u32..).map(TaskIdx).zip(&self.tasks).filter(|(_, record)| record.state.is_final());
        let n_of_file = self.workflow.tasks.len();
        let (of_file, items): (Vec<_>, Vec<_>) =
            ended.map(|(task, _)| task).partition(|task| (task.0 as usize) < n_of_file);
        for task in of_file {
            free.extend(self.count_as_ended(task));
        }
        // Only now, so that what was before a task with items does not count as one of them.
        let mut by_first: Vec<_> =
            self.expansions.iter().map(|(task, expansion)| (*task, *expansion)).collect();
        by_first.sort_unstable_by_key(|(_, expansion)| expansion.first);
        for (task, expansion) in by_first {
            let item = ItemTask::new(task, self.task(task), 0, Value::Null).task;
            self.queue.expand(task, expansion.n_items, &item, &self.workflow);
            free.extend((expansion.first..expansion.first + expansion.n_items).map(TaskIdx));
            free.push(task);
        }
        for item in items {
            free.extend(self.count_as_ended(item));
        }
        for task in free {
            let no_items_left =
                self.record(task).state == TaskState::Expanded && self.queue.waits_for_nothing(task);
            if self.record(task).state == TaskState::Blocked || no_items_left {
                self.turn(task, TaskState::Ready);
            }
        }
    }

    /// Tells a new queue of a task that has ended, and returns what that frees.
    fn count_as_ended(&mut self, task: TaskIdx) -> Vec<TaskIdx> {
        self.queue.moved(task, &TaskState::Blocked, &self.tasks[task.0 as usize].state);
        self.queue.end(task)
    }

    /// Moves a task to another state: the one place where a state changes.
    pub(super) fn turn(&mut self, task: TaskIdx, state: TaskState) {
        let record = &mut self.tasks[task.0 as usize];
        self.queue.moved(task, &record.state, &state);
        record.state = state;
    }

    fn record_mut(&mut self, task: TaskIdx) -> &mut TaskRecord {
        &mut self.tasks[task.0 as usize]
    }
}

/// The error of a task that is not tried again although it did nothing wrong that anyone saw.
fn parked(error: TaskError) -> TaskError {
    let message = format!("{}; that was the {MAX_LOST}rd time, so the task is parked", error.message);
    TaskError { code: "parked".into(), message, ..error }
        .hint("it may be what brings the orchestrator down: look at its log, then use `sluice runs retry`")
}
