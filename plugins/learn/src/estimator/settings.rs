//! Types that settings share.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::Label;
use sluicegate_plugin::{Problem, TaskError};

use super::Fitting;
use crate::{
    fit::forest::{Criterion, MaxFeatures},
    training_set::{Target, TrainingSet},
};

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// A finite number above zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positive(pub(crate) f64);

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let good = number.is_finite() && number > 0.0;
        good.then_some(Self(number)).ok_or_else(|| D::Error::custom(format!("{number} is not above zero")))
    }
}

impl JsonSchema for Positive {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Positive".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0 })
    }
}

/// A share above zero and up to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let good = number > 0.0 && number <= 1.0;
        good.then_some(Self(number))
            .ok_or_else(|| D::Error::custom(format!("{number} is not above zero and at most 1")))
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })
    }
}

/// How much the rows of each class count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ClassWeight {
    /// All the same.
    #[default]
    Even,
    /// So that every class counts as much as any other: `n_rows / (n_classes · rows of the class)`, as in
    /// scikit-learn.
    Balanced,
    /// By the class's name; 1 for a class that is not named.
    Named(BTreeMap<String, f64>),
}

impl ClassWeight {
    /// The weight of each class; `None` when all are the same. `shares` is each class's sum of row weights.
    pub(crate) fn resolve(&self, classes: &[Label], shares: &[f64]) -> Result<Option<Vec<f64>>, TaskError> {
        match self {
            Self::Even => Ok(None),
            Self::Balanced => {
                let total: f64 = shares.iter().sum();
                let n_classes = classes.len() as f64;
                Ok(Some(shares.iter().map(|share| total / (n_classes * share)).collect()))
            }
            Self::Named(weights) => {
                let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
                if let Some(stranger) = weights.keys().find(|name| !names.contains(name)) {
                    let message =
                        format!("`class_weight` names `{stranger}`, which is not a class of the target");
                    let near = sluicegate_plugin::nearest(stranger, names.iter().map(String::as_str));
                    let error = TaskError::permanent("bad_class_weight", message);
                    return Err(match near {
                        Some(near) => error.hint(format!("did you mean `{near}`?")),
                        None => error.hint(format!("the classes are `{}`", names.join("`, `"))),
                    });
                }
                Ok(Some(names.iter().map(|name| weights.get(name).copied().unwrap_or(1.0)).collect()))
            }
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "balanced" => Ok(Self::Balanced),
            Value::Object(map) => {
                let weight =
                    |(name, value): (String, Value)| match value.as_f64().filter(|weight| *weight > 0.0) {
                        Some(weight) => Ok((name, weight)),
                        None => Err(D::Error::custom(format!(
                            "the weight of `{name}` must be a number above zero"
                        ))),
                    };
                map.into_iter().map(weight).collect::<Result<_, _>>().map(Self::Named)
            }
            _ => Err(D::Error::custom("expected \"balanced\" or a table of weights by class")),
        }
    }
}

impl JsonSchema for ClassWeight {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeight".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "const": "balanced" },
            { "type": "object", "additionalProperties": { "type": "number", "exclusiveMinimum": 0 } },
        ] })
    }
}

/// What a split reduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CriterionParam {
    /// The Gini index of the class shares.
    Gini,
    /// The entropy of the class shares.
    Entropy,
    /// The mean squared distance from the mean.
    SquaredError,
    /// The mean absolute distance from the median.
    AbsoluteError,
}

impl CriterionParam {
    /// The task that it is for.
    pub(super) fn task(self) -> Task {
        match self {
            Self::Gini | Self::Entropy => Task::Classification,
            Self::SquaredError | Self::AbsoluteError => Task::Regression,
        }
    }

    /// The criterion for a target.
    pub(super) fn resolve(chosen: Option<Self>, data: &TrainingSet) -> Criterion {
        match (chosen, &data.target) {
            (Some(Self::Entropy), _) => Criterion::Entropy,
            (Some(Self::AbsoluteError), _) => Criterion::AbsoluteError,
            (_, Target::Classes { .. }) => Criterion::Gini,
            (_, Target::Numbers(_)) => Criterion::SquaredError,
        }
    }
}

/// Problems of a task, a criterion and class weights that do not go together.
pub(super) fn check_criterion(
    task: Option<Task>,
    criterion: Option<CriterionParam>,
    class_weight: &ClassWeight,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let (Some(task), Some(criterion)) = (task, criterion)
        && criterion.task() != task
    {
        let of = if task == Task::Classification { "a regression" } else { "a classification" };
        let message = format!("this `criterion` is for {of}, and `task` says otherwise");
        problems.push(Problem::new("/criterion", message));
    }
    let task = task.or(criterion.map(CriterionParam::task));
    if *class_weight != ClassWeight::Even && task == Some(Task::Regression) {
        problems.push(Problem::new("/class_weight", "a regression has no classes to weigh"));
    }
    problems
}

/// How many columns are tried at a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MaxFeaturesParam(pub(super) MaxFeatures);

impl MaxFeaturesParam {
    /// Every column.
    pub(super) const ALL: Self = Self(MaxFeatures::All);

    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(word) => match word.as_str() {
                "all" => Some(Self::ALL),
                "sqrt" => Some(Self(MaxFeatures::Sqrt)),
                "log2" => Some(Self(MaxFeatures::Log2)),
                _ => None,
            },
            number => match number.as_u64().and_then(|count| usize::try_from(count).ok()) {
                Some(count) => (count > 0).then_some(Self(MaxFeatures::Count(count))),
                None => {
                    let share = number.as_f64()?;
                    (share > 0.0 && share <= 1.0).then_some(Self(MaxFeatures::Share(share)))
                }
            },
        }
    }
}

impl<'de> Deserialize<'de> for MaxFeaturesParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).ok_or_else(|| {
            D::Error::custom(
                "`max_features` must be \"all\", \"sqrt\", \"log2\", a share up to 1.0, or a count",
            )
        })
    }
}

impl JsonSchema for MaxFeaturesParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MaxFeatures".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["all", "sqrt", "log2"] },
            { "type": "integer", "minimum": 1 },
            { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 },
        ] })
    }
}

/// What happens when a solver reaches its limit of iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnNoConvergence {
    /// The task fails.
    #[default]
    Error,
    /// The model is kept, and the log says so.
    Warn,
}

/// How a solver ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// Iterations done.
    pub(super) n_iter: u64,
    /// Whether it found what it looked for.
    pub(super) converged: bool,
    /// What had to become small enough.
    pub(super) measure: &'static str,
    /// How small it became.
    pub(super) reached: f64,
    /// How small it had to become.
    pub(super) wanted: f64,
}

impl OnNoConvergence {
    /// Refuses, or warns of, a solver that reached its limit.
    pub(super) fn settle(self, ended: &Ended, fitting: &Fitting<'_>) -> Result<(), TaskError> {
        if ended.converged {
            return Ok(());
        }
        let Ended { n_iter, measure, reached, wanted, .. } = ended;
        let message = format!(
            "the solver did not converge: after {n_iter} iterations the {measure} is {reached:.2e}, and {wanted:.2e} was asked for"
        );
        match self {
            Self::Warn => {
                (fitting.warn)(&message);
                Ok(())
            }
            Self::Error => Err(TaskError::permanent("no_convergence", message).hint(
                "standardize the features, raise `max_iter` or `tol`, or keep such a model with `on_no_convergence = \"warn\"`",
            )),
        }
    }
}
