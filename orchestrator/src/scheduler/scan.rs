//! Looking at folders: workflow files, and the files that triggers wait for.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::Place;

/// At most so many files of a trigger are looked at.
const MAX_FILES: usize = 100_000;

/// What changes when a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    seconds: i64,
    nanos: i64,
    inode: u64,
    /// When it came to where it is, or changed, in milliseconds since 1970-01-01 UTC; a copy may have the time of its original otherwise.
    changed_at: i64,
}

impl Stamp {
    /// The stamp of a file, if it is there.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| Self::of(&about))
    }

    /// What changes with the content.
    fn content(&self) -> (u64, i64, i64, u64) {
        (self.size, self.seconds, self.nanos, self.inode)
    }
}

impl Stamp {
    fn of(about: &std::fs::Metadata) -> Self {
        Self {
            size: about.len(),
            seconds: about.mtime(),
            nanos: about.mtime_nsec(),
            inode: about.ino(),
            changed_at: about.ctime().saturating_mul(1000).saturating_add(about.ctime_nsec() / 1_000_000),
        }
    }
}

/// The workflow files in some folders: every `.toml` but `sluice.toml`; hidden folders are left out.
#[derive(Debug, Default)]
pub(super) struct WorkflowFiles {
    pub(super) files: BTreeMap<PathBuf, Stamp>,
    /// What is there and cannot be read: nothing is known of what is in it.
    unreadable: Vec<PathBuf>,
}

impl WorkflowFiles {
    pub(super) fn look(places: &[Place]) -> Self {
        let mut found = Self::default();
        for place in places {
            found.look_at(&place.path, place.depth + 1);
        }
        found
    }

    /// Tells whether a file is not there any more.
    pub(super) fn lacks(&self, file: &Path) -> bool {
        !self.files.contains_key(file) && !self.unreadable.iter().any(|path| file.starts_with(path))
    }

    /// Looks at a path: a file, or a folder with so many levels, that of the files in it included.
    fn look_at(&mut self, path: &Path, levels: usize) {
        let about = match std::fs::metadata(path) {
            Ok(about) => about,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(_) => return self.unreadable.push(path.to_owned()),
        };
        if about.is_file() {
            let is_workflow = path.extension().is_some_and(|it| it == "toml")
                && path.file_name().is_some_and(|name| name != "sluice.toml");
            if is_workflow {
                self.files.insert(path.to_owned(), Stamp::of(&about));
            }
            return;
        }
        if levels == 0 || !about.is_dir() {
            return;
        }
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let Ok(entries) = entries else { return self.unreadable.push(path.to_owned()) };
        for entry in entries {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !is_hidden {
                self.look_at(&entry.path(), levels - 1);
            }
        }
    }
}

/// The files that a pattern names, at some moment.
#[derive(Debug, Default)]
pub(super) struct Found {
    files: BTreeMap<PathBuf, Stamp>,
}

impl Found {
    /// Looks at the files that a pattern names.
    pub(super) fn look(base_dir: &Path, pattern: &str) -> Self {
        let whole = format!("{}/{pattern}", glob::Pattern::escape(&base_dir.to_string_lossy()));
        let whole = if pattern.starts_with('/') { pattern } else { &whole };
        let Ok(paths) = glob::glob(whole) else { return Self::default() };
        let stamped = paths.flatten().take(MAX_FILES).filter_map(|path| {
            let about = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
            Some((path, Stamp::of(&about)))
        });
        Self { files: stamped.collect() }
    }

    /// Their state as one text, the same while none of them changes; nothing while there are none.
    pub(super) fn state(&self) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        for (path, stamp) in &self.files {
            let (size, seconds, nanos, inode) = stamp.content();
            let text = format!("{}\0{size} {seconds} {nanos} {inode}\n", path.display());
            hasher.update(text.as_bytes());
        }
        (!self.files.is_empty()).then(|| hasher.finalize().to_hex().to_string())
    }

    /// Those that are new or changed since an earlier look.
    pub(super) fn since(&self, earlier: &Self) -> Vec<&Path> {
        let is_new = |(path, stamp): &(&PathBuf, &Stamp)| {
            earlier.files.get(*path).is_none_or(|then| then.content() != stamp.content())
        };
        self.files.iter().filter(is_new).map(|(path, _)| path.as_path()).collect()
    }

    /// Those that came or changed after a moment, in milliseconds since 1970-01-01 UTC, as far as the file system knows.
    pub(super) fn after(&self, moment: i64) -> Vec<&Path> {
        let is_new = |(_, stamp): &(&PathBuf, &Stamp)| stamp.changed_at > moment;
        self.files.iter().filter(is_new).map(|(path, _)| path.as_path()).collect()
    }
}
