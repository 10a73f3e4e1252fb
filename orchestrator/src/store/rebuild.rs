//! A new database from what does not depend on it: the history, the journal and the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Lock, StoreError, check_format,
    checkpoint::first_record,
    db::Db,
    disk, gc,
    history::{self, FrameReader, History, HistoryRow, Manifest, Segment},
    journal::{self, Journal, Scan},
    jsonl, key,
    ledger::LedgerLine,
    live::LiveRuns,
    migrate::{self, Source},
    open::manifest,
    record::Payload,
    row::{self, Place},
    state::{Batch, Ready, State, boot_id},
    tape,
    value::Values,
};
use crate::run::{Run, RunId, RunRow};

/// Runs whose rows are written together.
const BATCH: usize = 256;

/// What a rebuild did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RebuildReport {
    /// Runs that were restored.
    pub n_runs: usize,
    /// Lines of the ledger that were restored.
    pub n_ledger_entries: usize,
    /// What was left out, and where the old database is.
    pub notes: Vec<String>,
}

/// Makes a new database from history, journal and ledger. The old one, and a damaged journal, are moved aside, never removed.
///
/// A kill in the middle leaves a database without a position in the journal, which the next open refuses; a second rebuild begins anew.
pub fn rebuild(home: &Path) -> Result<RebuildReport, StoreError> {
    let _lock = Lock::take(home, super::A_MOMENT)?;
    if check_format(home)? < super::FORMAT {
        let done = migrate::migrate(home, Source::Logs)?;
        return Ok(RebuildReport {
            n_runs: done.n_runs,
            n_ledger_entries: done.n_ledger_entries,
            notes: done.notes,
        });
    }
    let mut report = RebuildReport::default();
    let db = home.join("db");
    if db.exists() {
        let aside = free_name(home, "db.old");
        std::fs::rename(&db, &aside).map_err(StoreError::io("rename", &db))?;
        report.notes.push(format!("the old database is kept as `{}`", aside.display()));
    }
    let (mut state, scan) = salvage(home, &mut report)?;
    let mut lost = BTreeSet::new();
    restore_history(&state, &mut lost, &mut report)?;
    let mut changes = Payload::default();
    if let Some(scan) = scan {
        restore_journal(&mut state, &scan, &mut report)?;
        for row in incomplete_runs(&state, &lost, &mut report)? {
            changes.delete(&key::row(row.id));
            changes.delete(&key::by_workflow(&row));
            lost.insert(row.id);
        }
    }
    report.n_ledger_entries = restore_ledger(&state, &mut report)?;
    state.boot = boot_id();
    gc::rewrite_history(&mut state, &lost, changes)?;
    Ok(report)
}

/// A name that no file has yet.
pub(super) fn free_name(home: &Path, name: &str) -> PathBuf {
    let mut names = (1..u32::MAX).map(|n| home.join(format!("{name}-{n}")));
    names.find(|path| !path.exists()).unwrap_or_else(|| home.join(name))
}

/// What a line that cannot be read means.
pub(super) fn note(path: &Path, bad: &jsonl::BadLine) -> String {
    let path = path.display();
    let (number, reason) = (bad.number, &bad.reason);
    if bad.is_last {
        format!(
            "`{path}`: line {number} was being written when the program ended ({reason}); it was never acknowledged and is left out"
        )
    } else {
        format!("`{path}`: line {number} is damaged ({reason}); it and all lines behind it are left out")
    }
}

