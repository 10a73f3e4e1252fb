//! A run in one row, for lists.

use serde::{Deserialize, Serialize};

use super::{Owner, RunId, RunStory, Timestamp};

/// How a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// A process drives it.
    Running,
    /// A process drives it, but nothing new starts until someone lets it go on.
    Paused,
    /// Its process died; it can be driven on.
    Interrupted,
    /// Everything went well.
    Succeeded,
    /// Nothing broke, but a gate did not pass.
    Rejected,
    /// A task failed.
    Failed,
    /// Someone ended it.
    Cancelled,
}

impl RunStatus {
    /// Tells whether nothing can happen to the run any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Rejected | Self::Failed | Self::Cancelled)
    }

    /// The word that people and programs read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// A run in one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// BLAKE3 of the workflow file.
    pub workflow_hash: String,
    /// How it is.
    pub status: RunStatus,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The number of tasks.
    pub n_tasks: u32,
    /// Tasks that ended: succeeded, failed, skipped or cancelled.
    pub n_ended: u32,
    /// The process that drives it, or drove it last.
    pub owner: Owner,
    /// The number of stored events.
    pub n_events: u64,
    /// The run whose task started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// Why it exists and what came of it.
    #[serde(default)]
    pub story: RunStory,
}
