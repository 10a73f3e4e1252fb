//! Gradient boosting.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::Estimator;
use sluicegate_plugin::{Column, ColumnType, Problem, TaskError};

use super::{Abilities, ClassWeight, CurvePoint, Fit, Fitting, Learner, Task, settings::Share};
use crate::{
    fit::boosting::{self, FitError, Growth, Loss, Monotone, Options, Rows},
    training_set::{Holdout, Target, TrainingSet},
};

/// Settings of gradient boosting.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BoostingSettings {
    /// `"classification"` or `"regression"`; by default the target decides: text and booleans are classes, numbers
    /// with fractions are a regression. A target of whole numbers may be either, so it must be said.
    task: Option<Task>,
    /// What is minimised. For classes `"log_loss"`; for numbers `"squared"` (the default), `"absolute"` (predicts the
    /// median), `{ quantile = 0.9 }`, or `"poisson"` (counts, with a log link).
    loss: Option<LossParam>,
    /// Rounds, at the most. Each adds one tree; with three classes or more, one tree for each class.
    #[schemars(range(min = 1, max = 100_000))]
    n_rounds: usize,
    /// The share of each tree that is added; scikit-learn's `learning_rate`.
    learning_rate: Share,
    /// Leaves of a tree, at the most.
    #[schemars(range(min = 2, max = 65_536))]
    max_leaves: usize,
    /// Levels of splits, at the most; the default sets no limit.
    #[schemars(range(min = 1, max = 1000))]
    max_depth: Option<usize>,
    /// Rows in a leaf, at the least.
    #[schemars(range(min = 1))]
    min_samples_leaf: usize,
    /// L2 regularisation of the leaves' values; scikit-learn's `l2_regularization`, XGBoost's `lambda`.
    #[schemars(range(min = 0.0))]
    l2: f64,
    /// What a split must take off twice the loss.
    #[schemars(range(min = 0.0))]
    min_gain: f64,
    /// Bins that a column of numbers is cut into, at the most.
    #[schemars(range(min = 2, max = 255))]
    max_bins: usize,
    /// The share of rows that each round learns from; XGBoost's `subsample`.
    row_sample: Share,
    /// The share of columns that each tree may use; XGBoost's `colsample_bytree`.
    column_sample: Share,
    /// Which way predictions must go when a feature grows: `{ age = "up", price = "down" }`.
    monotone: BTreeMap<String, Direction>,
    /// Ends the rounds when the loss on rows held back becomes no less. The rows are a share of the training rows, or
    /// those of the input `validation`. The model is that of the best round.
    early_stopping: Option<EarlyStopping>,
    /// `"balanced"`, or the weight of each class by its name: `{ fraud = 20.0 }`.
    class_weight: ClassWeight,
    /// Decides which rows and columns are sampled, and which rows are held back.
    seed: u64,
}

impl Default for BoostingSettings {
    fn default() -> Self {
        Self {
            task: None,
            loss: None,
            n_rounds: 100,
            learning_rate: Share(0.1),
            max_leaves: 31,
            max_depth: None,
            min_samples_leaf: 20,
            l2: 0.0,
            min_gain: 0.0,
            max_bins: 255,
            row_sample: Share(1.0),
            column_sample: Share(1.0),
            monotone: BTreeMap::new(),
            early_stopping: None,
            class_weight: ClassWeight::Even,
            seed: 0,
        }
    }
}

/// When to stop before the last round.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct EarlyStopping {
    /// Rounds without an improvement after which to stop.
    #[schemars(range(min = 1))]
    rounds: usize,
    /// The share of rows that is held back when the input `validation` is not connected.
    #[schemars(range(min = 0.01, max = 0.9))]
    share: f64,
    /// What the loss must become less by to count as improved.
    #[schemars(range(min = 0.0))]
    tol: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { rounds: 10, share: 0.1, tol: 1e-7 }
    }
}

