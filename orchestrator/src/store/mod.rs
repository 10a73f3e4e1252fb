//! What is remembered: a journal, a history, sled behind a narrow wrapper, and the ledger of models and deployments.
//!
//! A commit is durable when the journal has it ([`state`]): one append and one sync for all that wait together. What live runs did is
//! in memory ([`live`]); what finished runs did is in packed files ([`history`]); sled has the rows by which they are found, and is synced
//! only at a checkpoint ([`checkpoint`]). Opening does again what the journal has and the others lack ([`open`]).
//!
//! Sled's `flush` does not reach the disk on Linux, a kill while it opens can leave a file that bricks it, and its open may
//! panic; [`db`] guards against all of that.

mod backup;
mod check;
mod checkpoint;
mod codec;
mod db;
mod disk;
mod error;
mod gc;
mod history;
mod journal;
mod jsonl;
mod key;
mod ledger;
mod live;
mod lock;
mod memo;
mod migrate;
mod open;
mod page;
mod query;
mod read_only;
mod rebuild;
mod record;
mod registry;
mod row;
mod row_story;
mod schedules;
mod state;
mod tape;
#[cfg(test)]
mod tests;
mod value;
mod writer;

pub use backup::{BackupReport, backup, restore};
pub use check::{CheckReport, check, check_open};
pub use error::{FindError, StoreError};
pub use gc::{GcOptions, GcReport};
pub use page::{PageFilter, RowPage};
pub use query::RunFilter;
pub use read_only::{LogReader, RunSource, read_only};
pub use rebuild::{RebuildReport, rebuild};
pub use registry::{AliasRecord, ModelSummary};
pub use schedules::{Backfill, Decision, Fire, LogEntry, Pause, ScheduleCommit, ScheduleId, ScheduleState};

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::run::{CacheEntry, EventRecord, RunId, RunRow};
use db::Db;
use history::FrameReader;
use live::LiveRuns;
use lock::Lock;
use tape::Tape;
use value::Values;
use writer::{Done, Op, Writer};

/// The version of the folder's format.
const FORMAT: u32 = 2;

/// How long a check or a rebuild waits for a command that is about to end.
const A_MOMENT: Duration = Duration::from_secs(2);

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
    live: LiveRuns,
    history: FrameReader,
    values: Values,
    /// Held while the registry is read and changed, so that versions have no gaps.
    registry: Mutex<()>,
    _lock: Lock,
}

impl Store {
    /// Opens the store, and makes it when there is none.
    pub fn open(home: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = Lock::take(home, options.wait)?;
        prepare_format(home)?;
        Self::open_locked(home, lock)
    }

    /// Tells that the process ends with this store, so that closing it may leave the database to the next open: nothing
    /// committed is lost, because the journal has it. The folder cannot be opened again in this process.
    pub fn leave(&self) {
        self.shared.writer.exclusively(|state| state.leave());
    }

    /// Makes a commit durable.
    pub fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (tx, rx) = std::sync::mpsc::channel();
        self.commit_then(&commit, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Makes a commit durable and then calls `done`. Commits that wait share one sync.
    ///
    /// A caller that finds nobody writing does the work itself, sync included, and `done` is called before this returns; otherwise the
    /// commit waits for the writer's thread, and `done` is called there. So a caller must be able to wait for a disk.
    pub fn commit_then(&self, commit: &Commit, done: Done) {
        match self.encode(commit) {
            Ok(op) => self.shared.writer.send(op, done),
            Err(error) => done(Err(error)),
        }
    }

    fn encode(&self, commit: &Commit) -> Result<Op, StoreError> {
        let mut op = Op::default();
        let run = commit.run;
        if commit.records.first().is_some_and(|record| record.seq > 0)
            && !self.shared.live.read().contains_key(&run)
            && let Some((row, place)) = self.finished(run)?
        {
            // A run that had ended goes on: it takes its events along, so that the journal has all that live runs need.
            let frames = self.shared.history.read(place)?;
            op.payload.tape(&row, &Tape { frames, tail: Vec::new() });
        }
        op.payload.row(&commit.row);
        let lines = tape::lines(&commit.records);
        op.payload.events(run, &lines);
        for entry in &commit.cache {
            put_cache(&mut op.payload, &self.shared.values, entry)?;
        }
        if commit.row.status.is_final() {
            let live = self.shared.live.read().get(&run).map(|live| live.tape.clone());
            op.last_frame = Some((run, live.unwrap_or_default().last_frame(&lines)));
        }
        Ok(op)
    }
}

/// Writes an outcome that may be used again, and that it is its task's latest.
fn put_cache(payload: &mut record::Payload, values: &Values, entry: &CacheEntry) -> Result<(), StoreError> {
    let hash = key::cache(&entry.key.hash);
    payload.put(&key::last(&entry.workflow, &entry.origin.task), &hash);
    payload.put(&hash, &values.encode(value::to_json(entry))?);
    Ok(())
}

/// Brings the folder to this program's format, or refuses it.
fn prepare_format(home: &Path) -> Result<(), StoreError> {
    if check_format(home)? < FORMAT {
        return migrate::migrate(home, migrate::Source::Database).map(drop);
    }
    migrate::tidy(home)
}

/// The folder's format; one of a newer format is refused before anything in it is touched.
fn check_format(home: &Path) -> Result<u32, StoreError> {
    let path = home.join("version");
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found <= FORMAT => Ok(found),
            Ok(found) => Err(StoreError::Newer { home: home.to_owned(), found, known: FORMAT }),
            Err(_) => Err(StoreError::BadVersion { path, text: text.chars().take(40).collect() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_format(home)?;
            Ok(FORMAT)
        }
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

fn write_format(home: &Path) -> Result<(), StoreError> {
    let path = home.join("version");
    crate::artifact::write_durably(&path, format!("{FORMAT}\n").as_bytes())
        .map_err(StoreError::io("write", &path))
}
