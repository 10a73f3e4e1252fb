//! Nearest neighbours.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::{
    Estimator, Metric, NeighbourOptions, NeighbourTargets, Neighbours, NeighboursError, VoteWeights,
};
use sluicegate_plugin::TaskError;

use super::{Fit, Fitting, Learner, Task};
use crate::training_set::{Target, TrainingSet};

/// Settings of nearest neighbours.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KnnSettings {
    /// `"classification"` or `"regression"`; by default the target decides, as for `train.boosting`.
    task: Option<Task>,
    /// The number of neighbours; scikit-learn's `n_neighbors`.
    #[schemars(range(min = 1, max = 100_000))]
    k: usize,
    /// How much each neighbour counts: `"uniform"` or `"distance"`.
    weights: Weights,
    /// How far apart two rows are: `"euclidean"`, `"manhattan"`, `"chebyshev"`, `"cosine"` or `{ minkowski = P }`.
    metric: MetricParam,
}

impl Default for KnnSettings {
    fn default() -> Self {
        Self { task: None, k: 5, weights: Weights::Uniform, metric: MetricParam(Metric::Euclidean) }
    }
}

/// How much each neighbour counts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Weights {
    /// All alike.
    Uniform,
    /// By the inverse of the distance.
    Distance,
}

/// A metric as authors write it.
#[derive(Clone, Copy, Debug)]
struct MetricParam(Metric);

impl MetricParam {
    fn parse(value: &Value) -> Option<Self> {
        let metric = match value {
            Value::String(word) => match word.as_str() {
                "euclidean" => Metric::Euclidean,
                "manhattan" => Metric::Manhattan,
                "chebyshev" => Metric::Chebyshev,
                "cosine" => Metric::Cosine,
                _ => return None,
            },
            Value::Object(map) if map.len() == 1 => {
                let p = map.get("minkowski")?.as_f64().filter(|p| *p > 0.0)?;
                Metric::Minkowski { p }
            }
            _ => return None,
        };
        Some(Self(metric))
    }
}

impl<'de> Deserialize<'de> for MetricParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).ok_or_else(|| {
            D::Error::custom(
                "`metric` must be \"euclidean\", \"manhattan\", \"chebyshev\", \"cosine\" or `{ minkowski = P }` with P above 0",
            )
        })
    }
}

impl JsonSchema for MetricParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["euclidean", "manhattan", "chebyshev", "cosine"] },
            { "type": "object", "required": ["minkowski"], "additionalProperties": false, "properties": {
                "minkowski": { "type": "number", "exclusiveMinimum": 0 },
            } },
        ] })
    }
}

impl Learner for KnnSettings {
    fn kind(&self) -> &'static str {
        "train.knn 1"
    }

    fn task(&self) -> Option<Task> {
        self.task
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let targets = match &data.target {
            Target::Classes { classes, indices } => {
                NeighbourTargets::Classes { n_classes: classes.len(), classes: indices.clone() }
            }
            Target::Numbers(numbers) => NeighbourTargets::Values(numbers.clone()),
        };
        let weights = match self.weights {
            Weights::Uniform => VoteWeights::Uniform,
            Weights::Distance => VoteWeights::Distance,
        };
        let options = NeighbourOptions { k: self.k, weights, metric: self.metric.0 };
        let x = data.matrix()?;
        let n_features = x.ncols();
        let (rows, _) = x.into_raw_vec_and_offset();
        let neighbours = Neighbours::new(options, n_features, targets, rows, &|| fitting.is_cancelled())
            .map_err(|error| match error {
                NeighboursError::Stopped => fitting.cancelled(),
                NeighboursError::TooFewRows { .. } => TaskError::permanent("too_few_rows", error.to_string()),
                NeighboursError::NotFinite(_) | NeighboursError::Inconsistent(_) => {
                    TaskError::permanent("no_fit", error.to_string())
                }
            })?;
        Ok(Fit::of(Estimator::Neighbours(neighbours)))
    }
}
