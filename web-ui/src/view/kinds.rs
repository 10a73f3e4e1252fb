//! `/kinds` and `/kinds/NAME`

use serde_json::Value;

/// A kind in one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindRow {
    /// Its name.
    pub name: String,
    /// The pack or plugin that it comes from.
    pub pack: String,
    /// What it does, in one line.
    pub summary: String,
}

/// A plugin that was loaded, or could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginRow {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `built in`, `native`, `python`, …
    pub form: String,
    /// Its file.
    pub path: String,
    /// The number of its kinds.
    pub n_kinds: usize,
    /// Why it could not be loaded; empty when it was.
    pub error: String,
}

/// All kinds and plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Kinds, by pack and name.
    pub rows: Vec<KindRow>,
    /// Packs and plugins.
    pub plugins: Vec<PluginRow>,
}

/// An input or output port of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindPort {
    /// Its name.
    pub name: String,
    /// Its type.
    pub port_type: String,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// What it is for.
    pub doc: String,
}

/// An error that a kind documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindError {
    /// Its stable code.
    pub code: String,
    /// When it happens.
    pub doc: String,
}

/// The documentation of a kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindPage {
    /// The kind in one row.
    pub row: KindRow,
    /// Its version.
    pub version: String,
    /// `pure`, `idempotent` or `once`.
    pub effect: String,
    /// `worker` or `inline`.
    pub placement: String,
    /// Its documentation, in the Markdown that kinds use: paragraphs, lists, headings, code, tables.
    pub doc: String,
    /// Inputs.
    pub inputs: Vec<KindPort>,
    /// What further inputs it takes, such as `any other name (table)`; empty when none.
    pub more_inputs: String,
    /// Outputs.
    pub outputs: Vec<KindPort>,
    /// What further outputs it has; empty when none.
    pub more_outputs: String,
    /// The JSON Schema of its parameters.
    pub schema: Value,
    /// Errors that it documents.
    pub errors: Vec<KindError>,
    /// Workflows that use it.
    pub used_by: Vec<String>,
}
