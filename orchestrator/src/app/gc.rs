//! Clearing away what is old or what nothing names.

use hyper::Method;
use serde_json::json;

use super::{App, AppError};
use crate::{
    run::Timestamp,
    store::{GcOptions, GcReport},
};

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;

/// What is to be kept; without limits only what nothing names is removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcRequest {
    /// Runs that ended within so many days.
    pub keep_days: Option<u32>,
    /// So many of the newest finished runs.
    pub keep_runs: Option<usize>,
    /// As many of the newest runs as fit into so many bytes of state.
    pub max_bytes: Option<u64>,
    /// True to say only what would be removed.
    pub dry_run: bool,
}

impl App {
    /// Removes runs beyond the limits and whatever nothing names. Interrupted runs count as open, and stay.
    pub fn gc(&self, request: GcRequest) -> Result<GcReport, AppError> {
        if !self.has_state() {
            return Ok(GcReport { dry_run: request.dry_run, ..GcReport::default() });
        }
        let GcRequest { keep_days, keep_runs, max_bytes, dry_run } = request;
        let body = json!({ "keep_days": keep_days, "keep_runs": keep_runs, "max_bytes": max_bytes, "dry_run": dry_run });
        if let Some(reply) = self.ask_daemon(Method::POST, "/api/v1/gc", Some(&body))? {
            return serde_json::from_value(reply).map_err(|error| AppError::Internal(error.to_string()));
        }
        let now = self.now();
        let ended_before = request.keep_days.map(|days| Timestamp(now.0 - i64::from(days) * DAY));
        let options = GcOptions { ended_before, keep_runs, max_bytes, dry_run, now };
        Ok(self.store()?.gc(&self.artifacts()?, &options)?)
    }
}
