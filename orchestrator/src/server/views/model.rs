//! Models and deployments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_plugin::{Deployment, DeploymentState, ModelVersion, Target};

use super::{rfc3339, verdict::word};
use crate::{
    run::Timestamp,
    server::facade::Health,
    store::{AliasRecord, ModelSummary},
};

/// Every model, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ModelList {
    pub(in crate::server) models: Vec<ModelSummaryView>,
}

/// A model in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ModelSummaryView {
    pub(in crate::server) name: String,
    pub(in crate::server) n_versions: usize,
    pub(in crate::server) latest: u64,
    pub(in crate::server) aliases: BTreeMap<String, u64>,
}

impl From<ModelSummary> for ModelSummaryView {
    fn from(model: ModelSummary) -> Self {
        let ModelSummary { name, n_versions, latest, aliases } = model;
        Self { name, n_versions, latest, aliases }
    }
}

/// A model with its versions, newest first, and the moves of its aliases, latest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ModelView {
    pub(in crate::server) name: String,
    pub(in crate::server) aliases: BTreeMap<String, u64>,
    pub(in crate::server) versions: Vec<VersionView>,
    pub(in crate::server) history: Vec<AliasMoveView>,
}

/// A version of a model.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct VersionView {
    pub(in crate::server) version: u64,
    /// BLAKE3 of the bundle.
    pub(in crate::server) bundle: String,
    /// Bytes.
    pub(in crate::server) size: u64,
    /// The run and the task that registered it.
    pub(in crate::server) run: String,
    pub(in crate::server) task: String,
    pub(in crate::server) registered_at: String,
    pub(in crate::server) metrics: BTreeMap<String, f64>,
    /// What the gate before it decided.
    pub(in crate::server) decision: Option<&'static str>,
}

impl VersionView {
    fn of(version: &ModelVersion) -> Self {
        Self {
            version: version.version,
            bundle: version.bundle.clone(),
            size: version.size,
            run: version.run_id.clone(),
            task: version.task.clone(),
            registered_at: rfc3339(Timestamp(version.registered_at)),
            metrics: version.metrics.clone(),
            decision: version.decision.map(word),
        }
    }
}

/// A move of an alias.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct AliasMoveView {
    pub(in crate::server) alias: String,
    pub(in crate::server) from: Option<u64>,
    pub(in crate::server) to: u64,
    pub(in crate::server) at: String,
    pub(in crate::server) actor: String,
    pub(in crate::server) reason: String,
}

impl AliasMoveView {
    pub(in crate::server) fn of(record: &AliasRecord) -> Self {
        Self {
            alias: record.step.alias.clone(),
            from: record.from,
            to: record.step.version,
            at: rfc3339(record.at),
            actor: record.step.actor.clone(),
            reason: record.step.reason.clone(),
        }
    }
}

impl ModelView {
    pub(in crate::server) fn of(
        name: String,
        versions: &[ModelVersion],
        aliases: BTreeMap<String, u64>,
        history: &[AliasRecord],
    ) -> Self {
        Self {
            name,
            aliases,
            versions: versions.iter().rev().map(VersionView::of).collect(),
            history: history.iter().rev().map(AliasMoveView::of).collect(),
        }
    }
}

/// Deployments.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct DeploymentList {
    pub(in crate::server) deployments: Vec<DeploymentView>,
}

/// A generation of a deployment.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct DeploymentView {
    pub(in crate::server) name: String,
    pub(in crate::server) generation: u64,
    /// `process` or `docker`.
    pub(in crate::server) target: &'static str,
    pub(in crate::server) model: String,
    pub(in crate::server) version: Option<u64>,
    pub(in crate::server) bundle: String,
    pub(in crate::server) address: String,
    /// What is recorded: `starting`, `ready`, `stopped` or `failed`.
    pub(in crate::server) state: &'static str,
    /// What it says of itself, when it should be in service: `ready`, `alive` or `gone`.
    pub(in crate::server) health: Option<&'static str>,
    pub(in crate::server) run: String,
    pub(in crate::server) updated_at: String,
}

impl DeploymentView {
    pub(in crate::server) fn of(deployment: &Deployment, health: Option<Health>) -> Self {
        Self {
            name: deployment.name.clone(),
            generation: deployment.generation,
            target: match deployment.target {
                Target::Process => "process",
                Target::Docker => "docker",
            },
            model: deployment.model.clone(),
            version: deployment.version,
            bundle: deployment.bundle.clone(),
            address: deployment.address.clone(),
            state: match deployment.state {
                DeploymentState::Starting => "starting",
                DeploymentState::Ready => "ready",
                DeploymentState::Stopped => "stopped",
                DeploymentState::Failed => "failed",
            },
            health: health.map(|health| match health {
                Health::Ready => "ready",
                Health::Alive => "alive",
                Health::Gone => "gone",
            }),
            run: deployment.run_id.clone(),
            updated_at: rfc3339(Timestamp(deployment.updated_at)),
        }
    }
}
