//! What everyone's defaults reach on eight data sets, by five folds that are the same for all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use sluicegate_learn::TrainBoosting;
use sluicegate_model::{Bundle, Output};
use sluicegate_plugin::{Table, testing::Bench};

use crate::peers;

/// Losses by data set and then by who reached them: log-loss, or the root of the mean squared error.
type Losses = BTreeMap<String, BTreeMap<String, f64>>;

pub(crate) fn print() {
    let folder = tempfile::tempdir().unwrap();
    let mut losses = Losses::new();
    for found in peers::run("quality", folder.path(), rayon::current_num_threads()) {
        let (set, name) = (found["data"].as_str().unwrap(), found["name"].as_str().unwrap());
        losses.entry(set.into()).or_default().insert(name.into(), found["loss"].as_f64().unwrap());
    }
    for (set, by_name) in &mut losses {
        by_name.insert("sluice".into(), DataSet::read(&folder.path().join(set)).loss());
    }
    let names: BTreeSet<&String> = losses.values().flat_map(BTreeMap::keys).collect();
    let mut ranks: BTreeMap<&String, f64> = BTreeMap::new();
    let heads: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    println!("| loss | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for (set, by_name) in &losses {
        let cells: Vec<String> = names.iter().map(|name| format!("{:.4}", by_name[*name])).collect();
        println!("| {set} | {} |", cells.join(" | "));
        for name in &names {
            let n_better = by_name.values().filter(|loss| **loss < by_name[*name]).count();
            *ranks.entry(name).or_default() += (n_better + 1) as f64 / losses.len() as f64;
        }
    }
    let means: Vec<String> = names.iter().map(|name| format!("{:.2}", ranks[name])).collect();
    println!("| mean rank | {} |", means.join(" | "));
}

/// A data set as `peers.py` wrote it.
struct DataSet {
    /// Numbers; NaN where a value is missing.
    columns: Vec<Vec<f64>>,
    target: Vec<f64>,
    folds: Vec<usize>,
    categorical: Vec<usize>,
    is_regression: bool,
}

impl DataSet {
    fn read(folder: &Path) -> Self {
        let numbers = |name: &str| -> Vec<f64> {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        };
        let about: Value =
            serde_json::from_slice(&std::fs::read(folder.join("about.json")).unwrap()).unwrap();
        let indices = |key: &str| -> Vec<usize> { serde_json::from_value(about[key].clone()).unwrap() };
        let (cells, target) = (numbers("x.f64"), numbers("y.f64"));
        let n_columns = cells.len() / target.len();
        let column = |at: usize| cells.iter().skip(at).step_by(n_columns).copied().collect();
        Self {
            columns: (0..n_columns).map(column).collect(),
            target,
            folds: indices("folds"),
            categorical: indices("categorical"),
            is_regression: about["task"] == "regression",
        }
    }

    /// The rows of a fold, or of all others.
    fn table(&self, fold: usize, is_test: bool) -> Table {
        let rows: Vec<usize> =
            (0..self.target.len()).filter(|row| (self.folds[*row] == fold) == is_test).collect();
        let mut columns: Vec<(String, ArrayRef, bool)> = Vec::new();
        for (at, values) in self.columns.iter().enumerate() {
            let known = rows.iter().map(|row| Some(values[*row]).filter(|value| !value.is_nan()));
            let column: ArrayRef = if self.categorical.contains(&at) {
                Arc::new(known.map(|code| code.map(|code| format!("c{code}"))).collect::<StringArray>())
            } else {
                Arc::new(known.collect::<Float64Array>())
            };
            columns.push((format!("x{at}"), column, true));
        }
        let target = rows.iter().map(|row| self.target[*row]);
        #[expect(clippy::cast_possible_truncation, reason = "classes are small whole numbers")]
        let target: ArrayRef = if self.is_regression {
            Arc::new(Float64Array::from_iter_values(target))
        } else {
            Arc::new(Int64Array::from_iter_values(target.map(|class| class as i64)))
        };
        columns.push(("y".into(), target, false));
        Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns).unwrap())
    }

    /// The mean of the folds' losses.
    fn loss(&self) -> f64 {
        let n_folds = self.folds.iter().max().unwrap() + 1;
        let task = if self.is_regression { "regression" } else { "classification" };
        let mut total = 0.0;
        for fold in 0..n_folds {
            let folder = tempfile::tempdir().unwrap();
            let bench = Bench::new(folder.path()).table("table", &self.table(fold, false));
            let finished =
                bench.run(&TrainBoosting::default(), json!({ "target": "y", "task": task })).unwrap();
            let bundle = Bundle::load(&finished.outputs["model"].path).unwrap();
            let truth = (0..self.target.len()).filter(|row| self.folds[*row] == fold);
            let truth: Vec<f64> = truth.map(|row| self.target[row]).collect();
            let predicted = bundle.predict_table(&self.table(fold, true)).unwrap();
            total += match (&predicted.output, &predicted.probabilities) {
                (Output::Values(numbers), _) => root_mean_square(numbers, &truth),
                (_, Some(probabilities)) => log_loss(probabilities, &truth),
                _ => unreachable!("a boosted classifier has probabilities"),
            };
        }
        total / n_folds as f64
    }
}

fn root_mean_square(predicted: &[f64], truth: &[f64]) -> f64 {
    let total: f64 = predicted.iter().zip(truth).map(|(one, other)| (one - other).powi(2)).sum();
    (total / truth.len() as f64).sqrt()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "classes are small whole numbers"
)]
fn log_loss(probabilities: &[f64], truth: &[f64]) -> f64 {
    let rows = probabilities.chunks(probabilities.len() / truth.len());
    let one = |(row, class): (&[f64], &f64)| -row[*class as usize].max(1e-15).ln();
    rows.zip(truth).map(one).sum::<f64>() / truth.len() as f64
}
