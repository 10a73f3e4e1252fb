//! What goes with the runs: cached outcomes, artifacts, values, folders, left-overs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    super::{Store, StoreError, key, record::Payload},
    GcOptions, GcReport,
    mark::Marks,
};
use crate::run::{CacheEntry, RunId, Timestamp};

/// Staged files of so many milliseconds ago are left over.
const DAY: i64 = 24 * 3600 * 1000;

/// Changes of the database, and files that nothing names once they are made.
#[derive(Default)]
pub(super) struct Sweep {
    pub(super) changes: Payload,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Sweep {
    /// Finds out what goes, and counts it.
    pub(super) fn plan(
        store: &Store,
        marks: &Marks,
        removed: &BTreeSet<RunId>,
        options: &GcOptions,
        report: &mut GcReport,
    ) -> Result<Self, StoreError> {
        let mut sweep = Self::default();
        let home = &store.shared.home;
        for row in marks.runs.iter().filter(|row| removed.contains(&row.id)) {
            sweep.changes.delete(&key::row(row.id));
            sweep.changes.delete(&key::by_workflow(row));
            report.bytes += store.finished(row.id)?.map_or(0, |(_, place)| place.length);
            let folder = folder_of(home, row.id);
            report.bytes += size_of(&folder);
            sweep.folders.extend(Some(folder).filter(|folder| folder.exists()));
        }
        let needed = marks.needed(removed);
        sweep.artifacts(store, marks, &needed, report);
        sweep.cache(store, marks, &needed, removed, report)?;
        sweep.leftovers(home, marks, options.now, report);
        Ok(sweep)
    }

    /// Artifacts that nothing names. One that came while an open run goes on may be an outcome that is not recorded yet, and stays.
    fn artifacts(&mut self, store: &Store, marks: &Marks, needed: &BTreeSet<usize>, report: &mut GcReport) {
        let open = marks.runs.iter().filter(|row| !row.status.is_final());
        let oldest_open = open.map(|row| row.created_at).min();
        for (number, (hash, size)) in marks.artifacts.iter().enumerate() {
            let path = crate::artifact::path_below(&store.shared.home.join("artifacts"), hash);
            let may_be_new = oldest_open.is_some_and(|open| changed_at(&path) >= Some(open));
            if needed.contains(&number) || may_be_new {
                continue;
            }
            report.n_artifacts += 1;
            report.bytes += size;
            self.files.push(path);
        }
    }

    /// Cached outcomes of runs that are gone, or whose artifacts are; and values that no cached outcome names then.
    fn cache(
        &mut self,
        store: &Store,
        marks: &Marks,
        needed: &BTreeSet<usize>,
        removed: &BTreeSet<RunId>,
        report: &mut GcReport,
    ) -> Result<(), StoreError> {
        let there: BTreeSet<&str> = needed.iter().map(|number| marks.artifacts[*number].0.as_str()).collect();
        let runs: BTreeSet<RunId> =
            marks.runs.iter().map(|row| row.id).filter(|id| !removed.contains(id)).collect();
        let mut gone = BTreeSet::new();
        let mut values = BTreeSet::new();
        for item in store.shared.db.prefix(b"c/") {
            let (name, kept) = item?;
            let entry = store.shared.values.decode::<CacheEntry>(&kept);
            let serves = entry.is_ok_and(|entry| {
                runs.contains(&entry.origin.run)
                    && entry.outcome.outputs.values().all(|output| there.contains(output.hash.as_str()))
            });
            if serves {
                values.extend(store.shared.values.file_of(&kept));
            } else {
                self.changes.delete(&name);
                report.n_cache_entries += 1;
                gone.insert(name.to_vec());
            }
        }
        for item in store.shared.db.prefix(b"l/") {
            let (name, pointer) = item?;
            if gone.contains(pointer.as_ref()) {
                self.changes.delete(&name);
            }
        }
        for file in files_below(&store.shared.home.join("values")) {
            if !values.contains(&file) {
                report.n_values += 1;
                report.bytes += size_of(&file);
                self.files.push(file);
            }
        }
        Ok(())
    }

    /// Half-written files of yesterday, and what was staged by attempts that are over.
    fn leftovers(&mut self, home: &Path, marks: &Marks, now: Timestamp, report: &mut GcReport) {
        let is_old = |path: &Path| changed_at(path).is_some_and(|at| at.0 + DAY < now.0);
        let is_half = |path: &Path| {
            path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with('.') && (name.ends_with(".tmp") || name.starts_with(".put."))
            })
        };
        for folder in ["artifacts", "values"] {
            let half =
                files_below(&home.join(folder)).into_iter().filter(|path| is_half(path) && is_old(path));
            for file in half {
                report.n_leftovers += 1;
                report.bytes += size_of(&file);
                self.files.push(file);
            }
        }
        // A task of an open run may still write.
        let open = marks.runs.iter().filter(|row| !row.status.is_final());
        let open: BTreeSet<PathBuf> = open.map(|row| folder_of(home, row.id)).collect();
        for run in entries(&home.join("runs")).into_iter().filter(|run| !open.contains(run)) {
            for staged in entries(&run.join("attempts")).into_iter().map(|attempt| attempt.join("out")) {
                if staged.is_dir() && is_old(&staged) {
                    report.n_leftovers += 1;
                    report.bytes += size_of(&staged);
                    self.folders.push(staged);
                }
            }
        }
    }

    /// Removes the files and folders.
    pub(super) fn remove_files(self) -> Result<(), StoreError> {
        for path in self.files {
            ignore_absent(std::fs::remove_file(&path), &path)?;
        }
        for path in self.folders {
            ignore_absent(std::fs::remove_dir_all(&path), &path)?;
        }
        Ok(())
    }
}

fn ignore_absent(done: std::io::Result<()>, path: &Path) -> Result<(), StoreError> {
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The folder of a run's logs.
pub(super) fn folder_of(home: &Path, run: RunId) -> PathBuf {
    home.join("runs").join(run.to_string())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

/// Bytes of a file, or of all files below a folder.
pub(super) fn size_of(path: &Path) -> u64 {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => entries(path).iter().map(|path| size_of(path)).sum(),
        Ok(about) => about.len(),
        Err(_) => 0,
    }
}

/// When a file changed; `None` when it is gone.
fn changed_at(path: &Path) -> Option<Timestamp> {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path).ok()?;
    Some(Timestamp(about.mtime().saturating_mul(1000) + about.mtime_nsec() / 1_000_000))
}
