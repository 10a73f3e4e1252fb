//! The kind `cross_validate`: how good a way of training is, by training it several times and judging each model on rows held back.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::ModelTask;
use sluicegate_plugin::{
    Context, Description, LogLevel, Port, PortType, Problem, SchemaCheck, Table, Task, TaskError,
};

use crate::{
    columns::Columns,
    dataset,
    estimator::{EstimatorSpec, Fitting, Task as Predicts},
    evaluate::{Truth, judge},
    folds,
    report::{REPORT_VERSION, Report, lower_is_better},
    train::{Common, Tables, check_columns, train},
    transforms::Transform,
};

/// Judges a way of training.
pub struct CrossValidate;

/// Parameters of `cross_validate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossValidateParams {
    /// The column to predict.
    #[schemars(length(min = 1))]
    target: String,
    /// What to train: `{ logistic = { c = 1.0 } }`, `{ svm = { kernel = "rbf" } }`, `{ boosting = {} }` or `{ linear = {} }`, with the
    /// parameters of the `train` kinds.
    estimator: EstimatorSpec,
    /// The columns to predict from; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Columns that are not to predict from, while `features` is `"*"`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Transforms, fitted anew on the training rows of each fold.
    #[serde(default)]
    transforms: Vec<Transform>,
    /// The column that says how much each row counts in training.
    #[serde(default)]
    weight: String,
    /// The number of folds.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 1000))]
    folds: usize,
    /// Gives every fold each class's share of rows; for classifiers only.
    #[serde(default = "yes")]
    stratified: bool,
    /// Shuffles rows before they are assigned.
    #[serde(default = "yes")]
    shuffle: bool,
    /// Decides the shuffle.
    #[serde(default)]
    seed: u64,
    /// For two classes, the one whose precision, recall and F1 are meant; the default is the greater one.
    #[serde(default)]
    positive: String,
}

fn five() -> usize {
    5
}

fn yes() -> bool {
    true
}

const DOC: &str = r#"
Each metric of the report is the mean over the folds; `NAME_std` is the standard deviation (population, as NumPy's `std`), and the report keeps
every fold's metrics and each row's prediction by the model that had not seen it. A `gate` reads it like any report.

```toml
[tasks.scores]
uses   = "cross_validate"
inputs = { table = "raw" }
with   = { target = "class", transforms = [{ standardize = "*" }], estimator = { logistic = { c = 1.0 } }, folds = 5 }
```
"#;

impl Task for CrossValidate {
    type Params = CrossValidateParams;

    fn describe(&self) -> Description {
        Description::new("cross_validate", "2", "Judges a way of training by cross-validation.")
            .doc(DOC)
            .input(Port::new("table", PortType::Table, "the rows"))
            .output(Port::new("report", PortType::Report, "metrics over the folds, for a gate"))
            .output(Port::new("folds", PortType::Table, "each fold's metrics"))
            .error("too_few_rows", "There are fewer rows, or rows of a class, than folds.")
            .error("missing_column", "The target or a feature is not a column of the table.")
            .error("one_class", "The target has one class only.")
    }

    fn check(&self, params: &CrossValidateParams) -> Vec<Problem> {
        let mut problems = Vec::new();
        if params.folds < 2 {
            problems
                .push(Problem::new("/folds", format!("`folds` must be at least 2, found {}", params.folds)));
        }
        problems
    }

    fn schema(&self, params: &CrossValidateParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common(), params.estimator.learner());
        check.outputs.remove("model");
    }

    fn run(&self, ctx: &Context, params: CrossValidateParams) -> Result<(), TaskError> {
        let table = ctx.table("table")?;
        if table.n_rows() == 0 {
            return Err(TaskError::permanent("no_rows", "the table has zero rows"));
        }
        let fold_of = params.assign(&table)?;
        let mut report = params.validate(ctx, &table, &fold_of)?;
        report.rows.clone_from(&ctx.input("table")?.hash);
        report.metrics.iter().for_each(|(name, value)| ctx.metric(name, *value));
        let main = if report.task == "regression" { "r2" } else { "accuracy" };
        let value = |name: &str| report.metrics.get(name).copied().unwrap_or(f64::NAN);
        ctx.summary(format!(
            "{main} {:.4} ± {:.4} over {} folds",
            value(main),
            value(&format!("{main}_std")),
            params.folds
        ));
        ctx.write_table("folds", &folds_table(&report.folds)?)?;
        ctx.write_json("report", PortType::Report, &report)
    }
}

impl CrossValidateParams {
    fn common(&self) -> Common {
        Common {
            target: self.target.clone(),
            features: self.features.clone(),
            exclude: self.exclude.clone(),
            transforms: self.transforms.clone(),
            weight: self.weight.clone(),
        }
    }

    /// Tells whether classes are predicted.
    fn classifies(&self, table: &Table) -> Result<bool, TaskError> {
        let task = match self.estimator.learner().task() {
            Some(task) => task,
            None => dataset::task_of(table, &self.target)?,
        };
        Ok(task == Predicts::Classification)
    }

