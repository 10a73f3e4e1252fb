//! What a plugin says of a kind, as JSON: its description, the schema of its parameters, and what it wants to be asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{About, Description, Effect, ErrorDoc, Kind, Placement, Ports, Problem, SchemaCheck};

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
    /// Outputs that have the columns of an input: the input's port by the output's. For kinds that need not be asked for that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns_from: BTreeMap<String, String>,
    /// Parameters that name columns of an input, as a text or a list of texts: the input's port by the parameter's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub column_params: BTreeMap<String, String>,
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
        let (columns_from, column_params) = (BTreeMap::new(), BTreeMap::new());
        Self { name, version, summary, doc, params, ports, effect, errors, asks, columns_from, column_params }
    }

    /// What the manifest alone says of columns: those of outputs, and parameters that name columns which are not there.
    pub fn derive_columns(&self, params: &Value, check: &mut SchemaCheck) {
        for (output, input) in &self.columns_from {
            if let Some(schema) = check.inputs.get(input) {
                check.outputs.insert(output.clone(), schema.clone());
            }
        }
        for (param, input) in &self.column_params {
            let Some(schema) = check.inputs.get(input) else { continue };
            let mut verify = |pointer: String, name: &str| {
                if !schema.columns.iter().any(|column| column.name == name) {
                    check.problems.push(Problem::missing_column(pointer, name, &schema.columns));
                }
            };
            match &params[param] {
                Value::String(name) => verify(format!("/{param}"), name),
                Value::Array(names) => {
                    for (idx, name) in
                        names.iter().enumerate().filter_map(|(idx, name)| Some((idx, name.as_str()?)))
                    {
                        verify(format!("/{param}/{idx}"), name);
                    }
                }
                _ => {}
            }
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Column, ColumnType, PortSchema};

    #[test]
    fn columns_are_derived_from_the_manifest_alone() {
        let manifest: Manifest = serde_json::from_value(json!({
            "name": "acme.clip", "version": "1", "summary": "Clips.",
            "columns_from": { "out": "in", "other": "unknown" }, "column_params": { "columns": "in", "by": "in" },
        }))
        .unwrap();
        let columns =
            ["height", "width"].map(|name| Column { name: name.into(), column_type: ColumnType::Number });
        let schema = PortSchema { columns: columns.to_vec(), target: None };
        let mut check =
            SchemaCheck { inputs: [("in".into(), schema.clone())].into(), ..SchemaCheck::default() };
        manifest.derive_columns(&json!({ "columns": ["height", "widht"], "by": "depth" }), &mut check);
        assert_eq!(check.outputs, [("out".into(), schema)].into());
        let told: Vec<_> =
            check.problems.iter().map(|p| (p.pointer.as_str(), p.hint.as_deref().unwrap())).collect();
        assert_eq!(told, [("/by", "it has `height`, `width`"), ("/columns/1", "did you mean `width`?")]);
    }
}
