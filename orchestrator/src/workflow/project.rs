//! `sluice.toml`: the settings that all workflows of a project share.

use std::collections::BTreeMap;

use super::{Diagnostic, Source, limits, parse, settings::Fields};

/// The settings of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Slots of the pools that all runs of the project share, by the pool's name.
    pub pools: BTreeMap<String, u32>,
}

/// Reads a project's file, which may be empty. Reports every problem it can find in one go.
pub fn check_project(source: &Source) -> (Project, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let project = parse::parse(source, &mut found).map(|tree| {
        let fields = Fields::new(&tree, "`sluice.toml`", &["pools"], &["schedule"], &mut found);
        Project { pools: limits::pools(&fields, &mut found) }
    });
    super::check::in_order(&mut found);
    (project.unwrap_or_default(), found)
}
