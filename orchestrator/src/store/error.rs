//! Why the store refused.

use std::path::{Path, PathBuf};

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another command holds it.
    #[error("the store `{home}` is in use by {holder}", home = home.display())]
    InUse {
        /// The folder.
        home: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A newer program wrote it.
    #[error("the store `{home}` has format {found}; this program knows formats up to {known}: use a newer `sluice`", home = home.display())]
    Newer {
        /// The folder.
        home: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this program knows.
        known: u32,
    },
    /// The file that holds the format's version holds something else.
    #[error("`{path}` should hold the format's version, but holds `{text}`; if the folder is a store, write `2` into it", path = path.display())]
    BadVersion {
        /// The file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
    /// A file of the store is not what was written.
    #[error("`{path}` is damaged: {reason}; `sluice doctor --rebuild` keeps what is whole and says what was lost", path = path.display())]
    Damaged {
        /// The file, or the database's folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A stored value is not what it was.
    #[error("a value in the store cannot be read: {0}; `sluice doctor` looks for the cause")]
    BadValue(String),
    /// A file operation failed.
    #[error("cannot {verb} `{path}`: {reason}{}", next_step(reason), path = path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed. It stands in the text, before the next step, and is no cause besides.
        reason: std::io::Error,
    },
    /// Sled failed.
    #[error("the database failed: {0}")]
    Sled(#[from] sled::Error),
    /// An earlier write failed, so nothing more is written.
    #[error("an earlier write failed ({0}); nothing more is written until the next start")]
    Broken(String),
    /// The writer's thread is gone.
    #[error("the store's writer ended")]
    WriterGone,
    /// An alias was to stand for a version that does not exist.
    #[error("model `{model}` has no version {version}")]
    NoVersion {
        /// The model.
        model: String,
        /// The version.
        version: u64,
    },
}

impl StoreError {
    pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Io { verb, path, reason }
    }
}

/// What helps against errors that have nothing to do with the store itself.
fn next_step(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free space on that disk and start again",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; make it writable, or choose another folder with `SLUICE_HOME`"
        }
        _ => "",
    }
}

/// Why a run could not be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no run at all.
    #[error("there are no runs yet")]
    Empty,
    /// None has such an id.
    #[error("no run is named `{0}`")]
    None(String),
    /// More than one could be meant.
    #[error("`{text}` could be any of {candidates}")]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Some of the runs.
        candidates: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}
