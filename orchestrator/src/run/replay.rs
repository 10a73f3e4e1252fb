//! A run from its stored events.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    EVENT_VERSION, Event, EventRecord, Run, RunId, RunStatus, TaskRecord, TaskState, Timestamp,
    queue::TaskQueue,
};

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
                    if let Some(task) = record.event.last_task()
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
        let Event::RunCreated { workflow, base_dir, file, use_cache, owner, parent, cause, started_by } =
            event
        else {
            return None;
        };
        let (queue, free) = TaskQueue::new(workflow);
        let mut run = Self {
            id,
            workflow: Arc::clone(workflow),
            base_dir: base_dir.clone(),
            file: file.clone(),
            use_cache: *use_cache,
            owner: owner.clone(),
            parent: *parent,
            cause: cause.clone(),
            started_by: started_by.clone(),
            status: RunStatus::Running,
            created_at: at,
            ended_at: None,
            cancel: None,
            driven_since: at,
            verdict: None,
            items: Vec::new(),
            expansions: BTreeMap::new(),
            tasks: workflow.tasks.iter().map(|_| TaskRecord::new()).collect(),
            queue,
            n_events: 1,
        };
        for task in free {
            run.turn(task, TaskState::Ready);
        }
        Some(run)
    }
}
