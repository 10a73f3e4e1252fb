//! `/workflows` and `/workflows/NAME`

use super::{Edge, RunRow, RunState, ScheduleRow};

/// A run in a row of bars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeBar {
    /// The run.
    pub run: String,
    /// How it is.
    pub state: RunState,
    /// How long it took, or takes so far.
    pub seconds: f64,
    /// When it was recorded.
    pub at: i64,
}

/// A workflow in one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowRow {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its file, relative to the workflows folder; empty when only runs of it are known.
    pub file: String,
    /// Its schedules as written, such as `0 3 * * *`.
    pub schedules: Vec<String>,
    /// When it starts next.
    pub next_fire: Option<i64>,
    /// True when its schedules are paused.
    pub is_paused: bool,
    /// Its last runs, oldest first, thirty at most.
    pub outcomes: Vec<OutcomeBar>,
    /// The number of its runs.
    pub n_runs: u64,
    /// Errors in its file now.
    pub n_errors: usize,
    /// True when there is a version that can be run: the file as it is, or the last good one.
    pub is_used: bool,
}

/// All workflows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workflows {
    /// One row each, in the order to show.
    pub rows: Vec<WorkflowRow>,
    /// The folder that is watched for workflows.
    pub folder: String,
    /// What was searched for (`?q=`); the rows are filtered already.
    pub query: String,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    #[default]
    Error,
    /// It can.
    Warning,
}

/// A problem in a workflow's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable code, such as `E012`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The line, from 1; 0 when it has no place.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParamType {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// A parameter as a field of the form that starts a run. The field's name is `param.NAME`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub param_type: ParamType,
    /// Its default as text; without one it must be given.
    pub default: Option<String>,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
    /// The only values, as text; empty when any fits.
    pub choices: Vec<String>,
    /// What it is for.
    pub help: String,
    /// What the viewer gave, when the form came back.
    pub given: Option<String>,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// A task of a workflow's plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanTask {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// One line for people.
    pub description: String,
    /// True when it is a hook: it has no edges and runs at the end.
    pub is_hook: bool,
    /// True when it has `for_each`.
    pub has_items: bool,
}

/// A run in the trend of a workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendRun {
    /// The run.
    pub run: String,
    /// How it is.
    pub state: RunState,
    /// When it was recorded.
    pub at: i64,
    /// How long it took.
    pub seconds: f64,
}

/// A metric over the runs of a trend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendSeries {
    /// The task that reports it.
    pub task: String,
    /// Its name.
    pub metric: String,
    /// Its value in each run of the trend, in their order; as many as there are runs.
    pub values: Vec<Option<f64>>,
}

/// How runs of a workflow developed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// The runs, oldest first, some dozens.
    pub runs: Vec<TrendRun>,
    /// Metrics over them.
    pub series: Vec<TrendSeries>,
}

/// One workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowPage {
    /// The workflow in one row.
    pub row: WorkflowRow,
    /// Its tasks, in the order of the file (of the last good version).
    pub tasks: Vec<PlanTask>,
    /// Which of them goes before which.
    pub edges: Vec<Edge>,
    /// Its parameters.
    pub params: Vec<ParamField>,
    /// Its schedules with their next fires.
    pub schedules: Vec<ScheduleRow>,
    /// How its runs developed.
    pub trend: Trend,
    /// Its last runs, newest first, about twenty.
    pub runs: Vec<RunRow>,
    /// The file as it is now.
    pub source: String,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// True when there is a version that can be run, and the form is of use.
    pub can_start: bool,
}
