//! What a plugin says of a kind, as JSON: its description, the schema of its parameters, and what it wants to be asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{About, Description, Effect, ErrorDoc, Kind, Placement, Ports};

/// What a plugin says of a kind. Keys that are unknown are passed over: a later version may say more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The kind's name, which begins with the plugin's and a dot.
    pub name: String,
    /// The version of its behaviour.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The long documentation, Markdown.
    #[serde(default)]
    pub doc: String,
    /// The JSON Schema (2020-12) of the parameters: an object.
    #[serde(default = "no_params")]
    pub params: Value,
    /// Inputs and outputs.
    #[serde(default)]
    pub ports: Ports,
    /// Class of effect.
    #[serde(default = "careful")]
    pub effect: Effect,
    /// Documented failures.
    #[serde(default)]
    pub errors: Vec<ErrorDoc>,
    /// What it wants to be asked before a run.
    #[serde(default)]
    pub asks: Vec<About>,
}

/// Takes no parameters.
fn no_params() -> Value {
    serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// What can be assumed of a kind that does not say: it may be repeated, and is not cached.
fn careful() -> Effect {
    Effect::Idempotent
}

impl Manifest {
    /// The manifest of a kind that is written in Rust. It wants to be asked everything.
    pub fn of(kind: &dyn Kind) -> Self {
        let Description { name, version, summary, doc, ports, effect, errors, .. } = kind.describe();
        let (params, asks) = (kind.params_schema(), About::ALL.to_vec());
        Self { name, version, summary, doc, params, ports, effect, errors, asks }
    }

    /// The description as the engine has it.
    pub fn description(&self) -> Description {
        Description {
            name: self.name.clone(),
            version: self.version.clone(),
            summary: self.summary.clone(),
            doc: self.doc.clone(),
            ports: self.ports.clone(),
            effect: self.effect,
            placement: Placement::Worker,
            errors: self.errors.clone(),
        }
    }
}
