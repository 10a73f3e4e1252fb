//! Where a task runs: worker processes, the protocol with them, and the supervision of what they start.
//!
//! A worker is this same program. It runs one attempt at a time, answers with the result, and remembers it until the orchestrator says
//! that it is durable; when the orchestrator is gone before that, the worker writes the result to the attempt's outcome file. So a
//! result is lost only when both are killed in that moment. [`WorkerPool`] is the orchestrator's side, [`serve`] the worker's.

mod adopt;
mod attempt;
mod cgroup;
mod children;
mod control;
mod desk;
mod entry;
mod epitaph;
mod error;
mod inline;
mod jobs;
mod limit;
mod lines;
mod link;
mod mark;
mod memory;
mod panics;
mod pool;
mod process;
mod protocol;
mod receipts;
mod roster;
mod serve;
mod staging;
#[cfg(test)]
mod tests;
mod threads;
mod tree;

pub use adopt::{Orphan, kill_strays};
pub use attempt::{read_outcome, tidy_attempt};
pub use control::{AttemptControl, AttemptReport, CancelHandle, OnProgress, StopReason};
pub use inline::{InlineAttempt, PATIENCE, run_inline, start_inline};
pub use pool::{PoolOptions, WorkerPool};
pub use process::{Ask, ask};
pub use roster::{Work, WorkerNews};
pub use serve::{WorkerOptions, serve};

use std::{path::Path, sync::Arc};

use sluicegate_plugin::{Kind, PluginSource, TaskError};

/// Where a worker finds kinds.
pub trait KindTable: Send + Sync {
    /// A kind by name.
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>>;

    /// A kind of a plugin, which is loaded when it was not yet. It stages its outputs below `staging`.
    fn foreign(
        &self,
        source: &PluginSource,
        name: &str,
        _home: &Path,
        _staging: &Path,
    ) -> Result<Arc<dyn Kind>, TaskError> {
        let message =
            format!("kind `{name}` is of plugin `{}`, and this worker loads no plugins", source.name);
        Err(TaskError::permanent("unknown_kind", message))
    }
}
