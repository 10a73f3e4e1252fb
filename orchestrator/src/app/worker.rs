//! The worker process.

use std::sync::Arc;

use crate::worker::{WorkerOptions, serve};

/// The hidden command that makes this program a worker.
pub const WORKER_COMMAND: &str = "__worker";

/// Serves tasks on standard input and output until they end.
pub fn serve_worker() -> u8 {
    serve(WorkerOptions { kinds: Arc::new(super::built_in_kinds()) })
}
