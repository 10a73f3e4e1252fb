//! What a gate says.

use serde::{Deserialize, Serialize};

/// A gate's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every requirement is met.
    Pass,
    /// At least one requirement is not met.
    Reject,
    /// The report does not hold enough evidence to decide.
    Insufficient,
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Reject => "reject",
            Self::Insufficient => "insufficient",
        })
    }
}

/// One requirement of a gate, what was asked and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckedRequirement {
    /// The metric's name.
    pub metric: String,
    /// What was asked, such as `≥ 0.95` or `not lower than the champion's 0.9712 by more than 0.01`.
    pub asked: String,
    /// What was seen; absent when the report lacks the metric.
    pub seen: Option<f64>,
    /// What the champion had, when the requirement compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<f64>,
    /// The decision on this requirement alone.
    pub decision: Decision,
    /// Why, in one fragment for people.
    pub reason: String,
}

/// A gate's decision with the reasons for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision: the worst of the requirements' (`reject` before `insufficient` before `pass`).
    pub decision: Decision,
    /// Every requirement, in the order of the workflow.
    pub requirements: Vec<CheckedRequirement>,
}
