//! `/models` and `/models/NAME`

use super::{Decision, DeploymentRow, Metric, Pair};

/// What an alias stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelAlias {
    /// The alias, such as `champion`.
    pub alias: String,
    /// The version.
    pub version: u64,
    /// The version that it stood for before, which a roll back returns to.
    pub previous: Option<u64>,
}

/// A model in one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRow {
    /// Its name.
    pub name: String,
    /// The number of versions.
    pub n_versions: usize,
    /// The newest version.
    pub latest: u64,
    /// When that was registered.
    pub registered_at: i64,
    /// What its aliases stand for.
    pub aliases: Vec<ModelAlias>,
    /// The number of deployments in service.
    pub n_deployments: usize,
}

/// All models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Models {
    /// One row each.
    pub rows: Vec<ModelRow>,
}

/// A version of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelVersion {
    /// The version, from 1.
    pub version: u64,
    /// BLAKE3 of the bundle.
    pub bundle: String,
    /// The bundle's size.
    pub size: u64,
    /// The run that registered it.
    pub run: String,
    /// The workflow of that run; empty when the run is no longer known.
    pub workflow: String,
    /// The task that registered it.
    pub task: String,
    /// When.
    pub registered_at: i64,
    /// Metrics kept with it.
    pub metrics: Vec<Metric>,
    /// What the gate before it decided.
    pub decision: Option<Decision>,
    /// Where its data came from: the task or file, and the hash or path; in the order of the graph.
    pub lineage: Vec<Pair>,
    /// Where the bundle can be downloaded; empty when it cannot.
    pub url: String,
}

/// A move of an alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasMove {
    /// The alias.
    pub alias: String,
    /// The version that it stood for before.
    pub from: Option<u64>,
    /// The version that it stands for since.
    pub to: u64,
    /// When.
    pub at: i64,
    /// Who: `run RUN, task TASK` or a person.
    pub actor: String,
    /// The run in `actor`, to link to; empty when a person did it.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelPage {
    /// Its name.
    pub name: String,
    /// What its aliases stand for.
    pub aliases: Vec<ModelAlias>,
    /// Its versions, newest first.
    pub versions: Vec<ModelVersion>,
    /// Every move of its aliases, newest first.
    pub history: Vec<AliasMove>,
    /// Its deployments.
    pub deployments: Vec<DeploymentRow>,
}
