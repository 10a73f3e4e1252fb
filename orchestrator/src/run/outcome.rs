//! What an attempt ended with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{Exit, PortType, TaskError, Verdict};

use super::{CacheKey, RunId};

/// The content behind an output port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputArtifact {
    /// The port's type.
    #[serde(rename = "type")]
    pub port_type: PortType,
    /// BLAKE3 of the content, lowercase hexadecimal.
    pub hash: String,
    /// Size in bytes.
    pub size: u64,
    /// The value itself, for a `value` port.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
}

impl OutputArtifact {
    /// The artifact of a value; its content is the value as JSON.
    pub fn of_value(value: Value) -> Self {
        let text = value.to_string();
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        Self { port_type: PortType::Value, hash, size: text.len() as u64, value: Some(value) }
    }
}

/// A field that is there has a value, even when that is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a successful attempt left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Outputs by port.
    pub outputs: BTreeMap<String, OutputArtifact>,
    /// Metrics by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// What a gate decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AttemptResult {
    /// It did its work.
    Succeeded {
        /// What it left behind.
        outcome: Outcome,
    },
    /// It said that it failed.
    Failed {
        /// Why.
        error: TaskError,
    },
    /// It was stopped because it took longer than its timeout.
    TimedOut {
        /// The timeout, in seconds.
        after: f64,
        /// Who did not stop when it was asked to, so that its worker was killed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stubborn: Option<String>,
    },
    /// It was stopped because the run was cancelled.
    Cancelled,
    /// Its worker ended without an outcome.
    Crashed {
        /// Signal or exit code, for people.
        message: String,
        /// The end of what the worker wrote to its standard error.
        stderr: String,
        /// The same for filters of retries, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
        /// True when the kernel killed it because memory ran out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        out_of_memory: bool,
    },
    /// The orchestrator ended, and the attempt's outcome with it.
    Lost,
    /// The orchestrator ended, and the kind's probe found that the attempt had done nothing.
    NeverHappened,
}

impl AttemptResult {
    /// Why the attempt did not succeed, as an error; `None` when it did or was cancelled.
    pub fn error(&self) -> Option<TaskError> {
        match self {
            Self::Succeeded { .. } | Self::Cancelled => None,
            Self::Failed { error } => Some(error.clone()),
            Self::TimedOut { after, stubborn } => {
                let how = stubborn.as_ref().map_or(String::new(), |who| {
                    format!("; {who} did not stop when it was asked to, and its worker was killed")
                });
                let message = format!("took longer than its timeout of {after} s{how}");
                let error = TaskError::transient("timeout", message);
                Some(error.hint("raise `timeout`, or find out in the log where the time went"))
            }
            Self::Crashed { message, stderr, exit, out_of_memory } => {
                let code = if *out_of_memory { TaskError::OUT_OF_MEMORY } else { "crashed" };
                let said =
                    if stderr.is_empty() { String::new() } else { format!("; it last wrote: {stderr}") };
                let error =
                    TaskError { exit: *exit, ..TaskError::transient(code, format!("{message}{said}")) };
                Some(if *out_of_memory { error.hint(TaskError::MORE_MEMORY) } else { error })
            }
            Self::Lost => Some(TaskError::transient("lost", "the orchestrator ended before the attempt did")),
            Self::NeverHappened => Some(TaskError::transient(
                "lost",
                "the orchestrator ended before the attempt did, and a probe found that nothing had happened",
            )),
        }
    }
}

/// Where a cached outcome was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run.
    pub run: RunId,
    /// The task in that run.
    pub task: String,
}

/// An outcome that may be used again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// Where it was made.
    pub origin: Origin,
    /// The workflow it was made in.
    pub workflow: String,
    /// What it depended on.
    pub key: CacheKey,
    /// What it left behind.
    pub outcome: Outcome,
}
