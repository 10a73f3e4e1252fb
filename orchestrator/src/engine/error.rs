//! Why the engine could not go on. A failed task is no engine error.

use crate::{
    artifact::ArtifactError,
    run::{ReplayError, RunId},
    store::StoreError,
};

/// Why the engine could not go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store refused.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The artifact store refused.
    #[error("the artifact store failed")]
    Artifact(#[from] ArtifactError),
    /// The stored events do not make a run.
    #[error("the run cannot be read")]
    Replay(#[from] ReplayError),
    /// The run is at its end.
    #[error("run `{0}` is at its end and cannot be resumed")]
    Ended(RunId),
    /// The run goes on, or was interrupted.
    #[error("run `{0}` has not ended; `sluice runs resume` goes on with an interrupted run")]
    Open(RunId),
    /// Everything succeeded, or a gate or a lost outcome holds the rest back.
    #[error("run `{0}` has nothing to repeat")]
    NothingToRepeat(RunId),
    /// A rerun begins at a task that the workflow does not have.
    #[error("the workflow of run `{run}` has no task `{task}`")]
    NoTask {
        /// The run.
        run: RunId,
        /// The task.
        task: String,
    },
    /// A rerun begins behind a gate that said no, or behind a task that was skipped.
    #[error(
        "`{task}` of run `{run}` is held back: {reason}; begin at the task that holds it back, or before"
    )]
    HeldBack {
        /// The run.
        run: RunId,
        /// The task.
        task: String,
        /// What holds it back.
        reason: String,
    },
    /// A task cannot run alone, because the tasks before it left nothing.
    #[error("run `{run}` has no outcome of every task before `{task}`, so that it cannot run alone")]
    NothingBefore {
        /// The run.
        run: RunId,
        /// The task.
        task: String,
    },
    /// The orchestrator leaves; the run goes on with the next one.
    #[error("run `{0}` is left to the next start")]
    Left(RunId),
    /// The orchestrator leaves, and begins nothing new.
    #[error("the orchestrator is stopping, and begins nothing new")]
    Leaving,
    /// The run is driven already, or has been.
    #[error("run `{0}` is there already")]
    Driven(RunId),
    /// The store is being cleared away.
    #[error("the store is being cleared away")]
    Clearing,
    /// The store cannot be cleared away while runs go on.
    #[error("{0} runs go on, and nothing is cleared away beside them")]
    Driving(usize),
    /// A background thread ended before its work did.
    #[error("a thread of the engine ended early: {0}")]
    Thread(String),
}