/// An empty database, a history as far as it is whole, and the journal as far as it can be read.
fn salvage(home: &Path, report: &mut RebuildReport) -> Result<(State, Option<Scan>), StoreError> {
    let folder = home.join("journal");
    let number = journal::newest(&folder)?;
    let scan = match number.map(|number| journal::scan(&folder, number)).transpose() {
        Err(error @ StoreError::Damaged { .. }) => {
            report.notes.push(format!("{error}; what went on since the last checkpoint is lost"));
            None
        }
        other => other?,
    };
    let from_journal = scan.as_ref().map(manifest).transpose();
    let known = match from_journal {
        Ok(Some(manifest)) => manifest,
        _ => {
            report.notes.push(
                "the journal does not say what the history holds; its files are taken as they are".into(),
            );
            manifest_of_files(&home.join("history"))?
        }
    };
    let whole = as_far_as_whole(&home.join("history"), known, report)?;
    let history = History::open(&home.join("history"), &whole, None)?
        .ok_or_else(|| super::query::missing("the history"))?;
    let clean = scan.as_ref().is_some_and(|scan| scan.damage.is_empty() && manifest(scan).is_ok());
    let journal = if let Some(number) = number {
        if !clean {
            let path = journal::path_of(&folder, number);
            let aside = free_name(home, "journal.old");
            std::fs::copy(&path, &aside).map_err(StoreError::io("copy", &path))?;
            report.notes.push(format!("the damaged journal is kept as `{}`", aside.display()));
        }
        // It stays as it is until the rebuild is done, so that a second one finds the same.
        Journal::as_it_is(&folder, number, scan.as_ref().map_or(0, |scan| scan.end))?
    } else {
        disk::create_folder(&folder)?;
        Journal::create(&folder, 1, &first_record(&whole).bytes)?
    };
    for range in scan.iter().flat_map(|scan| &scan.damage) {
        report.notes.push(format!(
            "bytes {} to {} of the journal are damaged; what was committed there is lost",
            range.start,
            range.end.saturating_sub(1)
        ));
    }
    let db = Db::open(&home.join("db"))?;
    let (base, live, home) = (0, LiveRuns::default(), home.to_owned());
    // Of no boot: should this be killed, nobody relies on how far the new database has come.
    Ok((State { home, journal, history, db, live, boot: String::new(), base, broken: None }, scan))
}

/// The newest files of every segment in the folder.
fn manifest_of_files(folder: &Path) -> Result<Manifest, StoreError> {
    let mut segments: BTreeMap<u32, Segment> = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stem, extension)) = name.rsplit_once('.') else { continue };
        let (number, age) = stem.split_once('-').unwrap_or((stem, "0"));
        let (Ok(number), Ok(age)) = (number.parse(), age.parse()) else { continue };
        let length = entry.metadata().map_err(StoreError::io("read", folder))?.len();
        let segment = segments.entry(number).or_insert(Segment { number, ..Segment::default() });
        match extension {
            "zst" if age >= segment.frames_age => (segment.frames_age, segment.frames) = (age, length),
            "rows" if age >= segment.rows_age => (segment.rows_age, segment.rows) = (age, length),
            _ => {}
        }
    }
    Ok(Manifest { segments: segments.into_values().collect() })
}

