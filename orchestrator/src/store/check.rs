//! Is everything on the disk as it should be?

use std::{collections::BTreeSet, path::Path};

use serde::Serialize;

use super::{RunFilter, Store, StoreError, StoreOptions, jsonl, ledger::LedgerLine, read_only::read_only};
use crate::{
    artifact::ArtifactStore,
    run::{EventRecord, Run},
};

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    /// Runs that were looked at.
    pub n_runs: usize,
    /// Artifacts that were read again.
    pub n_artifacts: usize,
    /// What is wrong, for people.
    pub problems: Vec<String>,
}

/// Verifies the runs' logs against the database, and every artifact that a run or a model names.
pub fn check(home: &Path) -> Result<CheckReport, StoreError> {
    let store = Store::open(home, StoreOptions { wait: std::time::Duration::ZERO })?;
    let logs = read_only(home);
    let mut report = CheckReport::default();
    let mut hashes = BTreeSet::new();
    for row in store.runs(&RunFilter { workflow: None, status: None, limit: usize::MAX })? {
        report.n_runs += 1;
        let events = store.events(row.id)?;
        let path = logs.log_path(row.id);
        let content = jsonl::read::<EventRecord>(&path)?;
        if content.values.len() < events.len() {
            let (found, wanted) = (content.values.len(), events.len());
            report
                .problems
                .push(format!("`{}` has {found} good lines; the store has {wanted} events", path.display()));
        } else if content.values[..events.len()] != events[..] {
            report.problems.push(format!("`{}` and the store tell different stories", path.display()));
        }
        match Run::replay(row.id, &events) {
            Ok(run) => {
                let outcomes = run.tasks().filter_map(|(_, _, record)| record.outcome.as_ref());
                hashes.extend(
                    outcomes.flat_map(|outcome| outcome.outputs.values()).map(|output| output.hash.clone()),
                );
            }
            Err(error) => report.problems.push(error.to_string()),
        }
    }
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
