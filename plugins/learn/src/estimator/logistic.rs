//! Logistic regression.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::TaskError;

use super::{Fit, Fitting, Learner, Task, settings::Positive};
use crate::{
    fit::{self, LogisticOptions},
    training_set::TrainingSet,
};

/// Settings of logistic regression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticSettings {
    /// Inverse strength of the L2 penalty; scikit-learn's `C`.
    c: Positive,
    /// Iterations at the most.
    #[schemars(range(min = 1, max = 100_000))]
    max_iter: u64,
    /// Where the solver stops at the latest: the largest gradient of the mean loss.
    tol: Positive,
}

impl Default for LogisticSettings {
    fn default() -> Self {
        Self { c: Positive(1.0), max_iter: 100, tol: Positive(1e-4) }
    }
}

impl Learner for LogisticSettings {
    fn kind(&self) -> &'static str {
        "train.logistic 1"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Classification)
    }

    fn fit(&self, data: &TrainingSet, _: &Fitting<'_>) -> Result<Fit, TaskError> {
        let options = LogisticOptions { c: self.c.0, tol: self.tol.0, max_iter: self.max_iter };
        let (classes, indices) = data.classes();
        fit::logistic(&data.matrix()?, indices, classes.len(), options).map(Fit::of)
    }
}