/// A way that predictions go.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    /// Never down while the feature grows.
    Up,
    /// Never up while the feature grows.
    Down,
}

/// A loss as authors write it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LossParam {
    LogLoss,
    Squared,
    Absolute,
    Poisson,
    Quantile(f64),
}

impl LossParam {
    fn task(self) -> Task {
        if self == Self::LogLoss { Task::Classification } else { Task::Regression }
    }

    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(word) => match word.as_str() {
                "log_loss" => Some(Self::LogLoss),
                "squared" => Some(Self::Squared),
                "absolute" => Some(Self::Absolute),
                "poisson" => Some(Self::Poisson),
                _ => None,
            },
            Value::Object(map) if map.len() == 1 => {
                let share = map.get("quantile")?.as_f64()?;
                (share > 0.0 && share < 1.0).then_some(Self::Quantile(share))
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for LossParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).ok_or_else(|| {
            D::Error::custom(
                "`loss` must be \"log_loss\", \"squared\", \"absolute\", \"poisson\" or `{ quantile = Q }` with Q between 0 and 1",
            )
        })
    }
}

impl JsonSchema for LossParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Loss".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["log_loss", "squared", "absolute", "poisson"] },
            { "type": "object", "required": ["quantile"], "additionalProperties": false, "properties": {
                "quantile": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 },
            } },
        ] })
    }
}

impl Learner for BoostingSettings {
    fn kind(&self) -> &'static str {
        "train.boosting 1"
    }

    fn task(&self) -> Option<Task> {
        self.task.or(self.loss.map(LossParam::task))
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            missing: true,
            categories: true,
            weights: true,
            validation: self.early_stopping.is_some(),
        }
    }

    fn class_weight(&self) -> Option<&ClassWeight> {
        Some(&self.class_weight)
    }

    fn check(&self, features: Option<&[Column]>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let (Some(task), Some(loss)) = (self.task, self.loss)
            && loss.task() != task
        {
            let of = if task == Task::Classification { "a regression" } else { "a classification" };
            problems
                .push(Problem::new("/loss", format!("this `loss` is for {of}, and `task` says otherwise")));
        }
        if self.class_weight != ClassWeight::Even && self.task() == Some(Task::Regression) {
            problems.push(Problem::new("/class_weight", "a regression has no classes to weigh"));
        }
        for name in self.monotone.keys() {
            let Some(features) = features else { break };
            let pointer = format!("/monotone/{name}");
            match features.iter().find(|column| column.name == *name) {
                None => problems.push(Problem::missing_column(pointer, name, features)),
                Some(column) if column.column_type == ColumnType::Text => {
                    problems
                        .push(Problem::new(pointer, format!("`{name}` holds texts, which have no order")));
                }
                Some(_) => {}
            }
        }
        problems
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let loss = self.resolve_loss(data)?;
        let options = self.options(data, loss)?;
        let stop = || fitting.is_cancelled();
        let stopped = |error: FitError| match error {
            FitError::Stopped => fitting.cancelled(),
            FitError::TooManyRows { n_rows, most } => {
                let message = format!("there are {n_rows} rows; boosting takes at most {most}");
                TaskError::permanent("too_many_rows", message).hint("train on a sample of the rows")
            }
        };
        let holdout = match (self.early_stopping, &data.validation) {
            (None, _) => Holdout::none(data),
            (Some(_), Some(validation)) => Holdout::given(data, validation),
            (Some(early), None) => Holdout::split(data, early.share, self.seed)?,
        };
        let columns = holdout.training.columns();
        let target = holdout.training.target_numbers();
        let rows = Rows { columns: &columns, target: &target, weights: holdout.training.weights.as_deref() };
        let (validation_columns, validation_target);
        let validation = match &holdout.validation {
            None => None,
            Some(held) => {
                validation_columns = held.columns();
                validation_target = held.target_numbers();
                let (columns, target) = (validation_columns.as_slice(), validation_target.as_slice());
                Some(Rows { columns, target, weights: held.weights.as_deref() })
            }
        };
        let boosted = boosting::fit(rows, validation, &options, &stop).map_err(stopped)?;
        Ok(to_fit(&boosted, loss, data))
    }
}

