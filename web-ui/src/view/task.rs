//! `/runs/ID/tasks/TASK`, and the panel of a task in the run's page

use super::{Change, Decision, Evaluation, Pair, RunRow, RunTask};

/// Why a task ran, or did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheReason {
    /// One sentence, such as "it ran: `with.c` changed".
    pub text: String,
    /// What changed since its last success.
    pub changes: Vec<Change>,
    /// The beginning of its cache key's hash; empty when it has none yet.
    pub key: String,
    /// The parts of its key.
    pub parts: Vec<Pair>,
    /// The run whose outcome was used.
    pub origin: Option<String>,
}

/// Why a task failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFailure {
    /// Its stable code, such as `timeout`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// The first rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TablePreview {
    /// Columns with their types.
    pub columns: Vec<Pair>,
    /// Rows of cells, as text; `None` is a missing value.
    pub rows: Vec<Vec<Option<String>>>,
    /// The number of rows of the whole table.
    pub n_rows: u64,
}

/// An input or output of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortView {
    /// The port's name.
    pub port: String,
    /// `table`, `model`, `report`, `verdict`, `file` or `value`.
    pub port_type: String,
    /// Where an input comes from: `TASK` or `TASK.PORT`.
    pub from: String,
    /// BLAKE3 of the content; empty when it is not there.
    pub hash: String,
    /// The content's size.
    pub size: u64,
    /// The value, as JSON, of a `value` port.
    pub value: Option<String>,
    /// The first rows, of a table.
    pub preview: Option<TablePreview>,
    /// Where the content can be downloaded; empty when it cannot.
    pub url: String,
}

/// A metric that a task reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What the champion has on the same rows.
    pub champion: Option<f64>,
    /// Whether more is better; `None` when that cannot be said.
    pub higher_is_better: Option<bool>,
}

/// One requirement of a gate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirement {
    /// The metric.
    pub metric: String,
    /// What was asked, such as `≥ 0.95`.
    pub asked: String,
    /// What was seen.
    pub seen: Option<f64>,
    /// What the champion had, when the requirement compares.
    pub champion: Option<f64>,
    /// What was decided on it alone.
    pub decision: Decision,
    /// Why, in one fragment.
    pub reason: String,
}

/// What a gate said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Line by line.
    pub requirements: Vec<Requirement>,
}

/// A piece of an attempt's log: `/runs/ID/tasks/TASK/log?attempt=N&offset=BYTES`, from this offset on.
///
/// The page asks for the part `log` of this address again and again while the attempt runs, with the offset that it got last. The answer has
/// whole lines only (a last line without its end waits until it has one, or the attempt is over), and at most 256 KiB. Without an
/// offset, and in a task's panel, it is the end of the log, from a line's begin on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The run.
    pub run: String,
    /// The task.
    pub task: String,
    /// The attempt, from 1; 0 when there is none yet.
    pub attempt: u32,
    /// The number of attempts.
    pub n_attempts: u32,
    /// The text as it was written, with its ANSI codes.
    pub text: String,
    /// Where in the log `text` begins.
    pub start: u64,
    /// Where it ends, and the next piece begins.
    pub end: u64,
    /// True when the attempt is over and `end` is the log's end: nothing more comes.
    pub is_complete: bool,
}

/// All about a task of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskDetail {
    /// The run's id.
    pub run: String,
    /// The task in one row.
    pub task: RunTask,
    /// What the workflow says about it.
    pub description: String,
    /// Why it ran, or did not.
    pub why: CacheReason,
    /// Why it failed.
    pub failure: Option<TaskFailure>,
    /// Its parameters with expressions evaluated, values as JSON.
    pub params: Vec<Pair>,
    /// Its inputs.
    pub inputs: Vec<PortView>,
    /// Its outputs.
    pub outputs: Vec<PortView>,
    /// Its metrics.
    pub metrics: Vec<Metric>,
    /// What it said, when it is a gate.
    pub verdict: Option<Verdict>,
    /// What its report shows, when it evaluates.
    pub evaluation: Option<Evaluation>,
    /// The end of its latest attempt's log.
    pub log: LogPage,
    /// Tasks right before it.
    pub before: Vec<String>,
    /// Tasks right behind it.
    pub behind: Vec<String>,
}

/// A task of a run, as a page of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPage {
    /// The run.
    pub row: RunRow,
    /// The task.
    pub detail: TaskDetail,
    /// The number of stored events of the run, as in [`super::RunPage`].
    pub n_events: u64,
}
