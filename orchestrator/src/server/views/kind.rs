//! Kinds.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sluicegate_plugin::{Effect, Placement, Port};

use crate::catalog::CatalogEntry;

/// Every kind, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct KindList {
    pub(in crate::server) kinds: Vec<KindView>,
}

/// A kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct KindView {
    pub(in crate::server) name: String,
    pub(in crate::server) version: String,
    pub(in crate::server) pack: String,
    pub(in crate::server) summary: String,
    /// Markdown; only when one kind is asked for.
    pub(in crate::server) doc: Option<String>,
    /// `pure`, `idempotent` or `once`.
    pub(in crate::server) effect: &'static str,
    /// `worker` or `inline`.
    pub(in crate::server) placement: &'static str,
    pub(in crate::server) inputs: Vec<PortView>,
    pub(in crate::server) outputs: Vec<PortView>,
    /// JSON Schema of the parameters; only when one kind is asked for.
    pub(in crate::server) params: Option<Value>,
    pub(in crate::server) errors: Vec<ErrorDocView>,
}

/// An input or output.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PortView {
    pub(in crate::server) name: String,
    #[serde(rename = "type")]
    pub(in crate::server) port_type: String,
    pub(in crate::server) doc: String,
    pub(in crate::server) optional: bool,
}

/// A failure that a kind documents.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ErrorDocView {
    pub(in crate::server) code: String,
    pub(in crate::server) doc: String,
}

/// The packs that kinds come in.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PackList {
    pub(in crate::server) plugins: Vec<PackView>,
}

/// A pack.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PackView {
    pub(in crate::server) name: String,
    pub(in crate::server) kinds: Vec<String>,
}

impl KindView {
    pub(in crate::server) fn of(entry: &CatalogEntry, whole: bool) -> Self {
        let about = &entry.description;
        let ports = |ports: &[Port]| {
            ports
                .iter()
                .map(|port| PortView {
                    name: port.name.clone(),
                    port_type: port.port_type.to_string(),
                    doc: port.doc.clone(),
                    optional: port.optional,
                })
                .collect()
        };
        Self {
            name: about.name.clone(),
            version: about.version.clone(),
            pack: entry.pack.to_string(),
            summary: about.summary.clone(),
            doc: whole.then(|| about.doc.clone()),
            effect: match about.effect {
                Effect::Pure => "pure",
                Effect::Idempotent => "idempotent",
                Effect::Once => "once",
            },
            placement: match about.placement {
                Placement::Worker => "worker",
                Placement::Inline => "inline",
            },
            inputs: ports(&about.ports.inputs),
            outputs: ports(&about.ports.outputs),
            params: whole.then(|| entry.schema().clone()),
            errors: about
                .errors
                .iter()
                .map(|error| ErrorDocView { code: error.code.clone(), doc: error.doc.clone() })
                .collect(),
        }
    }
}
