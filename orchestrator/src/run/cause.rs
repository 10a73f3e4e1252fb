//! Why a run exists.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Someone.
    Hand,
    /// The time of a schedule came.
    Schedule,
    /// The time of a schedule had passed while nobody watched.
    CatchUp,
    /// Someone asked for the times of a range.
    Backfill,
    /// A run of another workflow ended.
    Run,
    /// A signed request arrived.
    Webhook,
    /// Files were new or changed.
    Files,
}

impl Trigger {
    /// The word that people, programs and expressions read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Backfill => "backfill",
            Self::Run => "run",
            Self::Webhook => "webhook",
            Self::Files => "files",
        }
    }
}

/// The schedule or trigger that a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What started it.
    pub trigger: Trigger,
    /// The schedule's name in its workflow.
    pub schedule: String,
    /// The time for which it runs; for events, when they came.
    pub scheduled_at: Timestamp,
}
