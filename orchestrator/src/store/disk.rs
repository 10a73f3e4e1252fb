//! Durable steps, each between two failpoints, counted and with its path in the error.

use std::{
    fs::File,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use super::StoreError;
use crate::failpoint;

static N_SYNCS: AtomicU64 = AtomicU64::new(0);

/// Syncs that the stores of this process have made.
pub(super) fn n_syncs() -> u64 {
    N_SYNCS.load(Ordering::Relaxed)
}

/// The two failpoints around a step.
#[derive(Clone, Copy)]
pub(super) struct Points(pub(super) &'static str, pub(super) &'static str);

/// Does a step between its failpoints.
pub(super) fn step<T>(
    points: Points,
    verb: &'static str,
    path: &Path,
    step: impl FnOnce() -> std::io::Result<T>,
) -> Result<T, StoreError> {
    failpoint::step(points.0, points.1, step).map_err(StoreError::io(verb, path))
}

/// Waits until a file's content is on the disk.
pub(super) fn sync(points: Points, path: &Path, file: &File) -> Result<(), StoreError> {
    N_SYNCS.fetch_add(1, Ordering::Relaxed);
    step(points, "sync", path, || file.sync_data())
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    N_SYNCS.fetch_add(1, Ordering::Relaxed);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("sync", folder))
}

/// Makes a folder that need not be durable before something in it is.
pub(super) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(StoreError::io("create", folder))
}
