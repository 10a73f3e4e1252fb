//! Naive Bayes.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::{Abilities, ClassWeight, Fit, Fitting, Learner, Task, settings::Positive};
use crate::{
    fit::naive_bayes::{FitError, Priors, TrainingRows, bernoulli, categorical, gaussian, multinomial},
    training_set::TrainingSet,
};

/// Settings of naive Bayes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NaiveBayesSettings {
    /// How features are distributed in each class: `"gaussian"` (numbers), `"multinomial"` (counts), `"bernoulli"` (present or absent) or
    /// `"categorical"` (categories numbered from 0).
    distribution: Distribution,
    /// Where the classes' prior probabilities come from: `"data"` or `"uniform"`.
    priors: PriorsParam,
    /// Of the Gaussian: the share of the largest variance that is added to all.
    var_smoothing: Positive,
    /// Of the others: what is added to every count.
    alpha: Positive,
    /// Of the Bernoulli: above it, a feature is present.
    threshold: f64,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
}

impl Default for NaiveBayesSettings {
    fn default() -> Self {
        Self {
            distribution: Distribution::Gaussian,
            priors: PriorsParam::Data,
            var_smoothing: Positive(1e-9),
            alpha: Positive(1.0),
            threshold: 0.0,
            class_weight: ClassWeight::Even,
        }
    }
}

/// How features are distributed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Distribution {
    /// Normally.
    Gaussian,
    /// As counts.
    Multinomial,
    /// As present or absent.
    Bernoulli,
    /// As categories.
    Categorical,
}

/// Where prior probabilities come from.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PriorsParam {
    /// The classes' shares of the rows.
    Data,
    /// All alike.
    Uniform,
}

impl Learner for NaiveBayesSettings {
    fn kind(&self) -> &'static str {
        "train.naive_bayes 1"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Classification)
    }

    fn abilities(&self) -> Abilities {
        Abilities { weights: true, ..Abilities::default() }
    }

    fn class_weight(&self) -> Option<&ClassWeight> {
        Some(&self.class_weight)
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let x = data.matrix()?;
        let (classes, indices) = data.classes();
        let rows = TrainingRows {
            x: x.view(),
            classes: indices,
            n_classes: classes.len(),
            weights: data.weights.as_deref(),
        };
        let priors = match self.priors {
            PriorsParam::Data => Priors::FromData,
            PriorsParam::Uniform => Priors::Uniform,
        };
        let stop = || fitting.is_cancelled();
        let fitted = match self.distribution {
            Distribution::Gaussian => gaussian(rows, &priors, self.var_smoothing.0, &stop),
            Distribution::Multinomial => multinomial(rows, &priors, self.alpha.0, &stop),
            Distribution::Bernoulli => bernoulli(rows, &priors, self.alpha.0, self.threshold, &stop),
            Distribution::Categorical => categorical(rows, &priors, self.alpha.0, &[], &stop),
        };
        let names: Vec<&str> = data.names().collect();
        fitted
            .map(|bayes| Fit::of(Estimator::NaiveBayes(bayes)))
            .map_err(|error| refused(&error, &names, fitting))
    }
}

fn refused(error: &FitError, names: &[&str], fitting: &Fitting<'_>) -> TaskError {
    let place = |row: usize, column: usize| {
        format!("feature `{}` in row {}", names.get(column).copied().unwrap_or_default(), row + 1)
    };
    match error {
        FitError::Stopped => fitting.cancelled(),
        FitError::NoWeight => TaskError::permanent("bad_weight", error.to_string()),
        FitError::NegativeCount { row, column } => {
            let message = format!("{} is negative; counts are zero or greater", place(*row, *column));
            TaskError::permanent("bad_feature", message).hint("use `distribution = \"gaussian\"`")
        }
        FitError::NotACategory { row, column } => {
            let message =
                format!("{} is not the number of a category, a whole number from 0", place(*row, *column));
            TaskError::permanent("bad_feature", message).hint("use `distribution = \"gaussian\"`")
        }
        FitError::NotFinite(_) | FitError::PriorsDiffer { .. } => {
            TaskError::permanent("no_fit", error.to_string())
        }
    }
}
