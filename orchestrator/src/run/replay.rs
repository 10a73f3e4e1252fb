//! Becoming: the one function that changes a run, used live and for replay.

use super::{
    AttemptResult, EVENT_VERSION, Event, EventRecord, Resolution, Run, RunId, RunStatus, TaskRecord,
    TaskState, Timestamp, queue::TaskQueue,
};
use crate::workflow::TaskIdx;

/// Stored events that do not make a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is no event, or the first is not `run_created`.
    #[error("run `{0}` has no beginning")]
    NoBeginning(RunId),
    /// An event is missing or stands twice.
    #[error("run `{run}` lacks event {expected}; event {found} follows")]
    Gap {
        /// The run.
        run: RunId,
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The event was written by a newer program.
    #[error("run `{run}` has an event of format {found}; this program reads up to {EVENT_VERSION}")]
    Newer {
        /// The run.
        run: RunId,
        /// The format's version.
        found: u16,
    },
    /// The event names a task that the workflow does not have.
    #[error("run `{run}` has an event for task number {task}, which its workflow lacks")]
    NoTask {
        /// The run.
        run: RunId,
        /// The task's number.
        task: u32,
    },
}

impl Run {
    /// Rebuilds a run from its stored events.
    pub fn replay(id: RunId, records: &[EventRecord]) -> Result<Self, ReplayError> {
        let mut run: Option<Self> = None;
        for (expected, record) in (0u64..).zip(records) {
            if record.v > EVENT_VERSION {
                return Err(ReplayError::Newer { run: id, found: record.v });
            }
            if record.seq != expected {
                return Err(ReplayError::Gap { run: id, expected, found: record.seq });
            }
            match &mut run {
                None => {
                    let created = Self::create(id, &record.event, record.at);
                    run = Some(created.ok_or(ReplayError::NoBeginning(id))?);
                }
                Some(run) => {
                    if let Some(task) = task_of(&record.event)
                        && task.0 as usize >= run.tasks.len()
                    {
                        return Err(ReplayError::NoTask { run: id, task: task.0 });
                    }
                    run.apply(&record.event, record.at);
                }
            }
        }
        run.ok_or(ReplayError::NoBeginning(id))
    }

    /// Makes a run from its first event; `None` when that is another event.
    pub fn create(id: RunId, event: &Event, at: Timestamp) -> Option<Self> {
        let Event::RunCreated { workflow, base_dir, file, use_cache, owner } = event else { return None };
        let (queue, free) = TaskQueue::new(workflow);
        let mut run = Self {
            id,
            workflow: (**workflow).clone(),
            base_dir: base_dir.clone(),
            file: file.clone(),
            use_cache: *use_cache,
            owner: owner.clone(),
            status: RunStatus::Running,
            created_at: at,
            ended_at: None,
            cancel: None,
            tasks: workflow.tasks.iter().map(|_| TaskRecord::new()).collect(),
            queue,
            n_events: 1,
        };
        for task in free {
            run.make_ready(task);
        }
        Some(run)
    }

