//! What the engine keeps for inline kinds: the model registry and the deployments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Decision, ProcessId};

/// Which version of a model is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// The version an alias stands for.
    Alias(String),
    /// A version by number.
    Version(u64),
    /// The version with this bundle, by its BLAKE3.
    Bundle(String),
}

impl Selector {
    /// Reads `champion`, `3` or `v3`.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('v').unwrap_or(text).parse() {
            Ok(version) => Self::Version(version),
            Err(_) => Self::Alias(text.into()),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Alias(alias) => f.write_str(alias),
            Self::Version(version) => write!(f, "v{version}"),
            Self::Bundle(hash) => write!(f, "bundle {hash}"),
        }
    }
}

/// A request to register a bundle as the next version of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The model's name.
    pub model: String,
    /// BLAKE3 of the bundle, which is an input artifact of the registering task.
    pub bundle: String,
    /// The bundle's size in bytes.
    pub size: u64,
    /// The run that registers it.
    pub run_id: String,
    /// The task that registers it.
    pub task: String,
    /// Metrics to keep with the version.
    pub metrics: BTreeMap<String, f64>,
    /// What the gate before it decided.
    pub decision: Option<Decision>,
}

/// An immutable version of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    /// The model's name.
    pub model: String,
    /// The version, from 1.
    pub version: u64,
    /// BLAKE3 of the bundle.
    pub bundle: String,
    /// The bundle's size in bytes.
    pub size: u64,
    /// The run that registered it.
    pub run_id: String,
    /// The task that registered it.
    pub task: String,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub registered_at: i64,
    /// Metrics kept with it.
    pub metrics: BTreeMap<String, f64>,
    /// What the gate before it decided.
    pub decision: Option<Decision>,
}

/// One move of an alias; the registry keeps every one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasMove {
    /// The model's name.
    pub model: String,
    /// The alias, such as `champion`.
    pub alias: String,
    /// The version it now stands for.
    pub version: u64,
    /// Why, for people.
    pub reason: String,
    /// Who: `run RUN, task TASK` or a person.
    pub actor: String,
}

/// Where a deployment runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A process on this host.
    Process,
    /// A container of the Docker engine.
    Docker,
}

/// How a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Started, not yet ready. Recorded before the process or container is, so that nothing is ever unknown.
    Starting,
    /// In service.
    Ready,
    /// Taken out of service.
    Stopped,
    /// Did not become ready, and was removed.
    Failed,
}

/// A container and its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerId {
    /// The container's name.
    pub name: String,
    /// The container's id, once the engine gave it one.
    pub id: String,
    /// The image's name with its tag.
    pub image: String,
}

/// A model version in service, somewhere, reachable at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The deployment's name; at most one generation of a name is in service.
    pub name: String,
    /// Counts the deployments of this name, from 1.
    pub generation: u64,
    /// Where it runs.
    pub target: Target,
    /// The model's name.
    pub model: String,
    /// The registered version, when the bundle is registered.
    pub version: Option<u64>,
    /// BLAKE3 of the bundle.
    pub bundle: String,
    /// A hash of the settings; equal settings and an equal bundle need no new deployment.
    pub settings: String,
    /// The parameters of the task that deployed it, with which it can be deployed again; null when they are not known.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub params: serde_json::Value,
    /// Where it answers, such as `http://127.0.0.1:8080`; empty until known.
    pub address: String,
    /// How it is.
    pub state: DeploymentState,
    /// The process, for [`Target::Process`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// The container, for [`Target::Docker`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// The run that deployed it.
    pub run_id: String,
    /// When the record last changed, in milliseconds since 1970-01-01 UTC; set by the host.
    #[serde(default)]
    pub updated_at: i64,
}

/// The host could not keep or find a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HostError(pub String);

impl From<HostError> for crate::TaskError {
    fn from(error: HostError) -> Self {
        Self::transient("host", error.0)
    }
}

/// What the engine keeps for inline kinds. Everything that is written is durable when the call returns.
pub trait Host: Send + Sync {
    /// Finds a version of a model.
    fn find_model(&self, model: &str, selector: &Selector) -> Result<Option<ModelVersion>, HostError>;
    /// Registers a bundle as the next version; a bundle that is registered already keeps its version.
    fn register_model(&self, registration: Registration) -> Result<ModelVersion, HostError>;
    /// Lets an alias stand for a version; does nothing when it does already.
    fn move_alias(&self, step: AliasMove) -> Result<(), HostError>;
    /// Finds every recorded generation of a deployment, oldest first.
    fn deployments(&self, name: &str) -> Result<Vec<Deployment>, HostError>;
    /// Records a generation of a deployment, replacing what was recorded of it before.
    fn record_deployment(&self, deployment: &Deployment) -> Result<(), HostError>;
}
