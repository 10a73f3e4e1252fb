//! Where workflows and the state are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{App, AppError};
use crate::{
    run::Run,
    workflow::{self, CheckOptions, Diagnostic, Project, Severity, Source, Workflow},
};

/// The file that marks the folder of a project.
pub(super) const PROJECT_FILE: &str = "sluice.toml";

/// Finds where the state lives: `SLUICE_HOME`, or `.sluice` beside the nearest `sluice.toml` above, or in the current folder.
pub fn find_home(variable: Option<std::ffi::OsString>, current: &Path) -> PathBuf {
    if let Some(home) = variable.filter(|value| !value.is_empty()) {
        return current.join(home);
    }
    find_project(current).unwrap_or(current).join(".sluice")
}

/// The folder of the nearest `sluice.toml`.
pub(super) fn find_project(current: &Path) -> Option<&Path> {
    current.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file())
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
    /// The project's settings, from the file beside the state; without a file, those of a project that says nothing.
    pub fn project(&self) -> Result<Project, AppError> {
        let Some((source, project, diagnostics)) = self.project_file()? else {
            return Ok(Project::default());
        };
        let Some(first) = diagnostics.iter().find(|found| found.severity == Severity::Error) else {
            return Ok(project);
        };
        let message = format!("`{}` is not valid: {}", source.name, first.message);
        Err(AppError::Invalid {
            message,
            hint: "`sluice check FILE` shows the place of every problem".into(),
        })
    }

    fn project_file(&self) -> Result<Option<(Source, Project, Vec<Diagnostic>)>, AppError> {
        let path = self.project.join(PROJECT_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(AppError::Unreadable { path, source }),
        };
        let source = Source { name: PROJECT_FILE.into(), bytes };
        let (project, diagnostics) = workflow::check_project(&source);
        Ok(Some((source, project, diagnostics)))
    }

    /// Reads and checks a workflow file. Writes nothing. When the project's file is broken, it is what is reported: what it says counts for
    /// every workflow.
    pub fn check(&self, file: &Path, overrides: &BTreeMap<String, String>) -> Result<CheckedFile, AppError> {
        let (base_dir, source) = read_source(file)?;
        self.check_source(file, base_dir, source, overrides)
    }

    /// Checks the workflow that a run recorded, with other parameters.
    pub fn check_recorded(
        &self,
        run: &Run,
        overrides: &BTreeMap<String, String>,
    ) -> Result<CheckedFile, AppError> {
        let bytes = run.workflow().source.clone().into_bytes();
        let source = Source { name: run.file().display().to_string(), bytes };
        self.check_source(run.file(), run.base_dir().to_owned(), source, overrides)
    }

    /// Checks a content with the parameters of a run.
    pub(super) fn check_source(
        &self,
        file: &Path,
        base_dir: PathBuf,
        source: Source,
        overrides: &BTreeMap<String, String>,
    ) -> Result<CheckedFile, AppError> {
        self.check_as(file, base_dir, source, overrides, false)
    }

    /// Checks a content that is looked at and not run.
    pub(super) fn look_at_source(
        &self,
        file: &Path,
        base_dir: PathBuf,
        source: Source,
        overrides: &BTreeMap<String, String>,
    ) -> Result<CheckedFile, AppError> {
        self.check_as(file, base_dir, source, overrides, true)
    }

    fn check_as(
        &self,
        file: &Path,
        base_dir: PathBuf,
        source: Source,
        overrides: &BTreeMap<String, String>,
        scheduled: bool,
    ) -> Result<CheckedFile, AppError> {
        let project = match self.project_file()? {
            Some((source, _, diagnostics)) if diagnostics.iter().any(|it| it.severity == Severity::Error) => {
                let file = PathBuf::from(PROJECT_FILE);
                return Ok(CheckedFile { file, base_dir, source, workflow: None, diagnostics });
            }
            Some((_, project, _)) => project,
            None => Project::default(),
        };
        let options = CheckOptions {
            overrides,
            base_dir: &base_dir,
            kinds: self.catalog().as_ref(),
            load: &|path: &Path| std::fs::read(path),
            project_pools: &project.pools,
            scheduled,
        };
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

/// Reads a workflow file: its folder, absolute, and its content.
pub(super) fn read_source(file: &Path) -> Result<(PathBuf, Source), AppError> {
    let unreadable = |source| AppError::Unreadable { path: file.to_owned(), source };
    let path = file.canonicalize().map_err(unreadable)?;
    let bytes = std::fs::read(&path).map_err(unreadable)?;
    let base_dir = path.parent().unwrap_or(Path::new("/")).to_owned();
    Ok((base_dir, Source { name: file.display().to_string(), bytes }))
}
