//! What happened to one task.

use serde::Serialize;
use serde_json::Value;
use sluicegate_plugin::TaskError;

use super::{CacheKey, CacheMiss, Outcome, RunId, TaskState, Timestamp};

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
    /// The run that the latest attempt started, when it runs a workflow.
    pub child: Option<RunId>,
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
            child: None,
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
