//! Workflow files as this program knows them: the last good version of each, and what is wrong with the one that is there. The scheduler
//! and whoever shows workflows ask the same [`Library`], so that there is one last good version.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::scan::{Stamp, WorkflowFiles};
use crate::{
    run::Timestamp,
    workflow::{Diagnostic, Schedule, Severity, Source, Workflow},
    world::World,
};

/// Folders are looked into so deep.
const MAX_DEPTH: usize = 4;

/// A file that is broken is read again after so many milliseconds, although it did not change: what it names may be there now.
const PATIENCE: i64 = 5_000;

/// A good version of a workflow file.
#[derive(Clone, Debug)]
pub struct LoadedWorkflow {
    /// The workflow's name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Its folder, absolute.
    pub base_dir: PathBuf,
    /// Its content.
    pub source: Source,
    /// Its schedules and triggers.
    pub schedules: Vec<Schedule>,
    /// What the check made of it, for those who show it. It is not what runs: parameters may be missing.
    pub checked: Option<Arc<Workflow>>,
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

/// A workflow file, as the library knows it.
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
    /// Another number whenever it was read anew with another result.
    pub version: u64,
}

impl FileStatus {
    /// Tells whether the version that is there cannot be used.
    pub fn is_broken(&self) -> bool {
        self.hidden_by.is_some() || self.has_errors()
    }

    /// Tells whether the version that is there has errors.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Reads and checks workflow files. Everything blocks.
pub trait LoadFiles: Send + Sync {
    /// Reads and checks a file.
    fn load(&self, file: &Path) -> LoadedFile;
    /// The version that was kept of a file, if it is still good.
    fn kept(&self, _file: &Path) -> Option<LoadedWorkflow> {
        None
    }
    /// Keeps a good version beyond the end of this process. Nothing depends on it but that a restart finds it.
    fn keep(&self, _workflow: &LoadedWorkflow) {}
    /// Lets go of what was kept of a file that is gone.
    fn let_go(&self, _file: &Path) {}
    /// A file that counts for every other: when it changes, all are read again.
    fn project_file(&self) -> Option<PathBuf> {
        None
    }
}

/// A folder of workflow files, or a single file.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its absolute path.
    pub path: PathBuf,
    /// How deep it is looked into: 0 for the files in it alone.
    pub depth: usize,
}

impl Place {
    /// A folder that is there for workflows, with those in it.
    pub fn whole(path: PathBuf) -> Self {
        Self { path, depth: MAX_DEPTH }
    }

    /// A folder that has other things in it, too.
    pub fn flat(path: PathBuf) -> Self {
        Self { path, depth: 0 }
    }
}

/// The workflow files of some folders.
pub struct Library {
    places: Vec<Place>,
    files: Arc<dyn LoadFiles>,
    world: Arc<dyn World>,
    shelf: Mutex<Shelf>,
}

/// What is known.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<PathBuf, (Stamp, FileStatus)>,
    project: Option<Stamp>,
    /// Grows with every change.
    version: u64,
}

impl Library {
    /// A library that has not looked yet.
    pub fn new(places: Vec<Place>, files: Arc<dyn LoadFiles>, world: Arc<dyn World>) -> Self {
        Self { places, files, world, shelf: Mutex::default() }
    }

    /// Where it looks.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// A file that counts for every other.
    pub(super) fn project_file(&self) -> Option<PathBuf> {
        self.files.project_file()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the folders and reads what changed. Returns a number that grows whenever something did. Blocks.
    pub fn look(&self) -> u64 {
        let mut shelf = self.shelf();
        let found = WorkflowFiles::look(&self.places);
        let (project, now) = (self.project_file().and_then(|path| Stamp::of_file(&path)), self.world.now());
        let all_anew = std::mem::replace(&mut shelf.project, project) != project;
        let before = shelf.version;
        let gone = shelf.files.keys().filter(|path| found.lacks(path));
        for path in gone.cloned().collect::<Vec<_>>() {
            shelf.files.remove(&path);
            shelf.version += 1;
            self.files.let_go(&path);
        }
        for (path, stamp) in &found.files {
            let known = shelf.files.get(path);
            if all_anew || known.is_none_or(|(then, _)| then != stamp) {
                self.read(&mut shelf, path, *stamp, now);
            }
        }
        if all_anew {
            shelf.renumber();
        }
        let something_changed = shelf.version != before;
        for (path, stamp) in &found.files {
            let wants = |status: &FileStatus| {
                let waited = now.0.abs_diff(status.read_at.0) >= PATIENCE.unsigned_abs();
                status.has_errors() && (waited || (something_changed && status.read_at != now))
            };
            if shelf.files.get(path).is_some_and(|(_, status)| wants(status)) {
                self.read(&mut shelf, path, *stamp, now);
            }
        }
        if shelf.version != before {
            shelf.hide_doubles();
        }
        shelf.version
    }

    /// Reads a file. The last good version stays when the one that is there is broken.
    fn read(&self, shelf: &mut Shelf, path: &Path, stamp: Stamp, now: Timestamp) {
        let LoadedFile { workflow, source, diagnostics } = self.files.load(path);
        let known = shelf.files.remove(path).map(|(_, status)| status);
        let is_same = known.as_ref().is_some_and(|known| {
            let is_kept = |new: &LoadedWorkflow| {
                known.workflow.as_ref().is_some_and(|known| known.source.bytes == new.source.bytes)
            };
            known.diagnostics == diagnostics
                && known.source.bytes == source.bytes
                && workflow.as_ref().is_none_or(is_kept)
        });
        if !is_same {
            shelf.version += 1;
        }
        if let Some(workflow) = &workflow {
            self.files.keep(workflow);
        }
        let (version, hidden_by) = known
            .as_ref()
            .filter(|_| is_same)
            .map_or((shelf.version, None), |known| (known.version, known.hidden_by.clone()));
        let workflow = match (workflow, known) {
            (Some(new), _) => Some(Arc::new(new)),
            (None, Some(known)) => known.workflow,
            (None, None) => self.files.kept(path).map(Arc::new),
        };
        let file = path.to_owned();
        let status = FileStatus { file, workflow, diagnostics, source, hidden_by, read_at: now, version };
        shelf.files.insert(path.to_owned(), (stamp, status));
    }

    /// Every file, by its path, as of the last look.
    pub fn statuses(&self) -> Vec<FileStatus> {
        self.shelf().files.values().map(|(_, status)| status.clone()).collect()
    }

    /// The workflows that count, by name, as of the last look.
    pub fn workflows(&self) -> BTreeMap<String, Arc<LoadedWorkflow>> {
        let shelf = self.shelf();
        let that_count = shelf.files.values().filter(|(_, status)| status.hidden_by.is_none());
        let workflows = that_count.filter_map(|(_, status)| status.workflow.clone());
        workflows.map(|workflow| (workflow.name.clone(), workflow)).collect()
    }
}

impl Shelf {
    /// Lets every file count as changed.
    fn renumber(&mut self) {
        self.version += 1;
        self.files.values_mut().for_each(|(_, status)| status.version = self.version);
    }

    /// Of two files with the same name the first counts, and the other says so.
    fn hide_doubles(&mut self) {
        let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (_, status) in self.files.values_mut() {
            status.hidden_by = None;
            let Some(workflow) = &status.workflow else { continue };
            match named.get(&workflow.name) {
                Some(first) => status.hidden_by = Some(first.clone()),
                None => drop(named.insert(workflow.name.clone(), status.file.clone())),
            }
        }
    }
}
