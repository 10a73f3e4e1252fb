//! Naive Bayes.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::{Estimator, Label};
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
    /// How features are distributed in each class: `"gaussian"` (numbers), `"multinomial"` (counts), `"bernoulli"`
    /// (present or absent) or `"categorical"` (categories numbered from 0).
    distribution: Distribution,
    /// The classes' prior probabilities: `"data"` (their shares of the rows), `"uniform"`, or those of all classes by
    /// name.
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
#[derive(Clone, Debug)]
enum PriorsParam {
    /// The classes' shares of the rows.
    Data,
    /// All alike.
    Uniform,
    /// As given, by the class's name.
    Given(BTreeMap<String, f64>),
}

impl PriorsParam {
    fn resolve(&self, classes: &[Label]) -> Result<Priors, TaskError> {
        let given = match self {
            Self::Data => return Ok(Priors::FromData),
            Self::Uniform => return Ok(Priors::Uniform),
            Self::Given(given) => given,
        };
        let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
        let bad = |message: String| {
            TaskError::permanent("bad_priors", message)
                .hint(format!("the classes are `{}`", names.join("`, `")))
        };
        if let Some(stranger) = given.keys().find(|name| !names.contains(name)) {
            return Err(bad(format!("`priors` names `{stranger}`, which is not a class of the target")));
        }
        let priors = names.iter().map(|name| {
            given.get(name).copied().ok_or_else(|| bad(format!("`priors` does not name the class `{name}`")))
        });
        let priors: Vec<f64> = priors.collect::<Result<_, _>>()?;
        let sum: f64 = priors.iter().sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(bad(format!("`priors` add up to {sum}, not to 1")));
        }
        Ok(Priors::Given(priors))
    }
}

impl<'de> Deserialize<'de> for PriorsParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "data" => Ok(Self::Data),
            Value::String(word) if word == "uniform" => Ok(Self::Uniform),
            Value::Object(map) => {
                let prior = |(name, value): (String, Value)| match value.as_f64() {
                    Some(prior) if (0.0..=1.0).contains(&prior) => Ok((name, prior)),
                    _ => Err(D::Error::custom(format!("the prior of `{name}` must be a number from 0 to 1"))),
                };
                map.into_iter().map(prior).collect::<Result<_, _>>().map(Self::Given)
            }
            _ => Err(D::Error::custom("expected \"data\", \"uniform\" or a table of priors by class")),
        }
    }
}

impl JsonSchema for PriorsParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Priors".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["data", "uniform"] },
            { "type": "object", "additionalProperties": { "type": "number", "minimum": 0, "maximum": 1 } },
        ] })
    }
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
        let priors = self.priors.resolve(classes)?;
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
