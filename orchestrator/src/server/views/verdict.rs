//! What gates said.

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_plugin::{Decision, Verdict};

/// A gate's decision, line by line.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct VerdictView {
    /// `pass`, `reject` or `insufficient`.
    pub(in crate::server) decision: &'static str,
    pub(in crate::server) requirements: Vec<RequirementView>,
}

/// One requirement.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct RequirementView {
    pub(in crate::server) metric: String,
    pub(in crate::server) asked: String,
    pub(in crate::server) seen: Option<f64>,
    pub(in crate::server) champion: Option<f64>,
    pub(in crate::server) decision: &'static str,
    pub(in crate::server) reason: String,
}

pub(in crate::server) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "pass",
        Decision::Reject => "reject",
        Decision::Insufficient => "insufficient",
    }
}

impl VerdictView {
    pub(in crate::server) fn of(verdict: &Verdict) -> Self {
        let requirements = verdict
            .requirements
            .iter()
            .map(|requirement| RequirementView {
                metric: requirement.metric.clone(),
                asked: requirement.asked.clone(),
                seen: requirement.seen,
                champion: requirement.champion,
                decision: word(requirement.decision),
                reason: requirement.reason.clone(),
            })
            .collect();
        Self { decision: word(verdict.decision), requirements }
    }
}
