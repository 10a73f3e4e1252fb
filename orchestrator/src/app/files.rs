//! Where workflows and the state are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{App, AppError};
use crate::workflow::{self, CheckOptions, Diagnostic, Source, Workflow};

/// The file that marks the folder of a project.
const PROJECT_FILE: &str = "sluice.toml";

/// Finds where the state lives: `SLUICE_HOME`, or `.sluice` beside the nearest `sluice.toml` above, or in the current folder.
pub fn find_home(variable: Option<std::ffi::OsString>, current: &Path) -> PathBuf {
    if let Some(home) = variable.filter(|value| !value.is_empty()) {
        return current.join(home);
    }
    let project = current.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
    project.unwrap_or(current).join(".sluice")
}

/// A workflow file with what checking it found.
pub struct CheckedFile {
    /// The file as the caller named it.
    pub file: PathBuf,
    /// Its folder, absolute: relative paths in parameters start here.
    pub base_dir: PathBuf,
    /// Its content.
    pub source: Source,
    /// The workflow, when there is no error.
    pub workflow: Option<Workflow>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

impl App {
    /// Reads and checks a workflow file. Writes nothing.
    pub fn check(&self, file: &Path, overrides: &BTreeMap<String, String>) -> Result<CheckedFile, AppError> {
        let unreadable = |source| AppError::Unreadable { path: file.to_owned(), source };
        let path = file.canonicalize().map_err(unreadable)?;
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let base_dir = path.parent().unwrap_or(Path::new("/")).to_owned();
        let source = Source { name: file.display().to_string(), bytes };
        let options = CheckOptions { overrides, base_dir: &base_dir, kinds: self.catalog.as_ref() };
        let checked = workflow::check(&source, &options);
        Ok(CheckedFile {
            file: file.to_owned(),
            base_dir,
            source,
            workflow: checked.workflow,
            diagnostics: checked.diagnostics,
        })
    }
}
