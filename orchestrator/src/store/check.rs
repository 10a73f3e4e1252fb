//! Is everything on the disk as it should be?

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError, StoreOptions,
    history::{self, HistoryRow},
    jsonl,
    ledger::LedgerLine,
    query::ALL_RUNS,
    row::Place,
};
use crate::{
    artifact::ArtifactStore,
    run::{CacheEntry, Run, RunId},
};

/// What a check found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CheckReport {
    /// Runs that were looked at.
    pub n_runs: usize,
    /// Artifacts that were read again.
    pub n_artifacts: usize,
    /// What is wrong, for people.
    pub problems: Vec<String>,
}

/// Verifies the journal, the history against the database, cached outcomes, the ledger, and every artifact that a run or a model names.
pub fn check(home: &Path) -> Result<CheckReport, StoreError> {
    check_open(&Store::open(home, StoreOptions { wait: super::A_MOMENT })?)
}

/// The same for a store that is in use; runs may go on meanwhile.
pub fn check_open(store: &Store) -> Result<CheckReport, StoreError> {
    let home = store.shared.home.as_path();
    let mut report = CheckReport::default();
    let history = check_history(store, &mut report)?;
    let mut hashes = check_runs(store, &history, &mut report)?;
    check_cache(store, &mut report)?;
    let ledger = home.join("ledger.jsonl");
    if let Some(bad) = jsonl::read::<LedgerLine>(&ledger)?.bad {
        report.problems.push(format!("`{}`: line {}: {}", ledger.display(), bad.number, bad.reason));
    }
    for model in store.models()? {
        hashes.extend(store.versions(&model.name)?.into_iter().map(|version| version.bundle));
    }
    if let Ok(artifacts) = ArtifactStore::open(&home.join("artifacts")) {
        report.n_artifacts = hashes.len();
        for hash in hashes {
            if let Err(error) = artifacts.verify(&hash) {
                report.problems.push(sluicegate_plugin::with_causes(&error));
            }
        }
    }
    Ok(report)
}

/// Reads every line of the history's rows; the last one of a run counts.
fn check_history(
    store: &Store,
    report: &mut CheckReport,
) -> Result<BTreeMap<RunId, (HistoryRow, Place)>, StoreError> {
    let folder = store.shared.home.join("history");
    let manifest = store.shared.writer.exclusively(|state| state.history.manifest());
    let mut found = BTreeMap::new();
    for segment in manifest.segments {
        let bytes = history::rows_bytes(&folder, &segment)?;
        for (idx, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match jsonl::parse_line::<HistoryRow>(line) {
                Ok(row) => {
                    let place = Place { segment: segment.number, offset: row.offset, length: row.length };
                    found.insert(row.row.id, (row, place));
                }
                Err(reason) => report.problems.push(format!(
                    "`{}`: line {} is damaged ({reason})",
                    segment.rows_path(&folder).display(),
                    idx + 1
                )),
            }
        }
    }
    Ok(found)
}

/// Replays every run and compares it with its rows. Returns the artifacts that runs name.
fn check_runs(
    store: &Store,
    history: &BTreeMap<RunId, (HistoryRow, Place)>,
    report: &mut CheckReport,
) -> Result<BTreeSet<String>, StoreError> {
    let mut hashes = BTreeSet::new();
    let mut moved = Vec::new();
    for row in store.runs(&ALL_RUNS)? {
        report.n_runs += 1;
        match check_run(store, history, row.id)? {
            Ok(found) => hashes.extend(found),
            Err(_) => moved.push(row.id),
        }
    }
    // A run may have ended, or gone on, between two looks: what is wrong is so the second time, too.
    if !moved.is_empty() {
        let history = check_history(store, &mut CheckReport::default())?;
        for run in moved {
            match check_run(store, &history, run)? {
                Ok(found) => hashes.extend(found),
                Err(problem) => report.problems.push(problem),
            }
        }
    }
    let strangers = history.keys().filter(|id| store.row(**id).is_ok_and(|row| row.is_none()));
    report.problems.extend(strangers.map(|id| format!("run `{id}`: the database lacks it")));
    Ok(hashes)
}

/// Replays a run and compares it with its row; returns the artifacts that it names, or what is wrong.
fn check_run(
    store: &Store,
    history: &BTreeMap<RunId, (HistoryRow, Place)>,
    id: RunId,
) -> Result<Result<Vec<String>, String>, StoreError> {
    let Some(before) = store.row(id)? else { return Ok(Ok(Vec::new())) };
    let run = match store.events(id).map(|events| Run::replay(id, &events)) {
        Ok(Ok(run)) => run,
        Ok(Err(error)) => return Ok(Err(error.to_string())),
        Err(error) => return Ok(Err(format!("run `{id}`: {error}"))),
    };
    let after = store.row(id)?.unwrap_or_else(|| before.clone());
    let is_between = (before.n_events..=after.n_events).contains(&run.n_events());
    let is_still = before.n_events == after.n_events;
    if !is_between || is_still && run.status() != after.status {
        return Ok(Err(format!("run `{id}`: its events and its row tell different stories")));
    }
    let known = history.get(&id).map(|(line, place)| (&line.row, *place));
    let finished = store.finished(id)?;
    if before.status.is_final() && known != finished.as_ref().map(|(row, place)| (row, *place)) {
        return Ok(Err(format!("run `{id}`: history and database tell different stories")));
    }
    let outcomes = run.tasks().filter_map(|(_, _, record)| record.outcome.as_ref());
    Ok(Ok(outcomes.flat_map(|outcome| outcome.outputs.values()).map(|output| output.hash.clone()).collect()))
}

fn check_cache(store: &Store, report: &mut CheckReport) -> Result<(), StoreError> {
    for item in store.shared.db.prefix(b"c/") {
        let (_, kept) = item?;
        if let Err(error) = store.shared.values.decode::<CacheEntry>(&kept) {
            report.problems.push(format!("a cached outcome: {error}"));
        }
    }
    Ok(())
}
