//! A new database from the logs.

use std::path::Path;

use serde::Serialize;

use super::{
    Commit, Lock, Store, StoreError, check_format, jsonl, ledger::LedgerLine, read_only::read_only,
    writer::Op,
};
use crate::run::{EventRecord, Run};

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

/// Makes a new database from the runs' logs and the ledger. The old one is moved aside, never removed.
pub fn rebuild(home: &Path) -> Result<RebuildReport, StoreError> {
    let lock = Lock::take(home, std::time::Duration::ZERO)?;
    check_format(home)?;
    let mut report = RebuildReport::default();
    let db = home.join("db");
    if db.exists() {
        let mut n_before = 1;
        let mut aside = home.join("db.old-1");
        while aside.exists() {
            n_before += 1;
            aside = home.join(format!("db.old-{n_before}"));
        }
        std::fs::rename(&db, &aside).map_err(StoreError::io("rename", &db))?;
        report.notes.push(format!("the old database is kept as `{}`", aside.display()));
    }
    let store = Store::open_locked(home, lock)?;
    restore_runs(&store, home, &mut report)?;
    restore_ledger(&store, home, &mut report)?;
    Ok(report)
}

fn restore_runs(store: &Store, home: &Path, report: &mut RebuildReport) -> Result<(), StoreError> {
    let logs = read_only(home);
    let mut ids = logs.ids()?;
    // Oldest first, so that the newest outcome of a task is the one that is remembered.
    ids.reverse();
    for id in ids {
        let path = logs.log_path(id);
        let content = jsonl::read::<EventRecord>(&path)?;
        if let Some(bad) = &content.bad {
            report.notes.push(note(&path, bad));
        }
        match Run::replay(id, &content.values) {
            Ok(run) => {
                let cache = run.cache_entries().collect();
                store.restore(&Commit { run: id, records: content.values, row: run.row(), cache })?;
                report.n_runs += 1;
            }
            Err(error) => report.notes.push(format!("`{}` was left out: {error}", path.display())),
        }
    }
    Ok(())
}

fn restore_ledger(store: &Store, home: &Path, report: &mut RebuildReport) -> Result<(), StoreError> {
    let path = home.join("ledger.jsonl");
    let content = jsonl::read::<LedgerLine>(&path)?;
    if let Some(bad) = &content.bad {
        report.notes.push(note(&path, bad));
    }
    let mut op = Op::default();
    content.values.iter().for_each(|line| line.put_rows(&mut op));
    store.shared.writer.write(op)?;
    report.n_ledger_entries = content.values.len();
    Ok(())
}

fn note(path: &Path, bad: &jsonl::BadLine) -> String {
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

impl Store {
    /// Puts a run's rows back without touching its log.
    fn restore(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut op = self.encode(commit)?;
        op.drop_appends();
        self.shared.writer.write(op)
    }
}
