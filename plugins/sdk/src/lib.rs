//! What a task kind and the engine agree on.
//!
//! Implement [`Task`] to write a kind: state its [`Description`], take typed parameters, read inputs and write
//! outputs through the [`Context`]. The engine sees every kind through the object-safe [`Kind`].
//! This crate knows no engine, no store and no machine learning.

pub mod abi;
mod ask;
mod context;
mod describe;
mod duration;
mod error;
mod host;
mod kind;
mod log;
mod manifest;
mod mask;
mod outcome;
mod pack;
mod plugin;
mod preview;
mod probe;
mod process;
mod schema;
mod spec;
mod table;
pub mod testing;
mod verdict;

pub use ask::{About, Answer, AskRequest};
pub use context::{CancelToken, Context, ContextOptions, LogLevel};
pub use describe::{Description, Effect, ErrorDoc, Placement, Port, PortType, Ports};
pub use duration::DurationParam;
pub use error::{Exit, Problem, TaskError, with_causes};
pub use host::{
    AliasMove, ContainerId, Deployment, DeploymentState, Host, HostError, ModelVersion, Registration,
    Selector, Target,
};
pub use kind::{Kind, Task};
pub use log::AttemptLog;
pub use manifest::Manifest;
pub use mask::{Mask, MaskStream};
pub use outcome::{Finished, Output};
pub use pack::Pack;
pub use plugin::prelude;
pub use preview::TablePreview;
pub use probe::{Probe, ProbeContext};
pub use process::{ProcessId, ProcessStat};
pub use schema::nearest;
pub use schema::{Column, ColumnType, PortSchema, SchemaCheck};
pub use spec::{
    AttemptSpec, Input, ModelReference, PluginCode, PluginSource, ResolvedModel, Resources, RunInfo, Secret,
};
pub use table::{Table, TableError};
pub use verdict::{CheckedRequirement, Decision, Verdict};
