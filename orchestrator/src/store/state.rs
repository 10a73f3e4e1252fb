//! What the writer holds: the journal, the history, the database and the live runs; and how a commit goes through them.
//!
//! Order: the journal first, with the one sync; only then memory, history and database, none of which is synced before the next checkpoint.
//! A process that dies in between finds in the journal what the others lack.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    StoreError,
    db::Db,
    disk::{self, Points},
    history::{History, Segment},
    journal::{self, Journal},
    key, ledger,
    live::{LiveRun, LiveRuns},
    record::{Entry, entries},
    row, schedules,
    tape::{LastFrame, Tape},
    value,
    writer::Op,
};
use crate::run::RunId;

/// How far the database has come, and where the history ended then.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Position {
    /// The journal's number.
    pub(super) journal: u64,
    /// Where the last applied record ends in it.
    pub(super) end: u64,
    /// The machine's boot: after another one, files that were not synced may lack anything.
    pub(super) boot: String,
    /// The newest segment of the history.
    pub(super) segment: Option<Segment>,
}

/// The boot that this process runs in.
pub(super) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// What the writer holds.
pub(super) struct State {
    pub(super) home: PathBuf,
    pub(super) journal: Journal,
    pub(super) history: History,
    pub(super) db: Db,
    pub(super) live: LiveRuns,
    pub(super) boot: String,
    /// Where the journal ended after the last checkpoint.
    pub(super) base: u64,
    /// What failed. After a failure memory and disk may differ, so nothing more is written before the next open.
    pub(super) broken: Option<String>,
}

/// The frames that callers packed, by run.
pub(super) type Ready = BTreeMap<RunId, LastFrame>;

impl State {
    /// Makes a group of commits durable.
    pub(super) fn commit(&mut self, ops: Vec<Op>) -> Result<(), StoreError> {
        if let Some(reason) = &self.broken {
            return Err(StoreError::Broken(reason.clone()));
        }
        let mut ready = Ready::new();
        let mut record = Vec::new();
        let mut ledger_end = None;
        let mut ledgers = Ok(());
        journal::frame(&mut record, |out| {
            for op in ops {
                let mut payload = op.payload;
                if let Some(line) = op.ledger {
                    match ledger_end.map_or_else(|| ledger::end(&self.home), Ok) {
                        Ok(end) => {
                            payload.ledger(end, &line);
                            ledger_end = Some(end + line.len() as u64);
                        }
                        Err(error) => ledgers = Err(error),
                    }
                }
                out.extend_from_slice(&payload.bytes);
                ready.extend(op.last_frame);
            }
        })?;
        ledgers?;
        if let Err(error) = self.journal.append(&record) {
            self.broken = Some(error.to_string());
            return Err(error);
        }
        // From here on the group is durable, whatever happens; its callers are told so. What memory lacks then is read again by
        // the next open.
        let done = self
            .apply(payload_of(&record), &ready)
            .and_then(|()| if self.wants_checkpoint() { self.checkpoint() } else { Ok(()) });
        if let Err(error) = done {
            tracing::error!("the store stops: {error}");
            self.broken = Some(error.to_string());
        }
        Ok(())
    }

