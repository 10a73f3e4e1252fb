//! Where a run and each of its tasks are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{Decision, TaskError};

use super::{
    AttemptResult, CacheEntry, CacheKey, CacheMiss, Origin, Outcome, Owner, RunId, RunRow, RunStatus,
    Timestamp, queue::TaskQueue,
};
use crate::workflow::{Task, TaskIdx, Workflow};

/// Where a task is. The only place that says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for tasks upstream.
    Blocked,
    /// Waits for a slot.
    Ready,
    /// Has a slot and is being prepared: condition, parameters, cache.
    Claimed,
    /// An attempt runs.
    Running {
        /// Its number.
        attempt: u32,
    },
    /// Waits for its next attempt.
    Waiting {
        /// When that may start.
        until: Timestamp,
    },
    /// Done, here or (with an origin) in an earlier run.
    Succeeded {
        /// Where a cached outcome was made.
        origin: Option<Origin>,
    },
    /// Broke.
    Failed,
    /// Will not run.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Someone ended the run.
    Cancelled,
    /// It must not happen twice, and nobody knows whether it happened.
    Unknown,
}

impl TaskState {
    /// Tells whether the task is at its end.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Blocked | Self::Ready | Self::Claimed | Self::Running { .. } | Self::Waiting { .. }
        )
    }

    /// Tells whether the task holds a slot.
    pub fn holds_slot(&self) -> bool {
        matches!(self, Self::Claimed | Self::Running { .. })
    }

    /// The word that people, programs and expressions read.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready | Self::Claimed => "ready",
            Self::Running { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a task will not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `when` is false.
    Condition {
        /// The condition as written.
        when: String,
    },
    /// A gate upstream did not pass.
    Gate {
        /// The gate's name.
        gate: String,
        /// What it decided.
        decision: Decision,
    },
    /// It runs only after a failure, and nothing failed.
    NothingFailed,
    /// A task upstream did not succeed.
    Upstream {
        /// That task's name.
        task: String,
        /// How that task ended.
        state: String,
    },
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Condition { when } => write!(f, "`{when}` is false"),
            Self::Gate { gate, decision: Decision::Insufficient } => {
                write!(f, "gate `{gate}` had too little evidence")
            }
            Self::Gate { gate, .. } => write!(f, "gate `{gate}` rejected"),
            Self::NothingFailed => f.write_str("nothing before it failed"),
            Self::Upstream { task, state } => write!(f, "`{task}` {state}"),
        }
    }
}

/// All that a run knows of one task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRecord {
    /// Where it is.
    pub state: TaskState,
    /// Attempts started.
    pub n_attempts: u32,
    /// Attempts whose outcome was lost with the orchestrator.
    pub n_lost: u32,
    /// Attempts that count against `retry.attempts`: those that failed on their own.
    pub n_failed: u32,
    /// The latest attempt's id.
    pub attempt_id: Option<String>,
    /// When the first attempt started, or the cache served it.
    pub started_at: Option<Timestamp>,
    /// When it reached its end.
    pub ended_at: Option<Timestamp>,
    /// The parameters of the latest attempt.
    pub params: Value,
    /// What it depends on.
    pub key: Option<CacheKey>,
    /// Why the cache did not serve it.
    pub miss: Option<CacheMiss>,
    /// What it left behind.
    pub outcome: Option<Outcome>,
    /// Why the latest attempt failed.
    pub error: Option<TaskError>,
}

impl TaskRecord {
    pub(super) fn new() -> Self {
        Self {
            state: TaskState::Blocked,
            n_attempts: 0,
            n_lost: 0,
            n_failed: 0,
            attempt_id: None,
            started_at: None,
            ended_at: None,
            params: Value::Null,
            key: None,
            miss: None,
            outcome: None,
            error: None,
        }
    }

    /// Seconds from the first start to the end, or to `now`.
    pub fn seconds(&self, now: Timestamp) -> Option<f64> {
        Some(self.ended_at.unwrap_or(now).seconds_since(self.started_at?))
    }
}

