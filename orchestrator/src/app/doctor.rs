//! Checking and rebuilding the store.

use super::{App, AppError};
use crate::store::{self, CheckReport, RebuildReport};

impl App {
    /// Verifies the store, the history and the artifacts.
    pub fn doctor(&self) -> Result<CheckReport, AppError> {
        if !self.has_state() {
            return Ok(CheckReport::default());
        }
        Ok(store::check(&self.home)?)
    }

    /// Makes a new database from the history, the journal and the ledger.
    pub fn rebuild(&self) -> Result<RebuildReport, AppError> {
        Ok(store::rebuild(&self.home)?)
    }
}
