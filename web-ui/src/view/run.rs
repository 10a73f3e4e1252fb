//! `/runs`'s rows are [`super::RunRow`]; here is `/runs/ID`

use super::{Change, Pair, RunRow, TaskDetail, TaskState};

/// One task before another, by their places in the list of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The task before.
    pub from: usize,
    /// The task behind.
    pub to: usize,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttemptEnd {
    /// It has not.
    #[default]
    Running,
    /// It did its work.
    Succeeded,
    /// It failed, crashed or ran out of memory.
    Failed,
    /// It took too long.
    TimedOut,
    /// The run was cancelled.
    Cancelled,
    /// The orchestrator died and the outcome is lost.
    Lost,
}

impl AttemptEnd {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

/// An attempt in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptSpan {
    /// Its number, from 1.
    pub number: u32,
    /// When it started.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How.
    pub end: AttemptEnd,
    /// Why it failed, in one line.
    pub error: String,
}

/// A task of a run, in one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTask {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How it is.
    pub state: TaskState,
    /// What it did, or why it did not, in one line.
    pub remark: String,
    /// When it could have started: the tasks before it had ended. Time from here to its first attempt is shown as waiting for a slot.
    pub ready_at: Option<i64>,
    /// When its first attempt started, or the cache served it.
    pub started_at: Option<i64>,
    /// When it reached its end.
    pub ended_at: Option<i64>,
    /// When its next attempt may start, while it waits for it.
    pub retry_at: Option<i64>,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptSpan>,
    /// The place of the task that it is an item of.
    pub item_of: Option<usize>,
    /// True when it is a hook: it has no edges and runs at the end.
    pub is_hook: bool,
    /// The run that it started, when it runs a workflow.
    pub child: Option<String>,
}

impl RunTask {
    /// Seconds from its first start to its end, or to `now`; `None` when it did not start.
    pub fn seconds(&self, now: i64) -> Option<f64> {
        let start = self.started_at?;
        if self.state.is_final() && self.ended_at.is_none() {
            return None;
        }
        Some((self.ended_at.unwrap_or(now) - start).max(0) as f64 / 1000.0)
    }
}

/// An event of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub seq: u64,
    /// When it happened.
    pub at: i64,
    /// The event's name in words, such as `attempt started`.
    pub what: String,
    /// The task that it is about; empty when it is about the run.
    pub task: String,
    /// What else is to say, in one line.
    pub detail: String,
}

/// What a person wants to see of a task that failed, without opening it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedTask {
    /// The task.
    pub task: String,
    /// What to do.
    pub hints: Vec<String>,
    /// The last lines of its log, with their ANSI codes; empty when it wrote nothing.
    pub log: String,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunPage {
    /// The run in one row.
    pub row: RunRow,
    /// The workflow's file, as it was named.
    pub file: String,
    /// The beginning of the definition's hash.
    pub definition: String,
    /// Its parameters.
    pub params: Vec<Pair>,
    /// Why it was ended early.
    pub cancel_reason: String,
    /// Its tasks, in the order of the file; items of a task may stand anywhere behind it.
    pub tasks: Vec<RunTask>,
    /// Which of them goes before which; items and hooks need none.
    pub edges: Vec<Edge>,
    /// The verdicts of its gates, by the name of the gate.
    pub verdicts: Vec<(String, super::Verdict)>,
    /// The first tasks that failed, a few at most.
    pub failed: Vec<FailedTask>,
    /// Its last events, newest first, two hundred at most.
    pub events: Vec<EventRow>,
    /// The number of stored events. The live stream begins behind them (`?after=`, the `seq` of the last one known).
    pub n_events: u64,
    /// The task whose panel is open (`?task=NAME`).
    pub selected: Option<TaskDetail>,
    /// The group of tasks whose rows are shown (`?group=KEY`), as the page's own links name it; empty when none is.
    pub group: String,
    /// The page of that group (`?rows=N`, from 0).
    pub group_page: usize,
    /// The run of the same workflow before this one, to compare with.
    pub previous: Option<String>,
    /// Parameters that differ from that run's.
    pub changed_params: Vec<Change>,
}
