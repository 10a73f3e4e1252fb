//! The lines that the orchestrator and a worker exchange: one JSON object a line.
//!
//! Unknown keys are ignored on both sides; an unknown message is an error of the sender's version.

use serde::{Deserialize, Serialize};
use sluicegate_plugin::AttemptSpec;

/// The protocol's version; both sides say theirs first, and they must be equal.
pub(super) const VERSION: u32 = 1;

/// The environment variable that tells a worker it was started as one.
pub(super) const NONCE: &str = "SLUICE_WORKER_NONCE";

/// The environment variable by which everything that a worker started can be found.
pub(super) const MARK: &str = "SLUICE_WORKER_ID";

/// To the worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Request {
    Hello { version: u32, nonce: String },
    Execute { id: u64, spec: Box<AttemptSpec> },
    Cancel { id: u64 },
    Shutdown,
}

/// From the worker. The result itself is in the attempt's outcome file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Reply {
    Hello { version: u32, nonce: String },
    Progress { id: u64, fraction: Option<f64>, note: String },
    Result { id: u64, result: Box<crate::run::AttemptResult> },
}

/// A message as a line.
pub(super) fn line(message: &impl Serialize) -> String {
    let mut text = serde_json::to_string(message).expect("messages have string keys");
    text.push('\n');
    text
}
