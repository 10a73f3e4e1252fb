//! Runs that go on: their rows and events, in memory. The journal can make them again.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::tape::Tape;
use crate::run::{RunId, RunRow};

/// A run that goes on, or that ended a moment ago and is not in the database yet.
#[derive(Clone, Debug)]
pub(super) struct LiveRun {
    pub(super) row: RunRow,
    pub(super) tape: Tape,
}

/// Every live run. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct LiveRuns {
    runs: Arc<RwLock<BTreeMap<RunId, LiveRun>>>,
}

impl LiveRuns {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<RunId, LiveRun>> {
        self.runs.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<RunId, LiveRun>> {
        self.runs.write().unwrap_or_else(PoisonError::into_inner)
    }
}
