//! The workflow files of the daemon's folder. A file that changed is checked again when somebody asks; a broken edit keeps the last good
//! state.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::{App, AppError, CheckedFile};
use crate::{
    run::Run,
    server::{CheckedWorkflow, FacadeError, ParamSpec, WorkflowFile, Workflows},
    workflow::{Source, declared_params},
};

/// The file of the project's own settings.
const PROJECT_FILE: &str = "sluice.toml";

/// What tells one state of a file from another: inode, length, time of change in nanoseconds.
type Stamp = (u64, u64, i64, i64);

/// A folder of workflow files.
pub(super) struct WorkflowFolder {
    app: App,
    folder: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The state of the project's file, which counts for every workflow.
    project: Option<Stamp>,
    files: BTreeMap<PathBuf, (Stamp, Arc<WorkflowFile>)>,
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
    pub(super) fn new(app: App, folder: PathBuf) -> Self {
        Self { app, folder, known: Mutex::default() }
    }

    /// Looks at the folder, and checks what changed.
    fn look(&self) -> Result<Vec<Arc<WorkflowFile>>, FacadeError> {
        let entries = std::fs::read_dir(&self.folder).map_err(|error| {
            FacadeError::Failed(format!("`{}` cannot be read: {error}", self.folder.display()))
        })?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let project = stamp(&self.app.project.join(PROJECT_FILE));
        let project_changed = known.project != project;
        known.project = project;
        let mut files = BTreeMap::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_workflow = path.extension().is_some_and(|extension| extension == "toml")
                && path.file_name().is_some_and(|name| name != PROJECT_FILE);
            let Some(stamp) = stamp(&path).filter(|_| is_workflow) else { continue };
            let before = known.files.remove(&path);
            let file = match before {
                Some((then, file)) if then == stamp && !project_changed => file,
                before => match self.check_file_of_folder(&path, before.map(|(_, file)| file)) {
                    Ok(file) => Arc::new(file),
                    // It went away in this moment.
                    Err(AppError::Unreadable { .. }) => continue,
                    Err(error) => return Err(failed(&error)),
                },
            };
            files.insert(path, (stamp, file));
        }
        known.files = files;
        Ok(named(known.files.values().map(|(_, file)| Arc::clone(file))))
    }

    fn check_file_of_folder(
        &self,
        path: &Path,
        before: Option<Arc<WorkflowFile>>,
    ) -> Result<WorkflowFile, AppError> {
        let mut checked = self.app.check(path, &BTreeMap::new())?;
        let mut params = declared_params(&checked.source);
        if checked.workflow.is_none() && params.iter().any(|param| param.default.is_none()) {
            // A parameter without a default is no problem of the file: whoever starts it gives one.
            let filled = self.app.check(path, &placeholders(&params))?;
            if filled.workflow.is_some() {
                checked = filled;
            }
        }
        let now = Arc::new(view(checked));
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let good = match &now.workflow {
            Some(_) => Some(Arc::clone(&now)),
            None => before.and_then(|before| before.good.clone()),
        };
        if let Some(good) = good.as_ref().filter(|_| now.workflow.is_none()) {
            params = declared_params(&good.source);
        }
        let workflow = good.as_ref().and_then(|good| good.workflow.as_ref());
        let name = workflow.map_or(stem, |workflow| workflow.name.clone());
        Ok(WorkflowFile { name, path: path.to_owned(), good, now, params })
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

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
}

fn view(checked: CheckedFile) -> CheckedWorkflow {
    let CheckedFile { file, base_dir, source, workflow, diagnostics } = checked;
    CheckedWorkflow { file, base_dir, source, workflow, diagnostics }
}

/// Values that fit, for parameters that have none.
fn placeholders(params: &[ParamSpec]) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    params
        .iter()
        .filter(|param| param.default.is_none())
        .map(|param| {
            let number = param.min.or(param.max).unwrap_or_default();
            let value = match (param.choices.first(), param.kind) {
                (Some(choice), _) => text(choice),
                (None, "boolean") => "false".into(),
                (None, "integer") => format!("{number:.0}"),
                (None, "number") => number.to_string(),
                (None, _) => param.name.clone(),
            };
            (param.name.clone(), value)
        })
        .collect()
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
