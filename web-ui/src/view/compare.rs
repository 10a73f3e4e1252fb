//! `/compare?a=RUN&b=RUN`

use super::{Change, RunRow};

/// A metric of a task in two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompareMetric {
    /// Its name.
    pub name: String,
    /// Its value before.
    pub before: Option<f64>,
    /// Its value after.
    pub after: Option<f64>,
    /// What the model in service had on the same rows, when the later run was compared with one.
    pub champion: Option<f64>,
    /// Whether more is better; `None` when that cannot be said.
    pub higher_is_better: Option<bool>,
}

/// A task in two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompareTask {
    /// Its name.
    pub name: String,
    /// The word of its state before; `None` where the run does not have it.
    pub state_before: Option<super::TaskState>,
    /// The same after.
    pub state_after: Option<super::TaskState>,
    /// How long it took before.
    pub seconds_before: Option<f64>,
    /// How long it took after.
    pub seconds_after: Option<f64>,
    /// Parts of its cache key that differ.
    pub changes: Vec<Change>,
    /// Its metrics, also those that are equal.
    pub metrics: Vec<CompareMetric>,
    /// The model in service that the later run was compared with, such as `wine v3`; empty when there was none.
    pub champion: String,
}

/// Two runs side by side. Without `after`, it is a form to choose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compare {
    /// The run that is compared with.
    pub before: Option<RunRow>,
    /// The run that is compared.
    pub after: Option<RunRow>,
    /// What was typed, when a run was not found.
    pub typed: [String; 2],
    /// What is wrong with it.
    pub problem: String,
    /// Whether the workflow's file differs.
    pub definition_changed: bool,
    /// Both definitions, when they differ and are known: shown as a line by line difference.
    pub sources: Option<[String; 2]>,
    /// Parameters that differ.
    pub params: Vec<Change>,
    /// Every task of either run.
    pub tasks: Vec<CompareTask>,
    /// Runs to choose from, newest first.
    pub choices: Vec<RunRow>,
}
