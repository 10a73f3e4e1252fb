//! A self-contained statement of one attempt: everything a worker needs, and nothing that needs the same process.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{PortType, Selector};

/// Which attempt this is, of which task, in which run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run's id.
    pub run_id: String,
    /// The workflow's name; also the default name of its model.
    pub workflow: String,
    /// The task's name.
    pub task: String,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// An id that no other attempt has; a fencing token for effects.
    pub attempt_id: String,
}

/// What is connected to an input port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The type of the output that feeds it.
    #[serde(rename = "type")]
    pub port_type: PortType,
    /// BLAKE3 of the content, lowercase hexadecimal.
    pub hash: String,
    /// Where the content is; read only.
    pub path: PathBuf,
    /// The value itself, for a `value` port.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
}

/// A field that is there has a value, even when that is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A registered model that a task reads, by name and selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReference {
    /// The name under which [`crate::Context::reference`] finds it.
    pub key: String,
    /// The model's name in the registry.
    pub model: String,
    /// Which version.
    pub selector: Selector,
    /// An input port: when its content is this very model, the reference resolves to nothing.
    #[serde(default)]
    pub unless_input: Option<String>,
}

/// What a [`ModelReference`] stood for when the task started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedModel {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: u64,
    /// BLAKE3 of the bundle.
    pub hash: String,
    /// Where the bundle is; read only.
    pub path: PathBuf,
}

/// What a task may use at most; what is absent is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Processors; 0.5 is half of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
}

impl Resources {
    /// Tells whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.memory.is_none() && self.cpus.is_none()
    }
}

/// A text that must not be seen: its debug form hides it. It crosses to a worker by its channel, and is never stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Foreign code that a kind comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSource {
    /// The plugin's name.
    pub name: String,
    /// BLAKE3 of the library, or of the program's files; what is loaded must have it.
    pub hash: String,
    /// Where the code is.
    pub code: PluginCode,
    /// True when the kind may write only below its staging folder, because it says that it is pure.
    #[serde(default)]
    pub confined: bool,
    /// How much memory, in bytes, its tasks may use at most that do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
}

/// Where the code of a plugin is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PluginCode {
    /// A shared library with the C ABI.
    Library {
        /// The file.
        path: PathBuf,
    },
    /// A program that speaks the plugin protocol.
    Program {
        /// The folder that it starts in; its files are what is hashed.
        folder: PathBuf,
        /// The program and its arguments.
        command: Vec<String>,
    },
}

impl PluginCode {
    /// The file or folder, for messages.
    pub fn place(&self) -> &std::path::Path {
        match self {
            Self::Library { path } => path,
            Self::Program { folder, .. } => folder,
        }
    }
}

/// Everything a worker needs to run one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptSpec {
    /// Which attempt.
    pub run: RunInfo,
    /// The kind's name.
    pub kind: String,
    /// Where the kind comes from, when it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginSource>,
    /// The parameters, expressions already evaluated.
    pub params: Value,
    /// Connected inputs, by port.
    pub inputs: BTreeMap<String, Input>,
    /// Resolved model references, by key; absent when there was none.
    #[serde(default)]
    pub references: BTreeMap<String, ResolvedModel>,
    /// After how many seconds the attempt is stopped; the worker sees to it when its orchestrator is gone.
    #[serde(default)]
    pub timeout: Option<f64>,
    /// Environment variables for programs that the task starts.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What the attempt may use at most.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Secrets by name: environment variables of the programs that the task starts, and for [`crate::Context::secret`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Secret>,
    /// The workflow's folder: relative paths in parameters start here.
    pub base_dir: PathBuf,
    /// The attempt's own folder, which is there only while outputs are staged in it or an outcome waits in it. The log is beside it.
    pub attempt_dir: PathBuf,
    /// The folder of the state, `.sluice`.
    pub home: PathBuf,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_debug_form_of_a_specification_hides_its_secrets() {
        let folder = std::path::Path::new("/nowhere");
        let bench = crate::testing::Bench::new(folder).secret("TOKEN", "hunter2");
        assert!(!format!("{:?}", bench.spec()).contains("hunter2"));
        assert!(serde_json::to_string(bench.spec()).unwrap().contains("hunter2"), "it reaches the worker");
    }
}
