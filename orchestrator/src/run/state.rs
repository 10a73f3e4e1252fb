//! Where a task is, and why one will not run.

use serde::{Deserialize, Serialize};
use sluicegate_plugin::Decision;

use super::{Origin, RunStatus, Timestamp};

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
    /// Its items are tasks of their own; it waits for them.
    Expanded,
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
            Self::Blocked
                | Self::Ready
                | Self::Claimed
                | Self::Running { .. }
                | Self::Waiting { .. }
                | Self::Expanded
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
            Self::Running { .. } | Self::Expanded => "running",
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
    /// It is a hook for another end of the run.
    OtherEnd {
        /// How the run ended.
        status: RunStatus,
    },
    /// The run repeats only other tasks.
    NotChosen,
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
            Self::OtherEnd { status } => write!(f, "the run {status}"),
            Self::NotChosen => f.write_str("only other tasks were to be repeated"),
            Self::Upstream { task, state } => write!(f, "`{task}` {state}"),
        }
    }
}