/// Shortens segments to what is there.
fn as_far_as_whole(
    folder: &Path,
    known: Manifest,
    report: &mut RebuildReport,
) -> Result<Manifest, StoreError> {
    let mut whole = Manifest::default();
    for mut segment in known.segments {
        let mut is_there = true;
        let (frames, rows) = (segment.frames_path(folder), segment.rows_path(folder));
        for (path, length) in [(frames, &mut segment.frames), (rows, &mut segment.rows)] {
            match std::fs::metadata(&path) {
                Ok(about) if about.len() < *length => {
                    report.notes.push(format!("`{}` lost its end", path.display()));
                    *length = about.len();
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    report.notes.push(format!("`{}` is missing; its runs are lost", path.display()));
                    is_there = false;
                }
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        whole.segments.extend(Some(segment).filter(|_| is_there));
    }
    Ok(whole)
}

/// Writes the rows and cached outcomes of the history's runs; what cannot be read is told, and its run is `lost`.
fn restore_history(
    state: &State,
    lost: &mut BTreeSet<RunId>,
    report: &mut RebuildReport,
) -> Result<(), StoreError> {
    let folder = state.home.join("history");
    let manifest = state.history.manifest();
    let reader = FrameReader::of(&folder, &manifest.segments);
    let values = Values::new(state.home.join("values"));
    // A run that ended more than once stands there more than once; the last one counts.
    let mut found: BTreeMap<RunId, (HistoryRow, Place)> = BTreeMap::new();
    for segment in &manifest.segments {
        let bytes = history::rows_bytes(&folder, segment)?;
        for (idx, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match jsonl::parse_line::<HistoryRow>(line) {
                Ok(row) => {
                    let place = Place { segment: segment.number, offset: row.offset, length: row.length };
                    found.insert(row.row.id, (row, place));
                }
                Err(reason) => report.notes.push(format!(
                    "`{}`: line {} is damaged ({reason}); its run is left out",
                    segment.rows_path(&folder).display(),
                    idx + 1
                )),
            }
        }
    }
    let mut batch = Batch::default();
    for (n, (id, (row, place))) in found.into_iter().enumerate() {
        match reader.lines(place).and_then(|lines| replayed(id, &lines)) {
            Ok(run) => {
                batch.put(&key::row(id), &row::encode(&row.row, place));
                batch.put(&key::by_workflow(&row.row), &[]);
                let mut payload = Payload::default();
                for entry in run.cache_entries() {
                    super::put_cache(&mut payload, &values, &entry)?;
                }
                state.remember(&payload.bytes, &mut batch)?;
                report.n_runs += 1;
            }
            Err(reason) => {
                lost.insert(id);
                report.notes.push(format!("run `{id}` is lost: {reason}"));
            }
        }
        if n % BATCH == BATCH - 1 {
            state.fill(std::mem::take(&mut batch))?;
        }
    }
    state.fill(batch)
}

/// Writes the rows of the ledger's lines.
fn restore_ledger(state: &State, report: &mut RebuildReport) -> Result<usize, StoreError> {
    let path = state.home.join("ledger.jsonl");
    let content = jsonl::read::<LedgerLine>(&path)?;
    report.notes.extend(content.bad.iter().map(|bad| note(&path, bad)));
    let mut payload = Payload::default();
    content.values.iter().for_each(|line| line.put_rows(&mut payload));
    let mut batch = Batch::default();
    state.remember(&payload.bytes, &mut batch)?;
    state.fill(batch)?;
    Ok(content.values.len())
}

/// Does what the journal's good records say.
fn restore_journal(state: &mut State, scan: &Scan, report: &mut RebuildReport) -> Result<(), StoreError> {
    for (_, payload) in scan.records() {
        match state.apply(payload, &Ready::new()) {
            Err(StoreError::BadValue(reason)) => {
                report.notes.push(format!("a record of the journal cannot be used: {reason}"));
            }
            other => other?,
        }
    }
    let live: Vec<RunId> = state.live.read().keys().copied().collect();
    for id in live {
        let tape = state.live.read().get(&id).map(|run| run.tape.clone()).unwrap_or_default();
        match tape.lines().and_then(|lines| replayed(id, &lines)) {
            Ok(_) => report.n_runs += 1,
            Err(error) => {
                state.live.write().remove(&id);
                report.notes.push(format!("run `{id}` is lost: {error}"));
            }
        }
    }
    Ok(())
}

/// Runs that ended in the journal, but whose events are not all there. The others are counted.
fn incomplete_runs(
    state: &State,
    known: &BTreeSet<RunId>,
    report: &mut RebuildReport,
) -> Result<Vec<RunRow>, StoreError> {
    let reader = state.history.reader();
    let mut incomplete = Vec::new();
    let mut n_whole = 0;
    for item in state.db.prefix(b"r/") {
        let (name, packed) = item?;
        let (row, place) = row::decode(key::run_of(&name)?, &packed)?;
        match reader.lines(place).and_then(|lines| replayed(row.id, &lines)) {
            Ok(_) => n_whole += 1,
            Err(error) if !known.contains(&row.id) => {
                report.notes.push(format!("run `{}` is lost: {error}", row.id));
                incomplete.push(row);
            }
            Err(_) => {}
        }
    }
    report.n_runs = n_whole + state.live.read().len();
    Ok(incomplete)
}

/// A run from its lines.
fn replayed(id: RunId, lines: &[u8]) -> Result<Run, StoreError> {
    Run::replay(id, &tape::parse(lines)?).map_err(|error| StoreError::BadValue(error.to_string()))
}
