//! Looking at folders: workflow files, and the files that triggers wait for.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Folders are looked into so deep.
const MAX_DEPTH: usize = 4;

/// At most so many files of a trigger are looked at.
const MAX_FILES: usize = 100_000;

/// What changes when a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    seconds: i64,
    nanos: i64,
    inode: u64,
}

impl Stamp {
    fn of(about: &std::fs::Metadata) -> Self {
        Self { size: about.len(), seconds: about.mtime(), nanos: about.mtime_nsec(), inode: about.ino() }
    }
}

/// The workflow files in some folders: every `.toml` but `sluice.toml`; hidden folders are left out.
pub(super) fn workflow_files(folders: &[PathBuf]) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    for folder in folders {
        look(folder, MAX_DEPTH, &mut found);
    }
    found
}

fn look(path: &Path, depth: usize, found: &mut BTreeMap<PathBuf, Stamp>) {
    let Ok(about) = std::fs::metadata(path) else { return };
    if about.is_file() {
        let is_workflow = path.extension().is_some_and(|it| it == "toml")
            && path.file_name().is_some_and(|name| name != "sluice.toml");
        if is_workflow {
            found.insert(path.to_owned(), Stamp::of(&about));
        }
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if depth > 0 && !is_hidden {
            look(&entry.path(), depth - 1, found);
        }
    }
}

/// The state of the files that a pattern names, as one text; the same while none of them changes. Nothing while there are none.
pub(super) fn files_state(base_dir: &Path, pattern: &str) -> Option<String> {
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&base_dir.to_string_lossy()));
    let whole = if pattern.starts_with('/') { pattern } else { &whole };
    let mut hasher = blake3::Hasher::new();
    let mut n_files = 0;
    for path in glob::glob(whole).ok()?.flatten().take(MAX_FILES) {
        let Ok(about) = std::fs::metadata(&path) else { continue };
        if about.is_file() {
            n_files += 1;
            hasher.update(format!("{}\0{:?}\n", path.display(), Stamp::of(&about)).as_bytes());
        }
    }
    (n_files > 0).then(|| hasher.finalize().to_hex().to_string())
}
