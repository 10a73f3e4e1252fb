//! `sluice.toml`: the settings that all workflows of a project share.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Diagnostic, Source, limits, parse, settings::Fields};

/// The settings of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Slots of the pools that all runs of the project share, by the pool's name.
    pub pools: BTreeMap<String, u32>,
    /// Folders with plugins, relative to the project's folder.
    pub plugin_folders: Vec<PathBuf>,
}

/// Where plugins are when a project does not say.
const PLUGIN_FOLDER: &str = "plugins";

impl Default for Project {
    fn default() -> Self {
        Self { pools: BTreeMap::new(), plugin_folders: vec![PLUGIN_FOLDER.into()] }
    }
}

/// Reads a project's file, which may be empty. Reports every problem it can find in one go.
pub fn check_project(source: &Source) -> (Project, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let project = parse::parse(source, &mut found).map(|tree| {
        let known = ["pools", "plugins"];
        let fields = Fields::new(&tree, "`sluice.toml`", &known, &["schedule"], &mut found);
        let pools = limits::pools(&fields, &mut found);
        Project { pools, plugin_folders: plugin_folders(&fields, &mut found) }
    });
    super::check::in_order(&mut found);
    (project.unwrap_or_default(), found)
}

/// Reads `[plugins]`: `folders = ["plugins"]`.
fn plugin_folders(fields: &Fields<'_>, found: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let Some(table) = fields.table("plugins", found) else { return vec![PLUGIN_FOLDER.into()] };
    let fields = Fields::new(table, "`plugins`", &["folders"], &[], found);
    if fields.table.get("folders").is_none() {
        return vec![PLUGIN_FOLDER.into()];
    }
    fields.strings("folders", found).into_iter().map(|(text, _)| text.into()).collect()
}
