//! Kinds.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sluicegate_plugin::{Effect, Placement, PluginCode, Port};

use crate::catalog::{Catalog, CatalogEntry};

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

/// A built-in pack, or a plugin of the project.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PackView {
    pub(in crate::server) name: String,
    /// `built in`, `library` or `program`.
    pub(in crate::server) form: &'static str,
    pub(in crate::server) version: String,
    /// The file or folder of a plugin.
    pub(in crate::server) path: Option<String>,
    /// BLAKE3 of a plugin's code.
    pub(in crate::server) hash: Option<String>,
    /// Whether `plugins.lock` has it.
    pub(in crate::server) pinned: bool,
    pub(in crate::server) kinds: Vec<String>,
    /// Why a plugin is not used, with the way out.
    pub(in crate::server) error: Option<String>,
}

impl PackList {
    /// What a catalog has. Plugins are loaded on the way.
    pub(in crate::server) fn of(catalog: &Catalog) -> Self {
        let mut plugins: Vec<PackView> = Vec::new();
        for entry in catalog.built_in() {
            let name = entry.description.name.clone();
            match plugins.iter_mut().find(|pack| pack.name == entry.pack) {
                Some(pack) => pack.kinds.push(name),
                None => plugins.push(PackView {
                    name: entry.pack.to_string(),
                    form: "built in",
                    version: env!("CARGO_PKG_VERSION").into(),
                    path: None,
                    hash: None,
                    pinned: true,
                    kinds: vec![name],
                    error: None,
                }),
            }
        }
        plugins
            .extend(catalog.plugin_names().into_iter().filter_map(|name| PackView::of_plugin(catalog, name)));
        Self { plugins }
    }
}

impl PackView {
    fn of_plugin(catalog: &Catalog, name: &str) -> Option<Self> {
        let place = catalog.plugins().and_then(|plugins| plugins.place(name));
        let none = Self {
            name: name.into(),
            form: "",
            version: String::new(),
            path: place.map(|place| place.display().to_string()),
            hash: None,
            pinned: false,
            kinds: Vec::new(),
            error: None,
        };
        Some(match catalog.plugin(name)? {
            Err(refusal) => {
                let why = sluicegate_plugin::with_causes(refusal);
                Self { error: Some(format!("{why}; {}", refusal.hint())), ..none }
            }
            Ok(plugin) => Self {
                form: match plugin.found.code {
                    PluginCode::Library { .. } => "library",
                    PluginCode::Program { .. } => "program",
                },
                version: plugin.about.version.clone(),
                hash: Some(plugin.hash.clone()),
                pinned: plugin.is_pinned,
                kinds: plugin.about.kinds.iter().map(|kind| kind.name.clone()).collect(),
                ..none
            },
        })
    }
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
