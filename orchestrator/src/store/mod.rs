//! What is remembered: sled behind a narrow wrapper, the runs' own logs, and the ledger of models and deployments.
//!
//! Sled's `flush` does not reach the disk on Linux, a kill while it opens can leave a file that bricks it, and its open may
//! panic; [`db`] guards against all of that. One thread owns all writes and commits what waits together ([`writer`]).

mod check;
mod db;
mod error;
mod jsonl;
mod key;
mod ledger;
mod lock;
mod query;
mod read_only;
mod rebuild;
mod registry;
#[cfg(test)]
mod tests;
mod value;
mod writer;

pub use check::{CheckReport, check};
pub use error::{FindError, StoreError};
pub use query::RunFilter;
pub use read_only::{LogReader, RunSource, read_only};
pub use rebuild::{RebuildReport, rebuild};
pub use registry::{AliasRecord, ModelSummary};

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::run::{CacheEntry, EventRecord, RunId, RunRow};
use db::Db;
use lock::Lock;
use value::Values;
use writer::{Append, Done, Op, Writer};

/// The version of the folder's format.
const FORMAT: u32 = 1;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How long to wait for another command that holds the store.
    pub wait: Duration,
}

/// What is committed together for one run.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The run.
    pub run: RunId,
    /// New events, in order.
    pub records: Vec<EventRecord>,
    /// The run's row after them.
    pub row: RunRow,
    /// Outcomes that may be used again.
    pub cache: Vec<CacheEntry>,
}

/// The open store. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    home: PathBuf,
    // Fields are dropped in this order: the writer ends, sled closes, the lock opens.
    writer: Writer,
    db: Db,
    values: Values,
    /// Held while the registry is read and changed, so that versions have no gaps.
    registry: Mutex<()>,
    _lock: Lock,
}

impl Store {
    /// Opens the store, and makes it when there is none.
    pub fn open(home: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = Lock::take(home, options.wait)?;
        check_format(home)?;
        Self::open_locked(home, lock)
    }

    fn open_locked(home: &Path, lock: Lock) -> Result<Self, StoreError> {
        let db = Db::open(&home.join("db"))?;
        let values = Values::new(home.join("values"));
        let writer = Writer::start(db.clone(), home)?;
        let shared =
            Shared { home: home.to_owned(), writer, db, values, registry: Mutex::new(()), _lock: lock };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Makes a commit durable.
    pub fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (tx, rx) = std::sync::mpsc::channel();
        self.commit_then(commit, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Makes a commit durable and then calls `done`, on the writer's thread. Commits that wait share one sync.
    pub fn commit_then(&self, commit: Commit, done: Done) {
        match self.encode(&commit) {
            Ok(op) => self.shared.writer.send(op, done),
            Err(error) => done(Err(error)),
        }
    }

    fn encode(&self, commit: &Commit) -> Result<Op, StoreError> {
        let mut op = Op::default();
        let mut lines = Vec::new();
        for record in &commit.records {
            let text = value::to_json(record);
            lines.extend_from_slice(&jsonl::line(&text));
            op.put(key::event(commit.run, record.seq), self.shared.values.encode(text)?);
        }
        let old = self.row(commit.run)?;
        query::put_row(&mut op, &commit.row, old.as_ref());
        for entry in &commit.cache {
            let hash = key::cache(&entry.key.hash);
            op.put(key::last(&entry.workflow, &entry.origin.task), hash.clone());
            op.put(hash, self.shared.values.encode(value::to_json(entry))?);
        }
        let folder = self.shared.home.join("runs").join(commit.run.to_string());
        let first = commit.records.first().map(|record| record.seq);
        op.append(Append {
            path: folder.join("events.jsonl"),
            from: first.map(|first| (commit.run, first)),
            lines,
            sync: commit.row.status.is_final(),
        });
        Ok(op)
    }
}

/// Refuses a folder of a newer format before anything in it is touched.
fn check_format(home: &Path) -> Result<(), StoreError> {
    let path = home.join("version");
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found <= FORMAT => Ok(()),
            Ok(found) => Err(StoreError::Newer { home: home.to_owned(), found, known: FORMAT }),
            Err(_) => Err(StoreError::BadVersion { path, text: text.chars().take(40).collect() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::artifact::write_durably(&path, format!("{FORMAT}\n").as_bytes())
                .map_err(StoreError::io("write", &path))
        }
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}
