//! Folders of format 1: sled with every event in it, and a log of events for each run.
//!
//! The old database is moved to `db.v1` and read from there; everything new is made beside it, from nothing each time it is tried; the
//! version is written last. A kill before that begins again, a kill after it leaves files that the next open removes.

use std::path::Path;

use super::{
    FORMAT, StoreError,
    checkpoint::first_journal,
    db::Db,
    history::{History, Manifest},
    jsonl, key,
    ledger::LedgerLine,
    live::LiveRuns,
    record::Payload,
    state::{State, boot_id},
    tape,
    value::Values,
    writer::Op,
};
use crate::run::{EventRecord, Run, RunId};

/// Where a folder of format 1 is read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its database.
    Database,
    /// The runs' logs and the ledger: the database is lost.
    Logs,
}

/// What was taken over.
#[derive(Default)]
pub(super) struct Migrated {
    pub(super) n_runs: usize,
    pub(super) n_ledger_entries: usize,
    pub(super) notes: Vec<String>,
}

/// Makes a folder of format 2 out of one of format 1. The caller holds the lock.
pub(super) fn migrate(home: &Path, source: Source) -> Result<Migrated, StoreError> {
    let (db, old) = (home.join("db"), home.join("db.v1"));
    if !old.exists() && db.exists() {
        std::fs::rename(&db, &old).map_err(StoreError::io("rename", &db))?;
    }
    for half in ["db", "history", "journal"] {
        remove_folder(&home.join(half))?;
    }
    let mut state = empty_state(home)?;
    let mut migrated = Migrated::default();
    match source {
        Source::Database if old.exists() => from_database(&mut state, &Db::open(&old)?, &mut migrated)?,
        Source::Database => {}
        Source::Logs => from_logs(&mut state, &mut migrated)?,
    }
    state.checkpoint()?;
    drop(state);
    debug_assert_eq!(FORMAT, 2, "this makes folders of format 2");
    super::write_format(home)?;
    if source == Source::Logs && old.exists() {
        let aside = super::rebuild::free_name(home, "db.old");
        std::fs::rename(&old, &aside).map_err(StoreError::io("rename", &old))?;
        migrated.notes.push(format!("the old database is kept as `{}`", aside.display()));
    }
    tidy(home)?;
    Ok(migrated)
}

/// Removes what a migration leaves behind.
pub(super) fn tidy(home: &Path) -> Result<(), StoreError> {
    let old = home.join("db.v1");
    if !old.exists() {
        return Ok(());
    }
    for run in runs_with_logs(home)? {
        let log = home.join("runs").join(run.to_string()).join("events.jsonl");
        std::fs::remove_file(&log).map_err(StoreError::io("remove", &log))?;
    }
    remove_folder(&old)
}

fn empty_state(home: &Path) -> Result<State, StoreError> {
    let db = Db::open(&home.join("db"))?;
    let journal = first_journal(home)?;
    let history = History::open(&home.join("history"), &Manifest::default(), None)?
        .ok_or_else(|| super::query::missing("the new history"))?;
    let (base, live) = (journal.end, LiveRuns::default());
    Ok(State { home: home.to_owned(), journal, history, db, live, boot: boot_id(), base, broken: None })
}

fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn from_database(state: &mut State, old: &Db, migrated: &mut Migrated) -> Result<(), StoreError> {
    let values = Values::new(state.home.join("values"));
    for item in old.prefix(b"r/") {
        let run = key::run_of(&item?.0)?;
        let events: Vec<EventRecord> = old
            .prefix(&[b"e/".as_slice(), &run.to_bytes()].concat())
            .map(|item| values.decode(&item?.1))
            .collect::<Result<_, _>>()?;
        take_run(state, run, &events, migrated)?;
    }
    let mut op = Op::default();
    for item in old.prefix(b"c/") {
        let (key, value) = item?;
        op.payload.put(&new_cache_key(&key), &value);
    }
    for item in old.prefix(b"l/") {
        let (key, value) = item?;
        op.payload.put(&key, &new_cache_key(&value));
    }
    for prefix in [b"m/".as_slice(), b"d/"] {
        for item in old.prefix(prefix) {
            let (key, value) = item?;
            op.payload.put(&key, &value);
        }
    }
    state.commit(vec![op])
}

fn new_cache_key(old: &[u8]) -> Vec<u8> {
    key::cache(&String::from_utf8_lossy(old.strip_prefix(b"c/").unwrap_or(old)))
}

fn from_logs(state: &mut State, migrated: &mut Migrated) -> Result<(), StoreError> {
    let home = state.home.clone();
    let values = Values::new(home.join("values"));
    // Oldest first, so that the newest outcome of a task is the one that is remembered.
    for run in runs_with_logs(&home)? {
        let path = home.join("runs").join(run.to_string()).join("events.jsonl");
        let content = jsonl::read::<EventRecord>(&path)?;
        if let Some(bad) = &content.bad {
            migrated.notes.push(super::rebuild::note(&path, bad));
        }
        if let Some(run) = take_run(state, run, &content.values, migrated)? {
            let mut op = Op::default();
            for entry in run.cache_entries() {
                super::put_cache(&mut op.payload, &values, &entry)?;
            }
            state.commit(vec![op])?;
        }
    }
    migrated.n_ledger_entries = take_ledger(state, &mut migrated.notes)?;
    Ok(())
}

/// Writes the rows of the ledger's lines.
fn take_ledger(state: &mut State, notes: &mut Vec<String>) -> Result<usize, StoreError> {
    let path = state.home.join("ledger.jsonl");
    let content = jsonl::read::<LedgerLine>(&path)?;
    if let Some(bad) = &content.bad {
        notes.push(super::rebuild::note(&path, bad));
    }
    let mut op = Op::default();
    content.values.iter().for_each(|line| line.put_rows(&mut op.payload));
    state.commit(vec![op])?;
    Ok(content.values.len())
}

fn take_run(
    state: &mut State,
    id: RunId,
    events: &[EventRecord],
    migrated: &mut Migrated,
) -> Result<Option<Run>, StoreError> {
    match Run::replay(id, events) {
        Ok(run) => {
            let mut payload = Payload::default();
            payload.row(&run.row());
            payload.events(id, &tape::lines(events));
            state.commit(vec![Op { payload, ..Op::default() }])?;
            migrated.n_runs += 1;
            Ok(Some(run))
        }
        Err(error) => {
            migrated.notes.push(format!("run `{id}` was left out: {error}"));
            Ok(None)
        }
    }
}

/// Runs of format 1 that have a log, oldest first.
fn runs_with_logs(home: &Path) -> Result<Vec<RunId>, StoreError> {
    let folder = home.join("runs");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read", &folder)(error)),
    };
    let mut runs: Vec<RunId> = entries
        .flatten()
        .filter(|entry| entry.path().join("events.jsonl").is_file())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    runs.sort_unstable();
    Ok(runs)
}
