//! Why a command could not do its work.

use std::path::PathBuf;

use crate::{
    artifact::ArtifactError,
    engine::EngineError,
    run::ReplayError,
    scheduler::SchedulerError,
    store::{FindError, StoreError},
};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file could not be read.
    #[error("cannot read `{path}`", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder could not be written.
    #[error("cannot write `{path}`", path = path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The program does not know where it is.
    #[error("cannot find the program itself")]
    NoProgram {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No run answers to what was asked for.
    #[error(transparent)]
    NoRun(#[from] FindError),
    /// Something named by the caller does not exist.
    #[error("{message}")]
    NotFound {
        /// What does not exist.
        message: String,
        /// The next step.
        hint: String,
    },
    /// The caller asked for something that makes no sense.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// The next step.
        hint: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The artifacts refused.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The engine could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A run's events do not make a run.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A task of a pack, called by a command, failed.
    #[error(transparent)]
    Task(#[from] sluicegate_plugin::TaskError),
    /// The model server failed.
    #[error(transparent)]
    Serve(#[from] sluicegate_serve::ServeError),
    /// The scheduler refused.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// The daemon cannot listen.
    #[error(transparent)]
    Listen(#[from] crate::server::ListenError),
    /// The tokens cannot be read or changed.
    #[error(transparent)]
    Token(#[from] crate::server::TokenError),
    /// The daemon holds the store, and refused.
    #[error("{message}")]
    Daemon {
        /// What it said.
        message: String,
        /// What it advised.
        hints: Vec<String>,
        /// Its stable code.
        code: String,
    },
    /// A mistake in the program.
    #[error("{0}")]
    Internal(String),
}
