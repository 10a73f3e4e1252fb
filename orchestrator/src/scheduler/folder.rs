//! Workflow files as the scheduler knows them: the last good version of each, and what is wrong with the one that is there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::scan::{Stamp, workflow_files};
use crate::{
    run::Timestamp,
    workflow::{Diagnostic, Schedule, Severity, Source},
};

/// A good version of a workflow file.
#[derive(Clone, Debug)]
pub struct LoadedWorkflow {
    /// The workflow's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The file.
    pub file: PathBuf,
    /// Its folder, absolute.
    pub base_dir: PathBuf,
    /// Its content.
    pub source: Source,
    /// Its schedules and triggers.
    pub schedules: Vec<Schedule>,
}

/// What came of reading a workflow file.
#[derive(Clone, Debug)]
pub struct LoadedFile {
    /// The workflow, when there is no error.
    pub workflow: Option<LoadedWorkflow>,
    /// The file's content, for showing problems in it.
    pub source: Source,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// A workflow file, as the scheduler knows it.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// The file.
    pub file: PathBuf,
    /// The last good version.
    pub workflow: Option<Arc<LoadedWorkflow>>,
    /// What is wrong with the version that is there; warnings besides.
    pub diagnostics: Vec<Diagnostic>,
    /// The version that is there, for showing problems in it.
    pub source: Source,
    /// Another file whose workflow has the same name, and which came first.
    pub hidden_by: Option<PathBuf>,
    /// When it was read last.
    pub read_at: Timestamp,
}

impl FileStatus {
    /// Tells whether the version that is there cannot be used.
    pub fn is_broken(&self) -> bool {
        self.hidden_by.is_some() || self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// The workflow files of some folders, read once.
pub fn files_in(folders: &[PathBuf], load: &dyn Fn(&Path) -> LoadedFile, now: Timestamp) -> Vec<FileStatus> {
    let mut folder = Folder::default();
    for (path, stamp) in workflow_files(folders) {
        folder.put(&path, stamp, load(&path), now);
    }
    folder.workflows();
    folder.statuses()
}

/// All files of the watched folders.
#[derive(Default)]
pub(super) struct Folder {
    files: BTreeMap<PathBuf, (Stamp, FileStatus)>,
}

impl Folder {
    /// The files that changed, were added or are gone since the last look.
    pub(super) fn changed(&self, found: &BTreeMap<PathBuf, Stamp>) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let is_new = |(path, stamp): &(&PathBuf, &Stamp)| {
            self.files.get(*path).is_none_or(|(known, _)| known != *stamp)
        };
        let changed = found.iter().filter(is_new).map(|(path, _)| path.clone()).collect();
        let gone = self.files.keys().filter(|path| !found.contains_key(*path)).cloned().collect();
        (changed, gone)
    }

    /// Takes in what came of reading a file. The last good version stays when this one is broken.
    pub(super) fn put(&mut self, path: &Path, stamp: Stamp, loaded: LoadedFile, now: Timestamp) {
        let LoadedFile { workflow, source, diagnostics } = loaded;
        let kept = self.files.remove(path).and_then(|(_, status)| status.workflow);
        let workflow = workflow.map(Arc::new).or(kept);
        let file = path.to_owned();
        let status = FileStatus { file, workflow, diagnostics, source, hidden_by: None, read_at: now };
        self.files.insert(path.to_owned(), (stamp, status));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.files.remove(path);
    }

    /// The workflows by name. Of two files with the same name the first counts, and the other says so.
    pub(super) fn workflows(&mut self) -> BTreeMap<String, Arc<LoadedWorkflow>> {
        let mut named: BTreeMap<String, Arc<LoadedWorkflow>> = BTreeMap::new();
        for (_, status) in self.files.values_mut() {
            status.hidden_by = None;
            let Some(workflow) = &status.workflow else { continue };
            match named.get(&workflow.name) {
                Some(first) => status.hidden_by = Some(first.file.clone()),
                None => drop(named.insert(workflow.name.clone(), Arc::clone(workflow))),
            }
        }
        named
    }

    pub(super) fn statuses(&self) -> Vec<FileStatus> {
        self.files.values().map(|(_, status)| status.clone()).collect()
    }
}
