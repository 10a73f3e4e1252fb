//! A schedule, ready to be asked when it is due.

use crate::{
    run::Timestamp,
    store::ScheduleId,
    workflow::{CatchUp, Overlap, Schedule, TimeRule, Timing},
};

/// A schedule of a workflow, ready to be asked.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its id.
    pub id: ScheduleId,
    /// What the file says.
    pub schedule: Schedule,
    /// Changes with the definition.
    pub fingerprint: String,
    timing: Option<Timing>,
}

/// A time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The time that the cron line says.
    pub scheduled_at: Timestamp,
    /// When it happens: later by its jitter.
    pub at: Timestamp,
}

impl Spec {
    /// The schedule of a workflow.
    pub fn new(workflow: &str, schedule: &Schedule) -> Self {
        Self {
            id: ScheduleId::new(workflow, &schedule.name),
            fingerprint: schedule.fingerprint(),
            timing: schedule.time().and_then(Timing::new),
            schedule: schedule.clone(),
        }
    }

    /// The first time after another.
    pub fn next(&self, after: Timestamp) -> Option<Due> {
        let scheduled_at = Timestamp(self.timing.as_ref()?.next_after(after.0)?);
        Some(Due { scheduled_at, at: Timestamp(scheduled_at.0.saturating_add(self.jitter(scheduled_at))) })
    }

    /// The zone's name, for people.
    pub fn zone(&self) -> Option<&'static str> {
        self.timing.as_ref().map(|timing| timing.zone().name())
    }

    /// How late a time is, in milliseconds: chance, but the same whenever it is asked.
    fn jitter(&self, at: Timestamp) -> i64 {
        let most = self.rule().map_or(0.0, |rule| rule.jitter);
        if most <= 0.0 {
            return 0;
        }
        let hash = blake3::hash(format!("{}\0{}", self.id, at.0).as_bytes());
        let word = hash.as_bytes().first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        #[expect(clippy::cast_possible_truncation, reason = "a jitter is at most a year")]
        let late = (f64::from(word) / f64::from(u32::MAX) * most * 1000.0) as i64;
        late
    }

    /// How late a time is at most, in milliseconds.
    pub(super) fn most_jitter(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a jitter is at most a year")]
        self.rule().map_or(0, |rule| (rule.jitter * 1000.0) as i64)
    }

    fn rule(&self) -> Option<&TimeRule> {
        self.schedule.time()
    }

    pub(super) fn overlap(&self) -> Overlap {
        self.schedule.overlap
    }

    pub(super) fn catch_up(&self) -> CatchUp {
        self.rule().map_or(CatchUp::None, |rule| rule.catch_up)
    }

    /// How far back times are caught up, in milliseconds.
    pub(super) fn window(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a window is at most a year")]
        self.rule().map_or(0, |rule| (rule.catch_up_window * 1000.0) as i64)
    }

    pub(super) fn limit(&self) -> usize {
        self.rule().map_or(1, |rule| usize::try_from(rule.catch_up_limit).unwrap_or(usize::MAX))
    }
}
