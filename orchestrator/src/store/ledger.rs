//! The ledger: everything that happened to models and deployments, in a log of its own.

use std::{
    fs::File,
    io::ErrorKind,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sluicegate_plugin::{Deployment, ModelVersion};

use super::{
    StoreError,
    disk::{self, Points},
    jsonl, key,
    record::Payload,
    registry::AliasRecord,
    value,
};

/// The version of the ledger's lines.
const VERSION: u16 = 1;

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LedgerLine {
    /// The format's version.
    pub(super) v: u16,
    /// What happened.
    pub(super) entry: LedgerEntry,
}

/// Something that happened to a model or a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub(super) enum LedgerEntry {
    /// A version was registered.
    Registered(ModelVersion),
    /// An alias moved; the number counts the model's moves from 0.
    AliasMoved(u64, AliasRecord),
    /// A deployment changed.
    Deployed(Deployment),
}

impl LedgerLine {
    pub(super) fn new(entry: LedgerEntry) -> Self {
        Self { v: VERSION, entry }
    }

    /// The line in the log.
    pub(super) fn to_line(&self) -> Vec<u8> {
        jsonl::line(&value::to_json(self))
    }

    /// The rows that follow from the line. Records stay far below the size at which sled wants files.
    pub(super) fn put_rows(&self, op: &mut Payload) {
        match &self.entry {
            LedgerEntry::Registered(version) => {
                op.put(&key::version(&version.model, version.version), &value::to_json(version));
            }
            LedgerEntry::AliasMoved(number, record) => {
                op.put(&key::alias_move(&record.step.model, *number), &value::to_json(record));
            }
            LedgerEntry::Deployed(deployment) => {
                op.put(
                    &key::deployment(&deployment.name, deployment.generation),
                    &value::to_json(deployment),
                );
            }
        }
    }
}

fn path(home: &Path) -> PathBuf {
    home.join("ledger.jsonl")
}

/// The ledger's length.
pub(super) fn end(home: &Path) -> Result<u64, StoreError> {
    let path = path(home);
    match std::fs::metadata(&path) {
        Ok(about) => Ok(about.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

/// Writes a line that the journal has at its place; one that is there already stays.
pub(super) fn write(home: &Path, offset: u64, line: &[u8]) -> Result<(), StoreError> {
    let path = path(home);
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    let length = end(home)?;
    let mut found = vec![0; line.len()];
    if file.read_exact_at(&mut found, offset).is_ok() && found == line {
        return Ok(());
    }
    // A write that was cut off is written again; a ledger that someone changed only grows.
    let is_cut_off = length >= offset && length - offset < line.len() as u64;
    let at = if is_cut_off { offset } else { length };
    let points = Points("ledger.append.before", "ledger.append.after");
    disk::step(points, "write", &path, || file.write_all_at(line, at))
}

/// Waits until the ledger is on the disk, if there is one.
pub(super) fn sync(home: &Path) -> Result<(), StoreError> {
    let path = path(home);
    match File::open(&path) {
        Ok(file) => file.sync_all().map_err(StoreError::io("sync", &path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("open", &path)(error)),
    }
}
