//! What several pages show.

use super::{Decision, RunState};

/// A name with its value, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Pair {
    /// A pair.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Something that is not what it was: a parameter, or a part of a cache key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What it was; absent when it is new.
    pub before: Option<String>,
    /// What it is; absent when it is gone.
    pub after: Option<String>,
}

/// A run in one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// How it is.
    pub state: RunState,
    /// When it was recorded.
    pub created_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What or who started it, such as ``schedule `nightly` ``, `ana`, `webhook`; empty when it is not known, or a run did.
    pub started_by: String,
    /// The time for which a schedule started it.
    pub due_at: Option<i64>,
    /// The number of tasks.
    pub n_tasks: u32,
    /// Tasks at their end.
    pub n_ended: u32,
    /// Why it failed or was rejected, in one line; empty where a list does not know it.
    pub remark: String,
    /// Runs before it that went wrong in the same way and have no row of their own; 0 in lists of all runs.
    pub n_alike: usize,
    /// What its gates decided together, once it ended; absent when it has none that spoke.
    pub decision: Option<Decision>,
    /// The run whose task started it.
    pub parent: Option<String>,
}

impl RunRow {
    /// Seconds from its record to its end, or to `now`; not known of an interrupted run.
    pub fn seconds(&self, now: i64) -> Option<f64> {
        let end = match self.ended_at {
            Some(end) => end,
            None if matches!(self.state, RunState::Interrupted | RunState::Queued) => return None,
            None => now,
        };
        Some((end - self.created_at).max(0) as f64 / 1000.0)
    }
}

/// `/runs`: runs, newest first, a page at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// One row each, fifty a page.
    pub rows: Vec<RunRow>,
    /// The filters that hold: `?workflow=`, `?state=` (a word of [`RunState`]; several times for several), `?q=` (a beginning of an id).
    pub workflow: String,
    /// See `workflow`.
    pub states: Vec<RunState>,
    /// See `workflow`.
    pub query: String,
    /// Every workflow's name, for the filter.
    pub workflows: Vec<String>,
    /// The cursor of the next page (`?after=`); empty at the end.
    pub next: String,
    /// True when this is not the first page.
    pub is_later_page: bool,
    /// The number of all runs; 0 when it is not known.
    pub n_all: u64,
}
