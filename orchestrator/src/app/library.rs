//! Workflow files, read and checked for the daemon and for commands that look at schedules. What was good is kept beside the state, so that a
//! restart does not silence a schedule whose file somebody is about to break.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    App, AppError, CheckedFile,
    files::{PROJECT_FILE, read_source},
};
use crate::{
    artifact::{create_folder_durably, write_durably},
    scheduler::{Library, LoadFiles, LoadedFile, LoadedWorkflow, Place},
    workflow::{ParamSpec, Source, declared_params, unreadable},
};

/// The folder of the last good versions, in that of the state.
const FOLDER: &str = "last-good";

/// The version of a kept file's format.
const VERSION: u16 = 1;

/// A good version of a workflow file, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u16,
    /// The file that it was.
    file: PathBuf,
    text: String,
}

/// Reads and checks the files of a library.
struct CheckFiles {
    app: App,
    /// Whether good versions are kept: commands that only look keep none.
    keeps: bool,
}

impl App {
    /// The workflow files of some folders; nothing is read before the first look. When it `keeps`, the last good versions outlive this
    /// process.
    pub(super) fn library(&self, folders: &[PathBuf], keeps: bool) -> Library {
        let project = self.project.canonicalize().unwrap_or_else(|_| self.project.clone());
        let place = |folder: &PathBuf| {
            let path = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            // Below the project's own folder there is much that is no workflow.
            if path == project { Place::flat(path) } else { Place::whole(path) }
        };
        let files = CheckFiles { app: self.clone(), keeps };
        if keeps {
            files.tidy();
        }
        Library::new(folders.iter().map(place).collect(), Arc::new(files), Arc::clone(&self.world))
    }

    /// Reads and checks a workflow file that is looked at and not run: parameters may be given later, by schedules or by whoever starts it.
    pub fn look_at(
        &self,
        file: &Path,
        overrides: &BTreeMap<String, String>,
    ) -> Result<CheckedFile, AppError> {
        let (base_dir, source) = read_source(file)?;
        self.look_at_source(file, base_dir, source, overrides)
    }

    /// The same for a file whose content is known. A parameter that nothing gives is no problem of a file that nothing starts by itself.
    fn look_at_offered(
        &self,
        file: &Path,
        base_dir: PathBuf,
        source: Source,
    ) -> Result<CheckedFile, AppError> {
        let params = declared_params(&source);
        let again = Source { name: source.name.clone(), bytes: source.bytes.clone() };
        let checked = self.look_at_source(file, base_dir.clone(), source, &BTreeMap::new())?;
        if checked.workflow.is_none() && params.iter().any(|param| param.default.is_none()) {
            let filled = self.look_at_source(file, base_dir, again, &placeholders(&params))?;
            if filled.workflow.as_ref().is_some_and(|workflow| workflow.schedules.is_empty()) {
                return Ok(filled);
            }
        }
        Ok(checked)
    }
}

impl CheckFiles {
    fn read(&self, file: &Path) -> Result<CheckedFile, AppError> {
        let (base_dir, source) = read_source(file)?;
        self.app.look_at_offered(file, base_dir, source)
    }

    fn place(&self, file: &Path) -> PathBuf {
        let name = blake3::hash(file.as_os_str().as_encoded_bytes()).to_hex();
        self.app.home.join(FOLDER).join(format!("{}.json", &name[..32]))
    }

    /// Lets go of what was kept of files that went while nobody watched.
    fn tidy(&self) {
        for entry in std::fs::read_dir(self.app.home.join(FOLDER)).into_iter().flatten().flatten() {
            let kept = std::fs::read(entry.path()).ok();
            let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
            if kept.is_none_or(|kept| kept.v == VERSION && !kept.file.exists()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn write(&self, workflow: &LoadedWorkflow) -> std::io::Result<()> {
        let place = self.place(&workflow.file);
        let text = String::from_utf8_lossy(&workflow.source.bytes).into_owned();
        let bytes = serde_json::to_vec(&Kept { v: VERSION, file: workflow.file.clone(), text })?;
        if std::fs::read(&place).is_ok_and(|known| known == bytes) {
            return Ok(());
        }
        create_folder_durably(&self.app.home.join(FOLDER))?;
        write_durably(&place, &bytes)
    }
}

impl LoadFiles for CheckFiles {
    fn load(&self, file: &Path) -> LoadedFile {
        self.read(file).map_or_else(|error| broken(file, &error), loaded)
    }

    fn kept(&self, file: &Path) -> Option<LoadedWorkflow> {
        let bytes = std::fs::read(self.place(file)).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        if kept.v != VERSION || kept.file != file {
            return None;
        }
        let base_dir = file.parent()?.canonicalize().ok()?;
        let source = Source { name: file.display().to_string(), bytes: kept.text.into_bytes() };
        loaded(self.app.look_at_offered(file, base_dir, source).ok()?).workflow
    }

    fn keep(&self, workflow: &LoadedWorkflow) {
        if !self.keeps || workflow.schedules.is_empty() {
            return;
        }
        if let Err(error) = self.write(workflow) {
            let file = workflow.file.display();
            tracing::warn!("the good version of `{file}` is not kept for a restart: {error}");
        }
    }

    fn let_go(&self, file: &Path) {
        if self.keeps {
            // When it was never kept there is nothing to remove.
            let _ = std::fs::remove_file(self.place(file));
        }
    }

    fn project_file(&self) -> Option<PathBuf> {
        let project = self.app.project.canonicalize().ok()?;
        Some(project.join(PROJECT_FILE))
    }
}

fn loaded(checked: CheckedFile) -> LoadedFile {
    let CheckedFile { file, base_dir, source, workflow, diagnostics } = checked;
    let workflow = workflow.map(|workflow| LoadedWorkflow {
        name: workflow.name.clone(),
        file,
        base_dir,
        source: source.clone(),
        schedules: workflow.schedules.clone(),
        checked: Some(Arc::new(workflow)),
    });
    LoadedFile { workflow, source, diagnostics }
}

fn broken(file: &Path, error: &AppError) -> LoadedFile {
    let source = Source { name: file.display().to_string(), bytes: Vec::new() };
    let message = sluicegate_plugin::with_causes(error);
    LoadedFile { workflow: None, source, diagnostics: vec![unreadable(&message)] }
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
