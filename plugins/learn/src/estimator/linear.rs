//! Least squares.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::TaskError;

use super::{Fit, Fitting, Learner, Task};
use crate::{fit, training_set::TrainingSet};

/// Least squares has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {}

impl Learner for LinearSettings {
    fn kind(&self) -> &'static str {
        "train.linear 1"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Regression)
    }

    fn fit(&self, data: &TrainingSet, _: &Fitting<'_>) -> Result<Fit, TaskError> {
        fit::linear(&data.matrix()?, data.numbers()).map(Fit::of)
    }
}
