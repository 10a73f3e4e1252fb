//! What happened in the past, also while another command holds the store.

use std::path::PathBuf;

use super::{App, AppError};
use crate::{
    run::{EventRecord, Run, RunId, RunRow, RunStatus},
    store::{self, RunFilter, RunSource, Store, StoreError, StoreOptions},
};

/// The recorded runs.
pub struct History {
    source: RunSource,
    home: PathBuf,
}

/// An attempt with where its log is.
pub struct LoggedAttempt {
    /// The task's name.
    pub task: String,
    /// The attempt's number.
    pub attempt: u32,
    /// The log.
    pub log: PathBuf,
}

impl App {
    /// Opens the history. While another command holds the store, the runs' own logs answer.
    ///
    /// Runs whose orchestrator died are marked as interrupted on the way.
    pub fn history(&self) -> Result<History, AppError> {
        let logs = || RunSource::from(store::read_only(&self.home));
        if !self.has_state() {
            return Ok(History { source: logs(), home: self.home.clone() });
        }
        let options = StoreOptions { wait: std::time::Duration::ZERO };
        let source = match Store::open(&self.home, options) {
            Ok(store) => {
                self.mark_interrupted(&store)?;
                RunSource::from(store)
            }
            Err(StoreError::InUse { .. }) => logs(),
            Err(error) => return Err(error.into()),
        };
        Ok(History { source, home: self.home.clone() })
    }

    fn mark_interrupted(&self, store: &Store) -> Result<(), AppError> {
        if store.open_runs()?.iter().all(|row| row.status == RunStatus::Interrupted) {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| AppError::Internal(format!("cannot start the runtime: {error}")))?;
        let _context = runtime.enter();
        let engine = self.engine(store.clone(), 1)?;
        runtime.block_on(engine.mark_interrupted())?;
        Ok(())
    }
}

impl History {
    /// Recorded runs, newest first.
    pub fn runs(
        &self,
        workflow: Option<&str>,
        status: Option<RunStatus>,
        limit: usize,
    ) -> Result<Vec<RunRow>, AppError> {
        Ok(self.source.runs(&RunFilter { workflow, status, limit })?)
    }

    /// Finds a run by its id, a unique part of it, or `latest`.
    pub fn find(&self, text: &str) -> Result<RunId, AppError> {
        Ok(self.source.find_run(text)?)
    }

    /// Reads a run back.
    pub fn load(&self, id: RunId) -> Result<Run, AppError> {
        Ok(Run::replay(id, &self.source.events(id)?)?)
    }

    /// A run's events.
    pub fn events(&self, id: RunId) -> Result<Vec<EventRecord>, AppError> {
        Ok(self.source.events(id)?)
    }

    /// The attempts of a run that left a log, in the order of the file, oldest first.
    pub fn logs(&self, run: &Run) -> Vec<LoggedAttempt> {
        let folder = self.home.join("runs").join(run.id().to_string()).join("attempts");
        run.tasks()
            .flat_map(|(_, task, record)| (1..=record.n_attempts).map(move |attempt| (task, attempt)))
            .map(|(task, attempt)| LoggedAttempt {
                task: task.name.clone(),
                attempt,
                log: sluicegate_plugin::AttemptLog::path_of(&folder.join(format!("{}-{attempt}", task.name))),
            })
            .filter(|logged| logged.log.is_file())
            .collect()
    }
}