    /// Each row's fold.
    fn assign(&self, table: &Table) -> Result<Vec<usize>, TaskError> {
        let shuffle = self.shuffle.then_some(self.seed);
        let too_few = |what: String| {
            TaskError::permanent("too_few_rows", format!("{what} cannot be spread over {} folds", self.folds))
                .hint("lower `folds`")
        };
        if table.n_rows() < self.folds {
            return Err(too_few(format!("{} rows", table.n_rows())));
        }
        if !self.stratified || !self.classifies(table)? {
            return Ok(folds::k_fold(table.n_rows(), self.folds, shuffle));
        }
        let (classes, indices) = dataset::classes(table, &self.target)?;
        for (class, label) in classes.iter().enumerate() {
            let n_rows = indices.iter().filter(|idx| **idx == class).count();
            if n_rows < self.folds {
                return Err(too_few(format!("the {n_rows} rows of class `{label}`")));
            }
        }
        Ok(folds::stratified(&indices, self.folds, shuffle))
    }

    fn validate(&self, ctx: &Context, table: &Table, fold_of: &[usize]) -> Result<Report, TaskError> {
        let mut per_fold = Vec::new();
        let mut predictions = vec![serde_json::Value::Null; table.n_rows()];
        let mut last = None;
        let common = self.common();
        let check_cancelled = || ctx.check_cancelled();
        let warn = |message: &str| ctx.log(LogLevel::Warn, message);
        let fitting = Fitting { check_cancelled: &check_cancelled, warn: &warn };
        for fold in 0..self.folds {
            ctx.check_cancelled()?;
            ctx.progress(fold as f64 / self.folds as f64, "folds");
            let in_fold: Vec<bool> = fold_of.iter().map(|other| *other == fold).collect();
            let (train_rows, test_rows) = (filter(table, &in_fold, false)?, filter(table, &in_fold, true)?);
            let tables = Tables { rows: train_rows, hash: String::new(), validation: None };
            let (bundle, _) = train(tables, &common, self.estimator.learner(), &fitting)?;
            let predicted = bundle
                .predict_table(&test_rows)
                .map_err(|e| TaskError::permanent("bad_model", e.to_string()))?;
            let truth = Truth::read(&test_rows, &self.target, &bundle.task)?;
            let judged = judge(&truth, &predicted, &self.positive)?;
            let rows = (0..table.n_rows()).filter(|row| in_fold[*row]);
            rows.zip(judged.predictions).for_each(|(row, value)| predictions[row] = value);
            per_fold.push(judged.report.metrics.clone());
            last = Some((judged.report, bundle.task));
        }
        let (last, task) = last.ok_or_else(|| TaskError::permanent("too_few_rows", "there are no folds"))?;
        let truth = Truth::read(table, &self.target, &task)?;
        let metrics = over_folds(&per_fold);
        Ok(Report {
            version: REPORT_VERSION,
            n_rows: table.n_rows(),
            seed: self.shuffle.then_some(self.seed),
            lower_is_better: lower_is_better(&metrics),
            metrics,
            // Counts and the curve of a single fold would mislead.
            by_class: BTreeMap::new(),
            confusion: Vec::new(),
            curve: None,
            folds: per_fold,
            truth: truth.to_json(),
            predictions,
            classes: match task {
                ModelTask::Classification { classes } => classes.iter().map(ToString::to_string).collect(),
                ModelTask::Regression => Vec::new(),
            },
            ..last
        })
    }
}

/// Mean and standard deviation over the folds, of metrics that every fold has.
fn over_folds(folds: &[BTreeMap<String, f64>]) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::new();
    let n = folds.len() as f64;
    for name in folds.iter().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>() {
        let Some(values) = folds.iter().map(|fold| fold.get(name).copied()).collect::<Option<Vec<f64>>>()
        else {
            continue;
        };
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        metrics.insert(name.clone(), mean);
        metrics.insert(format!("{name}_mean"), mean);
        metrics.insert(format!("{name}_std"), variance.sqrt());
    }
    metrics
}

/// The rows inside or outside of a fold, in order.
fn filter(table: &Table, in_fold: &[bool], inside: bool) -> Result<Table, TaskError> {
    let batch = table.to_batch().map_err(|error| TaskError::permanent("bad_table", error.to_string()))?;
    let mask: BooleanArray = in_fold.iter().map(|own| Some(*own == inside)).collect();
    let kept = arrow_select::filter::filter_record_batch(&batch, &mask);
    kept.map(Table::from_batch).map_err(|error| TaskError::permanent("bad_table", error.to_string()))
}

fn folds_table(folds: &[BTreeMap<String, f64>]) -> Result<Table, TaskError> {
    #[expect(clippy::cast_possible_wrap, reason = "there are at most 1000 folds")]
    let numbers: ArrayRef =
        std::sync::Arc::new(Int64Array::from_iter_values((1..=folds.len()).map(|fold| fold as i64)));
    let mut columns: Vec<(String, ArrayRef)> = vec![("fold".into(), numbers)];
    for name in folds.iter().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>() {
        let values: Float64Array = folds.iter().map(|fold| fold.get(name).copied()).collect();
        columns.push((name.clone(), std::sync::Arc::new(values)));
    }
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|error| TaskError::permanent("bad_output", error.to_string()))?;
    Ok(Table::from_batch(batch))
}
