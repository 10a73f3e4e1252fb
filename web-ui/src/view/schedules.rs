//! `/schedules`

/// A start that will come, or one that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fire {
    /// The schedule's id, as forms name it.
    pub schedule: String,
    /// The workflow.
    pub workflow: String,
    /// When it is, or was, due.
    pub at: i64,
    /// What became of it: `started`, `skipped`, `queued`, `missed`; empty for one to come.
    pub decision: String,
    /// Why, in one fragment; empty when there is nothing to say.
    pub reason: String,
    /// The run that it started.
    pub run: Option<String>,
}

/// A schedule, or another trigger, of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its id, as forms name it.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// What tells it from the workflow's other schedules; empty for the only one.
    pub name: String,
    /// `cron`, `after run`, `webhook`, `files`.
    pub trigger: String,
    /// As written: a cron line, a workflow's name, a path.
    pub expression: String,
    /// The same in words; empty when nothing is to add.
    pub words: String,
    /// The time zone; empty when it has none.
    pub timezone: String,
    /// `skip`, `queue`, `cancel-running` or `allow`.
    pub overlap: String,
    /// `none`, `latest` or `all`.
    pub catch_up: String,
    /// True when someone paused it.
    pub is_paused: bool,
    /// Who paused it and why; empty when it is not.
    pub pause_reason: String,
    /// The next fires, soonest first, about five.
    pub next: Vec<i64>,
    /// What became of the last fires, newest first, about five.
    pub last: Vec<Fire>,
}

/// All schedules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedules {
    /// One row each, soonest first.
    pub rows: Vec<ScheduleRow>,
    /// Fires of all schedules in the hours to come, soonest first, fifty at most.
    pub upcoming: Vec<Fire>,
}
