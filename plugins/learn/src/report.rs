//! The report of an evaluation: what a gate reads, and nothing else is needed to judge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metrics::{ByClass, ScoreCurve, higher_is_better};

/// The version of the report's format.
pub(crate) const REPORT_VERSION: u32 = 1;

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The format's version.
    pub version: u32,
    /// `classification` or `regression`.
    pub task: String,
    /// The number of rows that were judged.
    pub n_rows: usize,
    /// BLAKE3 of the bundle; empty for a cross-validation.
    pub model: String,
    /// BLAKE3 of the table.
    pub rows: String,
    /// The seed that chose the rows, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// Those of `metrics` of which less is better, for readers that know nothing of metrics.
    #[serde(default)]
    pub lower_is_better: Vec<String>,
    /// Classes in the order of the confusion matrix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The class that counts as positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// Metrics of each class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_class: BTreeMap<String, ByClass>,
    /// Counts: rows are true classes, columns predicted ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<f64>>,
    /// Of two classes, how the model does at every threshold of its score; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<ScoreCurve>,
    /// Metrics of each fold of a cross-validation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<BTreeMap<String, f64>>,
    /// The true value of each row.
    pub truth: Vec<Value>,
    /// The predicted value of each row.
    pub predictions: Vec<Value>,
    /// The champion, judged on the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionReport>,
}

/// What the model in service did on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChampionReport {
    /// The model's name.
    pub model: String,
    /// Its version.
    pub version: u64,
    /// BLAKE3 of its bundle.
    pub hash: String,
    /// Metrics by name; empty when it could not be judged.
    pub metrics: BTreeMap<String, f64>,
    /// Metrics of each class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_class: BTreeMap<String, ByClass>,
    /// How it does at every threshold of its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<ScoreCurve>,
    /// The predicted value of each row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<Value>,
    /// Why it could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Those of some metrics of which less is better.
pub(crate) fn lower_is_better(metrics: &BTreeMap<String, f64>) -> Vec<String> {
    metrics.keys().filter(|name| !higher_is_better(name)).cloned().collect()
}

/// Looks a metric up: `recall`, or `recall[malignant]` for one class.
pub(crate) fn look_up(
    metrics: &BTreeMap<String, f64>,
    by_class: &BTreeMap<String, ByClass>,
    name: &str,
) -> Option<f64> {
    let Some((metric, class)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) else {
        return metrics.get(name).copied().filter(|value| value.is_finite());
    };
    let class = by_class.get(class)?;
    match metric {
        "precision" => Some(class.precision),
        "recall" => Some(class.recall),
        "f1" => Some(class.f1),
        "support" => Some(class.support),
        _ => None,
    }
}
