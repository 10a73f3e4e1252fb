//! Clearing away: runs beyond the limits, and whatever nothing names any more.
//!
//! Nothing that a remaining run, a model version or a deployment names is ever removed. Names are found by looking for hashes in all
//! that is kept, so that a field that this program does not know keeps its artifact too. First the rows go, in one record of the
//! journal; then the files that nothing names. A kill in between leaves files that the next clearing removes.

mod mark;
mod plan;
mod rewrite;
mod sweep;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::{
    artifact::ArtifactStore,
    failpoint,
    run::{RunId, Timestamp},
};
pub(super) use rewrite::rewrite_history;

/// What is kept. Without limits only what nothing names is removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcOptions {
    /// Runs that ended before this are removed.
    pub ended_before: Option<Timestamp>,
    /// So many of the newest finished runs are kept.
    pub keep_runs: Option<usize>,
    /// The oldest runs are removed until the folder has so many bytes.
    pub max_bytes: Option<u64>,
    /// True to say only what would be removed.
    pub dry_run: bool,
    /// The time now: what was left in a staging folder a day ago is left over.
    pub now: Timestamp,
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// True when nothing was removed: it was only looked at.
    pub dry_run: bool,
    /// Finished runs.
    pub n_runs: usize,
    /// Cached outcomes.
    pub n_cache_entries: usize,
    /// Artifacts.
    pub n_artifacts: usize,
    /// Large values.
    pub n_values: usize,
    /// Staging files and folders that were left over.
    pub n_leftovers: usize,
    /// Bytes of all these.
    pub bytes: u64,
}

impl Store {
    /// Removes runs beyond the limits and whatever nothing names. No run may be driven by this process meanwhile.
    pub fn gc(&self, artifacts: &ArtifactStore, options: &GcOptions) -> Result<GcReport, StoreError> {
        let mut report = GcReport { dry_run: options.dry_run, ..GcReport::default() };
        let marks = mark::Marks::of(self, artifacts)?;
        let removed: BTreeSet<RunId> = plan::runs_to_remove(self, &marks, options)?;
        report.n_runs = removed.len();
        let mut sweep = sweep::Sweep::plan(self, &marks, &removed, options, &mut report)?;
        if options.dry_run {
            return Ok(report);
        }
        let failed = |failure: failpoint::Failure, name| {
            StoreError::io("clear", &self.shared.home)(failure.error(name))
        };
        if let Some(failure) = failpoint::hit("gc.remove.before") {
            return Err(failed(failure, "gc.remove.before"));
        }
        let changes = std::mem::take(&mut sweep.changes);
        self.shared.writer.exclusively(|state| rewrite_history(state, &removed, changes))?;
        if let Some(failure) = failpoint::hit("gc.remove.after") {
            return Err(failed(failure, "gc.remove.after"));
        }
        sweep.remove_files()?;
        Ok(report)
    }
}