    /// Brings memory, history and database to where a record is that is in the journal.
    pub(super) fn apply(&mut self, payload: &[u8], ready: &Ready) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let mut ended = self.remember(payload, &mut batch)?;
        ended.sort_unstable();
        ended.dedup();
        {
            let live = self.live.read();
            ended.retain(|run| live.get(run).is_some_and(|run| run.row.status.is_final()));
        }
        // A failure here must not keep the rest from readers of this process; but then the database does not say that it has come
        // so far, and the next open does it all again.
        let archived = self.archive(&ended, ready, &mut batch);
        self.write(batch, archived.is_ok())?;
        archived?;
        // Only now: a reader finds a run in memory until the database has it.
        let mut live = self.live.write();
        for run in &ended {
            live.remove(run);
        }
        Ok(())
    }

    /// Appends runs that ended to the history, and their rows to what the database gets.
    fn archive(&mut self, ended: &[RunId], ready: &Ready, batch: &mut Batch) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        let finished: Vec<_> = {
            let live = self.live.read();
            ended
                .iter()
                .filter_map(|run| live.get(run))
                .map(|LiveRun { row, tape }| (row.clone(), tape.packed(ready.get(&row.id))))
                .collect()
        };
        let places = self.history.append(&finished)?;
        for ((row, _), place) in finished.iter().zip(places) {
            batch.put(&key::row(row.id), &row::encode(row, place));
            batch.put(&key::by_workflow(row), &[]);
        }
        Ok(())
    }

    /// Writes what a record asks of the ledger and the database; when all of it was done, with how far they have come.
    pub(super) fn write(&self, mut batch: Batch, is_complete: bool) -> Result<(), StoreError> {
        let lines = std::mem::take(&mut batch.ledger);
        let noted = lines.iter().try_for_each(|(offset, line)| ledger::write(&self.home, *offset, line));
        if batch.n == 0 {
            return noted;
        }
        if is_complete && noted.is_ok() {
            self.note_position(&mut batch);
        }
        let points = Points("sled.apply.before", "sled.apply.after");
        disk::step(points, "write", &self.home.join("db"), || {
            self.db.apply(batch.sled).map_err(std::io::Error::other)
        })?;
        noted
    }

    /// Notes how far journal and history are.
    pub(super) fn note_position(&self, batch: &mut Batch) {
        let position = Position {
            journal: self.journal.number,
            end: self.journal.end,
            boot: self.boot.clone(),
            segment: self.history.last(),
        };
        batch.put(key::POSITION, &value::to_json(&position));
    }

    /// Fills a database that is being made: without how far it has come.
    pub(super) fn fill(&self, batch: Batch) -> Result<(), StoreError> {
        self.db.apply(batch.sled)
    }

    /// Takes a record into memory, and what it asks of the database into `batch`. Returns runs that ended.
    pub(super) fn remember(&self, payload: &[u8], batch: &mut Batch) -> Result<Vec<RunId>, StoreError> {
        let mut live = self.live.write();
        let mut ended = Vec::new();
        for entry in entries(payload) {
            match entry? {
                Entry::Put { key, value } => batch.put(key, value),
                Entry::Delete { key } => batch.delete(key),
                Entry::Row { run, row } => {
                    let (row, _) = row::decode(run, row)?;
                    if row.status.is_final() {
                        ended.push(run);
                    }
                    match live.get_mut(&run) {
                        Some(known) => known.row = row,
                        None => drop(live.insert(run, LiveRun { row, tape: Tape::default() })),
                    }
                }
                Entry::Events { run, lines } => match live.get_mut(&run) {
                    Some(known) => known.tape.push(lines),
                    None => return Err(StoreError::BadValue(format!("run `{run}` has events, but no row"))),
                },
                Entry::Tape { run, row, frames, tail } => {
                    let (row, _) = row::decode(run, row)?;
                    let tape = Tape { frames: frames.to_vec(), tail: tail.to_vec() };
                    live.insert(run, LiveRun { row, tape });
                }
                Entry::Schedule { json } => self.live.put_schedule(schedules::decode(json)?),
                Entry::Manifest { .. } => {}
                Entry::Ledger { offset, line } => batch.ledger.push((offset, line.to_vec())),
            }
        }
        Ok(ended)
    }
}

/// The payload of a record that was framed a moment ago.
fn payload_of(record: &[u8]) -> &[u8] {
    &record[journal::RECORD_HEAD..]
}

/// Changes of the database, and how many.
#[derive(Default)]
pub(super) struct Batch {
    sled: sled::Batch,
    n: usize,
    ledger: Vec<(u64, Vec<u8>)>,
}

impl Batch {
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.sled.insert(key, value);
        self.n += 1;
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        self.sled.remove(key);
        self.n += 1;
    }
}
