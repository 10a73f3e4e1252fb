//! Runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{TaskView, rfc3339, verdict::word};
use crate::run::{Run, RunRow, RunStatus, Timestamp, Trigger};

/// A run in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct RunSummary {
    /// Its id; ids sort by the time of their making.
    pub(in crate::server) id: String,
    /// The workflow's name.
    pub(in crate::server) workflow: String,
    /// BLAKE3 of the workflow file.
    pub(in crate::server) workflow_hash: String,
    /// `running`, `paused`, `interrupted`, `succeeded`, `rejected`, `failed` or `cancelled`.
    pub(in crate::server) status: &'static str,
    pub(in crate::server) created_at: String,
    pub(in crate::server) ended_at: Option<String>,
    /// Seconds from start to end, or so far.
    pub(in crate::server) duration: Option<f64>,
    pub(in crate::server) n_tasks: u32,
    /// Tasks that are at their end.
    pub(in crate::server) n_ended: u32,
    /// Events so far; the next one has this number.
    pub(in crate::server) n_events: u64,
    /// The run whose task started this one.
    pub(in crate::server) parent: Option<String>,
    /// `hand`, `schedule`, `catch_up`, `backfill`, `run`, `webhook` or `files`; `hand` also of a run that a task of another one started.
    pub(in crate::server) trigger: &'static str,
    /// Who started it, when someone did and it is known.
    pub(in crate::server) started_by: Option<String>,
    /// The schedule or trigger of the workflow that it belongs to.
    pub(in crate::server) schedule: Option<String>,
    /// The time for which the schedule started it.
    pub(in crate::server) scheduled_at: Option<String>,
    /// Why it did not succeed.
    pub(in crate::server) trouble: Option<TroubleView>,
    /// What its gates decided together: `pass`, `reject` or `insufficient`.
    pub(in crate::server) decision: Option<&'static str>,
}

/// What kept a run from succeeding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct TroubleView {
    /// The task that broke first, or the gate; empty when it was the run as a whole.
    pub(in crate::server) task: String,
    /// The first line of its error, or of what the gate said.
    pub(in crate::server) message: String,
}

impl RunSummary {
    pub(in crate::server) fn of(row: &RunRow, now: Timestamp) -> Self {
        let story = &row.story;
        let duration = match (row.ended_at, row.status) {
            (Some(end), _) => Some(end.seconds_since(row.created_at)),
            (None, RunStatus::Interrupted) => None,
            (None, _) => Some(now.seconds_since(row.created_at)),
        };
        Self {
            id: row.id.to_string(),
            workflow: row.workflow.clone(),
            workflow_hash: row.workflow_hash.clone(),
            status: row.status.word(),
            created_at: rfc3339(row.created_at),
            ended_at: row.ended_at.map(rfc3339),
            duration,
            n_tasks: row.n_tasks,
            n_ended: row.n_ended,
            n_events: row.n_events,
            parent: row.parent.map(|parent| parent.to_string()),
            trigger: story.cause.as_ref().map_or(Trigger::Hand, |cause| cause.trigger).word(),
            started_by: Some(&story.started_by).filter(|name| !name.is_empty()).cloned(),
            schedule: story.cause.as_ref().map(|cause| cause.schedule.clone()),
            scheduled_at: story.cause.as_ref().map(|cause| rfc3339(cause.scheduled_at)),
            trouble: story
                .trouble
                .as_ref()
                .map(|trouble| TroubleView { task: trouble.task.clone(), message: trouble.message.clone() }),
            decision: story.decision.map(word),
        }
    }
}

/// Runs, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct RunPage {
    pub(in crate::server) runs: Vec<RunSummary>,
    /// Where the next page begins; a page may have fewer runs than asked for, or none, and still be followed by another.
    pub(in crate::server) next: Option<String>,
}

/// A run with its tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct RunView {
    #[serde(flatten)]
    pub(in crate::server) run: RunSummary,
    /// The file, as whoever started the run named it.
    pub(in crate::server) file: String,
    pub(in crate::server) params: BTreeMap<String, Value>,
    /// False when the run did not use the cache.
    pub(in crate::server) use_cache: bool,
    /// Why it was ended early.
    pub(in crate::server) cancelled_because: Option<String>,
    /// True when `retry` would repeat something.
    pub(in crate::server) can_retry: bool,
    /// In the order of the file, each followed by its items.
    pub(in crate::server) tasks: Vec<TaskView>,
}

impl RunView {
    pub(in crate::server) fn of(run: &Run, now: Timestamp) -> Self {
        let status = run.status();
        Self {
            run: RunSummary::of(&run.row(), now),
            file: run.file().display().to_string(),
            params: run.workflow().params.clone(),
            use_cache: run.uses_cache(),
            cancelled_because: run.cancel_reason().map(str::to_owned),
            can_retry: status.is_final() && run.can_go_on(),
            tasks: run
                .tasks_with_items()
                .map(|(idx, task, record)| TaskView::of(run, idx, task, record, now))
                .collect(),
        }
    }
}
