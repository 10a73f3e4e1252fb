//! Where the tasks of plugins stage their outputs: one folder a worker, so that a whole process can be kept to it.

use std::{
    io,
    path::{Path, PathBuf},
};

use sluicegate_plugin::ProcessId;

/// The staging folder of this worker. It is removed with the worker's entry.
pub(super) struct Staging {
    root: PathBuf,
}

impl Staging {
    /// Makes the folder.
    pub(super) fn new(home: &Path) -> io::Result<Self> {
        let own = ProcessId::of(std::process::id()).ok_or_else(|| io::Error::other("no entry in /proc"))?;
        let root = folder_of(home, &own);
        std::fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// What plugins may write to.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one attempt, which is made with its first output.
    pub(super) fn of(&self, attempt_id: &str) -> PathBuf {
        self.root.join(attempt_id)
    }
}

/// The folder of a worker.
pub(super) fn folder_of(home: &Path, process: &ProcessId) -> PathBuf {
    home.join("staging").join(format!("{}-{}", process.pid, process.start_time))
}
