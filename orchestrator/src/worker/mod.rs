//! Where a task runs: worker processes, the protocol with them, and the supervision of what they start.
//!
//! A worker is this same program. It runs one attempt at a time, writes the outcome to a file, and only then answers.

mod attempt;
mod control;
mod error;
mod inline;
mod pool;
mod process;
mod protocol;
mod serve;

pub use attempt::read_outcome;
pub use control::{AttemptControl, CancelHandle, StopReason};
pub use inline::{InlineAttempt, run_inline};
pub use pool::{AttemptReport, PoolOptions, WorkerPool};
pub use process::{is_alive, kill_leftovers, process_id_of};
pub use serve::{WorkerOptions, serve};

use std::sync::Arc;

use sluicegate_plugin::Kind;

/// Where a worker finds kinds.
pub trait KindTable: Send + Sync {
    /// A kind by name.
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>>;
}
