//! Reading runs while another process holds the store: from the runs' own logs.

use std::path::{Path, PathBuf};

use super::{FindError, RunFilter, Store, StoreError, jsonl, query::choose};
use crate::run::{EventRecord, Run, RunId, RunRow};

/// Answers about runs from their logs alone; needs no lock and sees what is durable.
#[derive(Clone, Debug)]
pub struct LogReader {
    runs: PathBuf,
}

/// Reads the runs of a state folder from their logs.
pub fn read_only(home: &Path) -> LogReader {
    LogReader { runs: home.join("runs") }
}

impl LogReader {
    /// Ids of all runs, newest first.
    pub(super) fn ids(&self) -> Result<Vec<RunId>, StoreError> {
        let entries = match std::fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("read", &self.runs)(error)),
        };
        let mut ids: Vec<RunId> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    pub(super) fn log_path(&self, run: RunId) -> PathBuf {
        self.runs.join(run.to_string()).join("events.jsonl")
    }

    fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        Ok(jsonl::read(&self.log_path(run))?.values)
    }

    fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        let mut rows = Vec::new();
        for id in self.ids()? {
            if rows.len() >= filter.limit {
                break;
            }
            // A run whose first event is still being written is not there yet.
            let Ok(run) = Run::replay(id, &self.events(id)?) else { continue };
            let row = run.row();
            let wanted = filter.workflow.is_none_or(|workflow| workflow == row.workflow)
                && filter.status.is_none_or(|status| status == row.status);
            if wanted {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// Where to ask about runs: the store, or the logs while another process holds it.
pub enum RunSource {
    /// The open store.
    Store(Store),
    /// The runs' logs.
    Logs(LogReader),
}

impl From<Store> for RunSource {
    fn from(store: Store) -> Self {
        Self::Store(store)
    }
}

impl From<LogReader> for RunSource {
    fn from(logs: LogReader) -> Self {
        Self::Logs(logs)
    }
}

impl RunSource {
    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        match self {
            Self::Store(store) => store.runs(filter),
            Self::Logs(logs) => logs.runs(filter),
        }
    }

    /// Finds a run; see [`Store::find_run`].
    pub fn find_run(&self, text: &str) -> Result<RunId, FindError> {
        match self {
            Self::Store(store) => store.find_run(text),
            Self::Logs(logs) => choose(text, logs.ids()?.into_iter()),
        }
    }

    /// A run's events, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<EventRecord>, StoreError> {
        match self {
            Self::Store(store) => store.events(run),
            Self::Logs(logs) => logs.events(run),
        }
    }
}
