//! Runs that go on, with their rows and events, and all schedules: in memory. The journal can make them again.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    schedules::{ScheduleId, ScheduleState},
    tape::Tape,
};
use crate::run::{RunId, RunRow};

/// A run that goes on, or that ended a moment ago and is not in the database yet.
#[derive(Clone, Debug)]
pub(super) struct LiveRun {
    pub(super) row: RunRow,
    pub(super) tape: Tape,
}

/// Every live run, and every schedule. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct LiveRuns {
    runs: Arc<RwLock<BTreeMap<RunId, LiveRun>>>,
    schedules: Arc<RwLock<BTreeMap<ScheduleId, ScheduleState>>>,
}

impl LiveRuns {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<RunId, LiveRun>> {
        self.runs.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<RunId, LiveRun>> {
        self.runs.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every schedule that was ever seen.
    pub(super) fn schedules(&self) -> RwLockReadGuard<'_, BTreeMap<ScheduleId, ScheduleState>> {
        self.schedules.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put_schedule(&self, state: ScheduleState) {
        let mut schedules = self.schedules.write().unwrap_or_else(PoisonError::into_inner);
        schedules.insert(state.id.clone(), state);
    }
}
