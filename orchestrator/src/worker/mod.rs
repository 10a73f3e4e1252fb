//! Where a task runs: worker processes, the protocol with them, and the supervision of what they start.
//!
//! A worker is this same program. It runs one attempt at a time, writes the outcome to a file, and only then answers; so an
//! outcome survives the worker, and the orchestrator too. [`WorkerPool`] is the orchestrator's side, [`serve`] the worker's.

mod adopt;
mod attempt;
mod children;
mod control;
mod epitaph;
mod error;
mod inline;
mod lines;
mod link;
mod mark;
mod panics;
mod pool;
mod process;
mod protocol;
mod serve;
#[cfg(test)]
mod tests;
mod tree;

pub use adopt::{Orphan, kill_strays};
pub use attempt::{read_outcome, tidy_attempt};
pub use control::{AttemptControl, AttemptReport, CancelHandle, OnProgress, StopReason};
pub use inline::{InlineAttempt, run_inline};
pub use pool::{PoolOptions, WorkerPool};
pub use process::{Ask, ask};
pub use serve::{WorkerOptions, serve};

use std::sync::Arc;

use sluicegate_plugin::Kind;

/// Where a worker finds kinds.
pub trait KindTable: Send + Sync {
    /// A kind by name.
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>>;
}
