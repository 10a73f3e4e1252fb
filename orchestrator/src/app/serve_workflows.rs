//! The workflow files of the daemon's folder, as the server sees them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{App, AppError, CheckedFile};
use crate::{
    run::Run,
    scheduler::{FileStatus, Library},
    server::{CheckedWorkflow, FacadeError, WorkflowFile, Workflows},
    workflow::{Source, declared_params},
};

/// The workflow files that the library knows, as the server shows them.
pub(super) struct WorkflowFolder {
    app: App,
    folder: PathBuf,
    library: Arc<Library>,
    /// Views of files, each with the version that it shows.
    views: Mutex<BTreeMap<PathBuf, (u64, Arc<WorkflowFile>)>>,
}

impl App {
    /// The folder of workflows: the one that is given, or `workflows` beside the project's file, or that file's folder.
    pub(super) fn workflow_folder(&self, given: Option<&Path>) -> Result<PathBuf, AppError> {
        let project = self.project.as_path();
        let beside = project.join("workflows");
        let folder = given.unwrap_or(if beside.is_dir() { &beside } else { project });
        let unreadable = |source| AppError::Unreadable { path: folder.to_owned(), source };
        let folder = folder.canonicalize().map_err(unreadable)?;
        std::fs::read_dir(&folder).map_err(unreadable)?;
        Ok(folder)
    }
}

impl WorkflowFolder {
    pub(super) fn new(app: App, folder: PathBuf, library: Arc<Library>) -> Self {
        Self { app, folder, library, views: Mutex::default() }
    }

    /// Looks at the folder, and at what changed.
    fn look(&self) -> Result<Vec<Arc<WorkflowFile>>, FacadeError> {
        std::fs::read_dir(&self.folder).map_err(|error| {
            FacadeError::Failed(format!("`{}` cannot be read: {error}", self.folder.display()))
        })?;
        self.library.look();
        let mut known = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let mut views = BTreeMap::new();
        for status in self.library.statuses() {
            let version = status.version;
            let view = match known.remove(&status.file) {
                Some((then, view)) if then == version => view,
                _ => Arc::new(view_of(&status)),
            };
            views.insert(status.file, (version, view));
        }
        *known = views;
        Ok(named(known.values().map(|(_, view)| Arc::clone(view))))
    }

    fn find(&self, name: &str) -> Result<Arc<WorkflowFile>, FacadeError> {
        self.look()?.into_iter().find(|file| file.name == name).ok_or_else(|| FacadeError::NotFound {
            message: format!("no workflow is named `{name}`"),
            hint: format!("the daemon offers the files of `{}`", self.folder.display()),
        })
    }
}

/// Two files may give the same name; the later ones are told apart by their files' names.
fn named(files: impl Iterator<Item = Arc<WorkflowFile>>) -> Vec<Arc<WorkflowFile>> {
    let mut all: BTreeMap<String, Arc<WorkflowFile>> = BTreeMap::new();
    for file in files {
        let name = if all.contains_key(&file.name) {
            let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
            format!("{}@{stem}", file.name)
        } else {
            file.name.clone()
        };
        let file = if name == file.name {
            file
        } else {
            Arc::new(WorkflowFile { name: name.clone(), ..file.as_ref().clone() })
        };
        all.insert(name, file);
    }
    all.into_values().collect()
}

/// A file as the server shows it: as it is, and in its last good version.
fn view_of(status: &FileStatus) -> WorkflowFile {
    let FileStatus { file, workflow, diagnostics, source, .. } = status;
    let has_errors = status.has_errors();
    let good = workflow.as_ref().map(|good| {
        Arc::new(CheckedWorkflow {
            file: file.clone(),
            base_dir: good.base_dir.clone(),
            source: good.source.clone(),
            workflow: good.checked.as_deref().cloned(),
            diagnostics: if has_errors { Vec::new() } else { diagnostics.clone() },
        })
    });
    let now = match &good {
        Some(good) if !has_errors => Arc::clone(good),
        _ => Arc::new(CheckedWorkflow {
            file: file.clone(),
            base_dir: file.parent().unwrap_or(Path::new("/")).to_owned(),
            source: source.clone(),
            workflow: None,
            diagnostics: diagnostics.clone(),
        }),
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = workflow.as_ref().map_or(stem, |workflow| workflow.name.clone());
    let params = declared_params(&good.as_ref().unwrap_or(&now).source);
    WorkflowFile { name, path: file.clone(), good, now, params }
}

fn view(checked: CheckedFile) -> CheckedWorkflow {
    let CheckedFile { file, base_dir, source, workflow, diagnostics } = checked;
    CheckedWorkflow { file, base_dir, source, workflow, diagnostics }
}

fn failed(error: &AppError) -> FacadeError {
    match error {
        AppError::Invalid { message, hint } => {
            FacadeError::Invalid { message: message.clone(), hint: hint.clone() }
        }
        AppError::Unreadable { path, source } => FacadeError::NotFound {
            message: format!("cannot read `{}`: {source}", path.display()),
            hint: String::new(),
        },
        error => FacadeError::Failed(sluicegate_plugin::with_causes(error)),
    }
}

impl Workflows for WorkflowFolder {
    fn list(&self) -> Result<Vec<Arc<WorkflowFile>>, FacadeError> {
        self.look()
    }

    fn check(&self, name: &str, params: &BTreeMap<String, String>) -> Result<CheckedWorkflow, FacadeError> {
        let file = self.find(name)?;
        let from = file.good.as_ref().unwrap_or(&file.now);
        let source = Source { name: from.source.name.clone(), bytes: from.source.bytes.clone() };
        let checked = self.app.check_source(&from.file, from.base_dir.clone(), source, params);
        checked.map(view).map_err(|error| failed(&error))
    }

    fn check_text(
        &self,
        name: &str,
        text: &str,
        params: &BTreeMap<String, String>,
    ) -> Result<CheckedWorkflow, FacadeError> {
        let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = Source { name: name.clone(), bytes: text.as_bytes().to_vec() };
        let checked = self.app.check_source(Path::new(&name), self.folder.clone(), source, params);
        checked.map(view).map_err(|error| failed(&error))
    }

    fn check_file(
        &self,
        path: &Path,
        params: &BTreeMap<String, String>,
    ) -> Result<CheckedWorkflow, FacadeError> {
        self.app.check(path, params).map(view).map_err(|error| failed(&error))
    }

    fn check_again(
        &self,
        run: &Run,
        params: &BTreeMap<String, String>,
        current: bool,
    ) -> Result<CheckedWorkflow, FacadeError> {
        let checked = if current {
            let name = run.file().file_name().unwrap_or_default();
            self.app.check(&run.base_dir().join(name), params)
        } else {
            self.app.check_recorded(run, params)
        };
        checked.map(view).map_err(|error| failed(&error))
    }
}