/// One execution of a workflow with fixed parameters.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) id: RunId,
    pub(super) workflow: Workflow,
    pub(super) base_dir: PathBuf,
    pub(super) file: PathBuf,
    pub(super) use_cache: bool,
    pub(super) owner: Owner,
    pub(super) status: RunStatus,
    pub(super) created_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) cancel: Option<String>,
    pub(super) tasks: Vec<TaskRecord>,
    pub(super) queue: TaskQueue,
    pub(super) n_events: u64,
}

impl Run {
    /// Its id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The frozen plan.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The workflow's folder.
    pub fn base_dir(&self) -> &std::path::Path {
        &self.base_dir
    }

    /// The workflow's file, as the caller named it.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// False when the caller refused the cache.
    pub fn uses_cache(&self) -> bool {
        self.use_cache
    }

    /// How it is.
    pub fn status(&self) -> RunStatus {
        self.status
    }

    /// When it was recorded.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Why someone ended it.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.cancel.as_deref()
    }

    /// The number of stored events; the next one's `seq`.
    pub fn n_events(&self) -> u64 {
        self.n_events
    }

    /// What the workflow says of a task.
    pub fn task(&self, task: TaskIdx) -> &Task {
        &self.workflow.tasks[task.0 as usize]
    }

    /// What happened to a task.
    pub fn record(&self, task: TaskIdx) -> &TaskRecord {
        &self.tasks[task.0 as usize]
    }

    /// Every task with its record, in the order of the file.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskIdx, &Task, &TaskRecord)> {
        (0u32..)
            .map(TaskIdx)
            .zip(&self.workflow.tasks)
            .zip(&self.tasks)
            .map(|((idx, task), r)| (idx, task, r))
    }

    /// The run in one row.
    pub fn row(&self) -> RunRow {
        RunRow {
            id: self.id,
            workflow: self.workflow.name.clone(),
            workflow_hash: self.workflow.hash.clone(),
            status: self.status,
            created_at: self.created_at,
            ended_at: self.ended_at,
            n_tasks: u32::try_from(self.tasks.len()).unwrap_or(u32::MAX),
            n_ended: self.queue.n_ended(),
            owner: self.owner.clone(),
            n_events: self.n_events,
            parent: None,
        }
    }

    /// Outcomes made in this run that may be used again.
    pub fn cache_entries(&self) -> impl Iterator<Item = CacheEntry> {
        self.tasks().filter_map(|(idx, task, _)| self.cache_entry(idx).filter(|_| task.cache))
    }

    /// The outcome that a task made in this run, when it may be used again.
    pub fn cache_entry(&self, idx: TaskIdx) -> Option<CacheEntry> {
        let (task, record) = (self.task(idx), self.record(idx));
        let TaskState::Succeeded { origin: None } = record.state else { return None };
        let (key, outcome) = (record.key.clone()?, record.outcome.clone()?);
        let origin = Origin { run: self.id, task: task.name.clone() };
        task.cache.then(|| CacheEntry { origin, workflow: self.workflow.name.clone(), key, outcome })
    }
}

/// Tells what an attempt's result means for what stands behind the task.
pub(super) fn blocks_downstream(task: &Task, result: &AttemptResult) -> Option<SkipReason> {
    match result {
        AttemptResult::Succeeded { outcome } => gate_reason(task, outcome),
        AttemptResult::Cancelled => None,
        _ => Some(SkipReason::Upstream { task: task.name.clone(), state: "failed".into() }),
    }
}

/// The reason for which a gate's outcome holds back what stands behind it.
pub(super) fn gate_reason(task: &Task, outcome: &Outcome) -> Option<SkipReason> {
    let decision = outcome.verdict.as_ref()?.decision;
    (decision != Decision::Pass).then(|| SkipReason::Gate { gate: task.name.clone(), decision })
}