    /// Becomes what an event says. Never fails: what cannot be is caught by [`Run::replay`] and never stored.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        if event.is_durable() {
            self.n_events += 1;
        }
        match event {
            Event::RunCreated { .. } => {}
            Event::RunInterrupted => self.status = RunStatus::Interrupted,
            Event::RunResumed { owner } => {
                self.owner = owner.clone();
                self.status = RunStatus::Running;
            }
            Event::RunReopened { owner, tasks } => {
                self.owner = owner.clone();
                self.reopen(tasks);
            }
            Event::TaskResolved { task, resolution } => {
                self.record_mut(*task).state = match resolution {
                    Resolution::Succeeded => TaskState::Succeeded { origin: None },
                    Resolution::Failed => TaskState::Failed,
                    Resolution::Retry => TaskState::Cancelled,
                };
            }
            Event::CancelRequested { reason } => self.cancel = Some(reason.clone()),
            Event::RunFinished { status } => {
                self.status = *status;
                self.ended_at = Some(at);
            }
            Event::TaskClaimed { task } => {
                self.queue.remove(*task);
                self.record_mut(*task).state = TaskState::Claimed;
            }
            Event::TaskWoken { task } => self.make_ready(*task),
            Event::TaskSkipped { task, reason } => {
                self.end(*task, TaskState::Skipped { reason: reason.clone() }, at);
            }
            Event::TaskCancelled { task } => self.end(*task, TaskState::Cancelled, at),
            Event::TaskUnprepared { task, error } => {
                self.record_mut(*task).error = Some(error.clone());
                self.end(*task, TaskState::Failed, at);
            }
            Event::CacheHit { task, key, origin, outcome } => {
                let record = self.record_mut(*task);
                record.started_at = Some(at);
                record.key = Some(key.clone());
                record.outcome = Some(outcome.clone());
                self.end(*task, TaskState::Succeeded { origin: Some(origin.clone()) }, at);
            }
            Event::AttemptStarted { task, attempt, attempt_id, params, key, miss } => {
                self.queue.remove(*task);
                let record = self.record_mut(*task);
                record.state = TaskState::Running { attempt: *attempt };
                record.n_attempts = *attempt;
                record.attempt_id = Some(attempt_id.clone());
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
            AttemptResult::Lost => record.n_lost += 1,
            AttemptResult::Succeeded { .. } | AttemptResult::Cancelled => {}
            _ => record.n_failed += 1,
        }
        if let Some(until) = retry_at {
            record.state = TaskState::Waiting { until };
            return;
        }
        let state = match result {
            AttemptResult::Succeeded { outcome } => {
                record.outcome = Some(outcome.clone());
                TaskState::Succeeded { origin: None }
            }
            AttemptResult::Cancelled => TaskState::Cancelled,
            AttemptResult::Lost if once => TaskState::Unknown,
            _ => TaskState::Failed,
        };
        self.end(task, state, at);
    }

    fn end(&mut self, task: TaskIdx, state: TaskState, at: Timestamp) {
        let record = self.record_mut(task);
        record.state = state;
        record.ended_at = Some(at);
        for next in self.queue.end(task) {
            if self.record(next).state == TaskState::Blocked {
                self.make_ready(next);
            }
        }
    }

    /// Lets tasks start over, and finds out anew what waits for what.
    fn reopen(&mut self, again: &[TaskIdx]) {
        self.status = RunStatus::Running;
        self.ended_at = None;
        self.cancel = None;
        for task in again {
            let record = self.record_mut(*task);
            // Attempts are counted on, so that no two have the same folder.
            *record = TaskRecord { n_attempts: record.n_attempts, ..TaskRecord::new() };
        }
        let (queue, free) = TaskQueue::new(&self.workflow);
        self.queue = queue;
        let ended = (0u32..).map(TaskIdx).zip(&self.tasks).filter(|(_, record)| record.state.is_final());
        let ended: Vec<_> = ended.map(|(task, _)| task).collect();
        let freed: Vec<_> = ended.iter().flat_map(|task| self.queue.end(*task)).collect();
        for task in free.into_iter().chain(freed) {
            if self.record(task).state == TaskState::Blocked {
                self.make_ready(task);
            }
        }
    }

    fn make_ready(&mut self, task: TaskIdx) {
        self.record_mut(task).state = TaskState::Ready;
        self.queue.push(task);
    }

    fn record_mut(&mut self, task: TaskIdx) -> &mut TaskRecord {
        &mut self.tasks[task.0 as usize]
    }
}

/// The task that an event is about.
fn task_of(event: &Event) -> Option<TaskIdx> {
    match event {
        Event::TaskClaimed { task }
        | Event::TaskWoken { task }
        | Event::TaskSkipped { task, .. }
        | Event::TaskCancelled { task }
        | Event::TaskUnprepared { task, .. }
        | Event::CacheHit { task, .. }
        | Event::AttemptStarted { task, .. }
        | Event::AttemptFinished { task, .. }
        | Event::TaskResolved { task, .. } => Some(*task),
        Event::RunReopened { tasks, .. } => tasks.iter().max().copied(),
        Event::RunCreated { .. }
        | Event::RunInterrupted
        | Event::RunResumed { .. }
        | Event::CancelRequested { .. }
        | Event::RunFinished { .. } => None,
    }
}
