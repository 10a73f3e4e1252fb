//! Checking, rebuilding, saving and restoring the store.

use std::path::Path;

use hyper::Method;

use super::{App, AppError};
use crate::store::{self, BackupReport, CheckReport, RebuildReport};

impl App {
    /// Verifies the store, the history and the artifacts.
    pub fn doctor(&self) -> Result<CheckReport, AppError> {
        if !self.has_state() {
            return Ok(CheckReport::default());
        }
        if let Some(reply) = self.ask_daemon(Method::GET, "/api/v1/local/doctor", None)? {
            return serde_json::from_value(reply).map_err(|error| AppError::Internal(error.to_string()));
        }
        Ok(store::check(&self.home)?)
    }

    /// Makes a new database from the history, the journal and the ledger.
    pub fn rebuild(&self) -> Result<RebuildReport, AppError> {
        if self.daemon()?.is_some() {
            return Err(AppError::Invalid {
                message: "the daemon uses the database that would be made anew".into(),
                hint: "stop `sluice serve` first".into(),
            });
        }
        Ok(store::rebuild(&self.home)?)
    }

    /// Writes the state into one file, while runs and the daemon go on.
    pub fn backup(&self, file: &Path) -> Result<BackupReport, AppError> {
        if self.has_state() {
            return Ok(store::backup(&self.home, file)?);
        }
        Err(AppError::NotFound {
            message: format!("there is no state at `{}`", self.home.display()),
            hint: "go to the project's folder, or name the state by `SLUICE_HOME`".into(),
        })
    }

    /// Makes the state from a backup. The state's folder must be missing or empty.
    pub fn restore(&self, file: &Path) -> Result<RebuildReport, AppError> {
        Ok(store::restore(file, &self.home)?)
    }
}
