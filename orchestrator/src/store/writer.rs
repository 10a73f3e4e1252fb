//! The one thread that writes. What waits is committed together: one batch, one sync of the database, one of each log.
//!
//! Order: the logs first, the database last, the answers after both. A line in a log that the database lacks belongs to a
//! commit that nobody was told of; it is cut off when the log is next opened. A run's log is synced with the run's last event; until then the
//! database alone is sure to survive the machine, and what its log lacks after that is written again from there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender},
    thread::JoinHandle,
};

use super::{
    StoreError,
    db::Db,
    jsonl::{self, LogFile},
    key,
    value::{self, Values},
};
use crate::run::{EventRecord, RunId};

/// At most so many commits are made together.
const MAX_GROUP: usize = 256;

/// Logs kept open.
const MAX_OPEN: usize = 64;

/// Called when a commit is durable, or has failed.
pub(super) type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What to write together.
#[derive(Default)]
pub(super) struct Op {
    puts: Vec<(Vec<u8>, Vec<u8>)>,
    deletes: Vec<Vec<u8>>,
    appends: Vec<Append>,
}

/// Lines for a log.
pub(super) struct Append {
    pub(super) path: PathBuf,
    /// For a run's log, the run and its first new event's number: lines from there on are not in the database and are cut off.
    pub(super) from: Option<(RunId, u64)>,
    pub(super) lines: Vec<u8>,
    /// Whether the commit waits until they are on the disk.
    pub(super) sync: bool,
}

impl Op {
    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.puts.push((key, value));
    }

    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.deletes.push(key);
    }

    /// Keeps the rows and forgets the lines.
    pub(super) fn drop_appends(&mut self) {
        self.appends.clear();
    }

    pub(super) fn append(&mut self, append: Append) {
        if !append.lines.is_empty() {
            self.appends.push(append);
        }
    }
}

/// The writer's handle.
pub(super) struct Writer {
    queue: Option<Sender<(Op, Done)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(db: Db, home: &Path) -> Result<Self, StoreError> {
        let (queue, ops) = mpsc::channel();
        let values = Values::new(home.join("values"));
        let mut state = WriterState { db, values, logs: BTreeMap::new(), broken: None };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || state.run(&ops))
            .map_err(StoreError::io("start a thread for", home))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn send(&self, op: Op, done: Done) {
        let Some(queue) = &self.queue else { return done(Err(StoreError::WriterGone)) };
        if let Err(mpsc::SendError((_, done))) = queue.send((op, done)) {
            done(Err(StoreError::WriterGone));
        }
    }

    /// Writes and waits.
    pub(super) fn write(&self, op: Op) -> Result<(), StoreError> {
        let (tx, rx) = mpsc::channel();
        self.send(op, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(StoreError::WriterGone))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct WriterState {
    db: Db,
    values: Values,
    logs: BTreeMap<PathBuf, LogFile>,
    /// A write failed: logs and database may differ, so nothing more is written before the next open.
    broken: Option<String>,
}

impl WriterState {
    fn run(&mut self, ops: &Receiver<(Op, Done)>) {
        while let Ok(first) = ops.recv() {
            let mut group = vec![first];
            while group.len() < MAX_GROUP {
                match ops.try_recv() {
                    Ok(next) => group.push(next),
                    Err(_) => break,
                }
            }
            let (ops, waiters): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            match self.commit(ops) {
                Ok(()) => waiters.into_iter().for_each(|done| done(Ok(()))),
                Err(error) => self.refuse(error, waiters),
            }
        }
    }

    fn refuse(&mut self, error: StoreError, waiters: Vec<Done>) {
        let reason = self.broken.get_or_insert_with(|| error.to_string()).clone();
        let mut first = Some(error);
        for done in waiters {
            done(Err(first.take().unwrap_or_else(|| StoreError::Broken(reason.clone()))));
        }
    }

    fn commit(&mut self, ops: Vec<Op>) -> Result<(), StoreError> {
        if let Some(reason) = &self.broken {
            return Err(StoreError::Broken(reason.clone()));
        }
        let mut batch = sled::Batch::default();
        let mut appends: BTreeMap<PathBuf, Append> = BTreeMap::new();
        for op in ops {
            op.deletes.into_iter().for_each(|key| batch.remove(key));
            op.puts.into_iter().for_each(|(key, value)| batch.insert(key, value));
            for append in op.appends {
                match appends.get_mut(&append.path) {
                    Some(first) => {
                        first.lines.extend(append.lines);
                        first.sync |= append.sync;
                    }
                    None => drop(appends.insert(append.path.clone(), append)),
                }
            }
        }
        for append in appends.into_values() {
            self.log(&append)?.append(&append.lines, append.sync)?;
        }
        self.db.commit(batch)
    }

    fn log(&mut self, append: &Append) -> Result<&mut LogFile, StoreError> {
        let path = &append.path;
        if !self.logs.contains_key(path) {
            if self.logs.len() >= MAX_OPEN {
                self.logs.pop_first();
            }
            let log = match append.from {
                Some((_, 0)) => LogFile::open(path, 0)?,
                Some((run, first)) => self.repaired(path, run, first)?,
                None => LogFile::open(path, jsonl::read::<serde_json::Value>(path)?.good_end)?,
            };
            self.logs.insert(path.clone(), log);
        }
        Ok(self.logs.get_mut(path).expect("it was just put there"))
    }

    /// A run's log with exactly the events before `first`: what the database lacks is cut off, what the log lacks is written again.
    fn repaired(&self, path: &Path, run: RunId, first: u64) -> Result<LogFile, StoreError> {
        let content = jsonl::read::<EventRecord>(path)?;
        let n_kept = content.values.iter().take_while(|record| record.seq < first).count();
        let bytes = if n_kept == 0 {
            Vec::new()
        } else {
            std::fs::read(path).map_err(StoreError::io("read", path))?
        };
        let end: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(n_kept).map(<[u8]>::len).sum();
        let mut log = LogFile::open(path, end as u64)?;
        let mut lines = Vec::new();
        for item in self.db.prefix(&key::events(run)).skip(n_kept) {
            let record: EventRecord = self.values.decode(&item?.1)?;
            if record.seq < first {
                lines.extend(jsonl::line(&value::to_json(&record)));
            }
        }
        log.append(&lines, false)?;
        Ok(log)
    }
}