impl BoostingSettings {
    fn resolve_loss(&self, data: &TrainingSet) -> Result<Loss, TaskError> {
        Ok(match (&data.target, self.loss) {
            (Target::Classes { classes, .. }, _) if classes.len() == 2 => Loss::Binary,
            (Target::Classes { classes, .. }, _) => Loss::Classes(classes.len()),
            (Target::Numbers(numbers), Some(LossParam::Poisson)) => {
                if let Some(row) = numbers.iter().position(|number| *number < 0.0) {
                    let message = format!(
                        "the target has the value {} in row {}; counts are never negative",
                        numbers[row],
                        row + 1
                    );
                    return Err(TaskError::permanent("bad_target", message)
                        .hint("use `loss = \"squared\"`, or correct the target"));
                }
                Loss::Poisson
            }
            (_, Some(LossParam::Absolute)) => Loss::Absolute,
            (_, Some(LossParam::Quantile(share))) => Loss::Quantile(share),
            _ => Loss::Squared,
        })
    }

    fn options(&self, data: &TrainingSet, loss: Loss) -> Result<Options, TaskError> {
        let monotone = data.names().map(|name| match self.monotone.get(name) {
            None => Monotone::Free,
            Some(Direction::Up) => Monotone::Up,
            Some(Direction::Down) => Monotone::Down,
        });
        let monotone: Vec<Monotone> = monotone.collect();
        for name in self.monotone.keys() {
            let Some(at) = data.names().position(|own| own == name) else {
                let message = format!("`monotone` names `{name}`, which is not a feature");
                return Err(TaskError::permanent("missing_column", message));
            };
            if data.is_categorical[at] {
                let message =
                    format!("`monotone` names `{name}`, which holds categories; they have no order");
                return Err(TaskError::permanent("bad_feature", message));
            }
        }
        Ok(Options {
            loss,
            n_rounds: self.n_rounds,
            learning_rate: self.learning_rate.0,
            max_bins: self.max_bins,
            growth: Growth {
                max_leaves: self.max_leaves,
                max_depth: self.max_depth.unwrap_or(usize::MAX),
                min_rows_leaf: self.min_samples_leaf,
                l2: self.l2,
                min_gain: self.min_gain,
                monotone,
            },
            row_share: self.row_sample.0,
            column_share: self.column_sample.0,
            seed: self.seed,
            patience: self.early_stopping.map(|early| early.rounds),
            tol: self.early_stopping.map_or(0.0, |early| early.tol),
        })
    }
}

fn to_fit(boosted: &boosting::Boosted, loss: Loss, data: &TrainingSet) -> Fit {
    let n_rounds = boosted.trees.len() / loss.n_outputs();
    let mut metrics = vec![("n_rounds", n_rounds as f64), ("training_loss", boosted.loss)];
    let mut note = format!("{n_rounds} rounds, training loss {:.6}", boosted.loss);
    if let Some(best) = boosted.curve.get(n_rounds) {
        metrics.push(("validation_loss", *best));
        note = format!("{n_rounds} rounds, validation loss {best:.6}");
        if boosted.stopped_early {
            note.push_str(", stopped early");
        }
    }
    let point = |loss: &f64| CurvePoint { loss: None, validation_loss: Some(*loss), validation_score: None };
    Fit {
        estimator: Estimator::Trees(boosting::to_trees(boosted, loss, data.names().count())),
        metrics,
        note,
        gains: Some(boosted.gains()),
        curve: (!boosted.curve.is_empty()).then(|| boosted.curve.iter().map(point).collect()),
        drawing: None,
        coefficients: None,
    }
}
