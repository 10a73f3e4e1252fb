//! What is asked of a kind before a run, as it crosses to a plugin: one request, one answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Kind, ModelReference, PortSchema, Ports, Probe, ProbeContext, Problem, RunInfo, SchemaCheck, Secret,
    TaskError,
};

/// Everything that can be asked; a question uses what it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskRequest {
    /// The parameters.
    pub params: Value,
    /// The workflow's folder: relative paths in parameters start here. For `schema` and `probe`.
    #[serde(skip_serializing_if = "is_empty_path")]
    pub base_dir: PathBuf,
    /// For `schema`: see [`SchemaCheck`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub runs_after_others: bool,
    /// For `schema`: known inputs, by port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, PortSchema>,
    /// For `schema`: the input ports that are connected, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<BTreeSet<String>>,
    /// For `references` and `probe`: which attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunInfo>,
    /// For `probe`: environment variables for programs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// For `probe`: secrets by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Secret>,
}

/// Everything that can be answered; what was not asked is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// To `check` and `schema`: what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// To `schema`: known outputs, by port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, PortSchema>,
    /// To `ports`; absent when the parameters do not parse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
    /// To `files`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
    /// To `references`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ModelReference>,
    /// To `probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
}

/// A question to a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// See [`crate::Task::check`].
    Check,
    /// See [`crate::Task::schema`].
    Schema,
    /// See [`crate::Task::ports`].
    Ports,
    /// See [`crate::Task::files`].
    Files,
    /// See [`crate::Task::references`].
    References,
    /// See [`crate::Task::probe`].
    Probe,
}

impl About {
    /// Every question.
    pub const ALL: [Self; 6] =
        [Self::Check, Self::Schema, Self::Ports, Self::Files, Self::References, Self::Probe];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Schema => "schema",
            Self::Ports => "ports",
            Self::Files => "files",
            Self::References => "references",
            Self::Probe => "probe",
        }
    }
}

impl AskRequest {
    /// A question about parameters alone.
    pub fn of(params: &Value) -> Self {
        Self { params: params.clone(), ..Self::default() }
    }

    /// Lets a kind answer; `None` when nobody knows the question.
    pub fn answer(self, kind: &dyn Kind, about: &str) -> Option<Answer> {
        let about = About::ALL.into_iter().find(|known| known.name() == about)?;
        let params = &self.params;
        let or_error = |error| Answer { error: Some(error), ..Answer::default() };
        Some(match about {
            About::Check => Answer { problems: kind.check(params), ..Answer::default() },
            About::Schema => {
                let Self { params, base_dir, runs_after_others, inputs, connected, .. } = self;
                let mut check =
                    SchemaCheck { base_dir, runs_after_others, connected, inputs, ..SchemaCheck::default() };
                kind.schema(&params, &mut check);
                Answer { problems: check.problems, outputs: check.outputs, ..Answer::default() }
            }
            About::Ports => Answer { ports: kind.ports(params), ..Answer::default() },
            About::Files => {
                kind.files(params).map_or_else(or_error, |files| Answer { files, ..Answer::default() })
            }
            About::References => kind
                .references(params, &self.run.unwrap_or_default())
                .map_or_else(or_error, |references| Answer { references, ..Answer::default() }),
            About::Probe => {
                let Self { params, base_dir, run, env, secrets, .. } = self;
                let ctx = ProbeContext { run: run.unwrap_or_default(), base_dir, env, secrets };
                Answer { probe: Some(kind.probe(&ctx, &params)), ..Answer::default() }
            }
        })
    }
}

fn is_empty_path(path: &std::path::Path) -> bool {
    path.as_os_str().is_empty()
}
