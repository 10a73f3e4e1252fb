//! The kind `evaluate`: a model, and the champion beside it, on rows that neither was trained on.

use std::collections::BTreeMap;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate_model::{Bundle, Label, ModelTask, Output, Predictions};
use sluicegate_plugin::{
    Context, Description, ModelReference, Port, PortType, Problem, RunInfo, SchemaCheck, Selector, Table,
    Task, TaskError,
};

use crate::{
    dataset,
    metrics::{Classification, classification_metrics, regression_metrics},
    report::{ChampionReport, REPORT_VERSION, Report},
};

/// Judges a model.
pub struct Evaluate;

/// Parameters of `evaluate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateParams {
    /// The column with the true values; the default is the model's target.
    #[serde(default)]
    target: String,
    /// For two classes, the one whose precision, recall and F1 are meant; the default is the greater one, as in scikit-learn.
    #[serde(default)]
    positive: String,
    /// Another registered model to judge on the same rows: an alias such as `"champion"`, or a version such as `"v3"`.
    #[serde(default)]
    versus: String,
    /// The registered model that `versus` belongs to; the default is the workflow's name.
    #[serde(default)]
    model: String,
}

const DOC: &str = r#"
Metrics are computed in 64-bit floating point to scikit-learn's definitions. Two classes: `accuracy`, `precision`, `recall` and `f1` of the
positive class, `roc_auc`, `log_loss` and more; several classes: the unweighted means, and `_macro`, `_weighted`, `_micro`. Regression: `r2`,
`mae`, `rmse` and more. Each class's own metrics are `recall[CLASS]` and so on for a `gate`. Metrics that are not defined, such as `log_loss` of
a support vector machine, are absent.

With `versus`, the model in service is judged on the same rows. When there is none yet, or it is the very model under judgement, the report has
no champion.

```toml
[tasks.scores]
uses   = "evaluate"
inputs = { model = "model", table = "split.test" }
with   = { positive = "malignant", versus = "champion" }
```
"#;

impl Task for Evaluate {
    type Params = EvaluateParams;

    fn describe(&self) -> Description {
        Description::new("evaluate", "1", "Judges a model on rows it was not trained on.")
            .doc(DOC)
            .input(Port::new("model", PortType::Model, "the model under judgement"))
            .input(Port::new("table", PortType::Table, "the rows to judge it on"))
            .output(Port::new("report", PortType::Report, "metrics and predictions, for a gate"))
            .output(Port::new("predictions", PortType::Table, "each row's truth and prediction"))
            .error("missing_column", "The table lacks the target.")
            .error("bad_model", "The bundle cannot be read, or the table does not fit its signature.")
            .error("bad_positive", "`positive` is not one of two classes.")
            .error("no_rows", "The table has zero rows.")
    }

    fn schema(&self, params: &EvaluateParams, check: &mut SchemaCheck) {
        let (Some(model), Some(table)) = (check.inputs.get("model"), check.inputs.get("table")) else {
            return;
        };
        let target = if params.target.is_empty() {
            model.target.clone().unwrap_or_default()
        } else {
            params.target.clone()
        };
        if !target.is_empty() && !table.columns.iter().any(|column| column.name == target) {
            let problem = Problem::missing_column("/target", &target, &table.columns);
            check.problems.push(problem);
        }
    }

    fn references(&self, params: &EvaluateParams, run: &RunInfo) -> Vec<ModelReference> {
        if params.versus.is_empty() {
            return Vec::new();
        }
        let model = if params.model.is_empty() { run.workflow.clone() } else { params.model.clone() };
        let selector = Selector::parse(&params.versus);
        vec![ModelReference { key: "champion".into(), model, selector, unless_input: Some("model".into()) }]
    }

    fn run(&self, ctx: &Context, params: EvaluateParams) -> Result<(), TaskError> {
        let table = ctx.table("table")?;
        if table.n_rows() == 0 {
            return Err(TaskError::permanent("no_rows", "the table has zero rows"));
        }
        let bundle = Bundle::load(&ctx.input("model")?.path).map_err(|error| bad_model(&error))?;
        let predictions = bundle.predict_table(&table).map_err(|error| bad_model(&error))?;
        let target = if params.target.is_empty() { &bundle.target } else { &params.target };
        let truth = Truth::read(&table, target, &bundle.task)?;
        let judged = judge(&truth, &predictions, &params.positive)?;
        let report = Report {
            version: REPORT_VERSION,
            task: truth.task().into(),
            n_rows: table.n_rows(),
            model: ctx.input("model")?.hash.clone(),
            rows: ctx.input("table")?.hash.clone(),
            seed: None,
            truth: truth.to_json(),
            predictions: judged.predictions.clone(),
            champion: champion(ctx, &table, &truth, &params),
            ..judged.report
        };
        report.metrics.iter().for_each(|(name, value)| ctx.metric(name, *value));
        ctx.summary(summary(&report));
        ctx.write_table("predictions", &predictions_table(&truth, &predictions)?)?;
        ctx.write_json("report", PortType::Report, &report)
    }
}

fn bad_model(error: &sluicegate_model::ModelError) -> TaskError {
    TaskError::permanent("bad_model", error.to_string())
}

/// The true values of the rows.
pub(crate) enum Truth {
    Labels(Vec<Label>),
    Numbers(Vec<f64>),
}

impl Truth {
    pub(crate) fn read(table: &Table, target: &str, task: &ModelTask) -> Result<Self, TaskError> {
        Ok(match task {
            ModelTask::Classification { .. } => Self::Labels(dataset::labels(table, target)?),
            ModelTask::Regression => Self::Numbers(dataset::numbers(table, target)?),
        })
    }

    pub(crate) fn task(&self) -> &'static str {
        if matches!(self, Self::Labels(_)) { "classification" } else { "regression" }
    }

    pub(crate) fn to_json(&self) -> Vec<Value> {
        match self {
            Self::Labels(labels) => labels.iter().map(Label::to_json).collect(),
            Self::Numbers(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        }
    }
}

/// Predictions with what they are worth. The report lacks what is not known here.
pub(crate) struct Judged {
    pub(crate) report: Report,
    pub(crate) predictions: Vec<Value>,
}

/// Compares predictions with the truth.
pub(crate) fn judge(truth: &Truth, predictions: &Predictions, positive: &str) -> Result<Judged, TaskError> {
    let mut report = Report {
        version: REPORT_VERSION,
        task: truth.task().into(),
        n_rows: predictions.n_rows(),
        model: String::new(),
        rows: String::new(),
        seed: None,
        metrics: BTreeMap::new(),
        classes: Vec::new(),
        positive: None,
        by_class: BTreeMap::new(),
        confusion: Vec::new(),
        folds: Vec::new(),
        truth: Vec::new(),
        predictions: Vec::new(),
        champion: None,
    };
    let values = match (truth, &predictions.output) {
        (Truth::Numbers(truth), Output::Values(values)) => {
            report.metrics = regression_metrics(truth, values);
            values.iter().map(|value| json!(value)).collect()
        }
        (Truth::Labels(truth), Output::Classes(classes)) => {
            let predicted: Vec<&Label> = classes.iter().map(|class| &predictions.classes[*class]).collect();
            judge_classes(truth, &predicted, predictions, positive, &mut report)?;
            predicted.iter().map(|label| label.to_json()).collect()
        }
        _ => {
            return Err(TaskError::permanent(
                "bad_model",
                "the model predicts something else than the target holds",
            ));
        }
    };
    Ok(Judged { report, predictions: values })
}

fn judge_classes(
    truth: &[Label],
    predicted: &[&Label],
    predictions: &Predictions,
    positive: &str,
    report: &mut Report,
) -> Result<(), TaskError> {
    // As in scikit-learn, the classes are those that occur in the truth or the predictions.
    let mut labels: Vec<&Label> = truth.iter().chain(predicted.iter().copied()).collect();
    labels.sort();
    labels.dedup();
    // Two classes of the model stay two, also where only one of them occurs.
    if predictions.classes.len() == 2 && labels.iter().all(|label| predictions.classes.contains(label)) {
        labels = predictions.classes.iter().collect();
    }
    let index = |label: &Label| labels.binary_search(&label).unwrap_or_default();
    let names: Vec<String> = labels.iter().map(ToString::to_string).collect();
    let positive_idx = match (positive, labels.len()) {
        ("", n) => n - 1,
        (name, 2) => names.iter().position(|known| known == name).ok_or_else(|| {
            let message =
                format!("`positive` is `{name}`, but the classes are `{}` and `{}`", names[0], names[1]);
            TaskError::permanent("bad_positive", message)
        })?,
        (name, n) => {
            let message = format!("`positive = \"{name}\"` makes no sense for {n} classes");
            return Err(TaskError::permanent("bad_positive", message).hint("gate on `recall[CLASS]` instead"));
        }
    };
    let same_classes =
        labels.len() == predictions.classes.len() && labels.iter().copied().eq(predictions.classes.iter());
    let truth_idx: Vec<usize> = truth.iter().map(index).collect();
    let predicted_idx: Vec<usize> = predicted.iter().map(|label| index(label)).collect();
    let (metrics, by_class, confusion) = classification_metrics(&Classification {
        truth: &truth_idx,
        predicted: &predicted_idx,
        n_classes: labels.len(),
        positive: positive_idx,
        // Probabilities speak of the model's classes; where others occur they cannot be compared.
        probabilities: predictions.probabilities.as_deref().filter(|_| same_classes),
        scores: predictions.scores.as_deref().filter(|_| same_classes),
    });
    report.metrics = metrics;
    report.by_class = names.iter().cloned().zip(by_class).collect();
    report.confusion = confusion;
    report.positive = (names.len() == 2).then(|| names[positive_idx].clone());
    report.classes = names;
    Ok(())
}

/// Judges the champion. One that cannot be judged is a finding, not a failure.
fn champion(ctx: &Context, table: &Table, truth: &Truth, params: &EvaluateParams) -> Option<ChampionReport> {
    let reference = ctx.reference("champion")?;
    let mut report = ChampionReport {
        model: reference.model.clone(),
        version: reference.version,
        hash: reference.hash.clone(),
        metrics: BTreeMap::new(),
        by_class: BTreeMap::new(),
        predictions: Vec::new(),
        error: None,
    };
    let judged = Bundle::load(&reference.path)
        .and_then(|bundle| bundle.predict_table(table))
        .map_err(|error| error.to_string())
        .and_then(|predictions| judge(truth, &predictions, &params.positive).map_err(|error| error.message));
    match judged {
        Ok(judged) => {
            report.metrics = judged.report.metrics;
            report.by_class = judged.report.by_class;
            report.predictions = judged.predictions;
        }
        Err(error) => {
            ctx.info(&format!("{} v{} could not be judged: {error}", report.model, report.version));
            report.error = Some(error);
        }
    }
    Some(report)
}

/// The most telling metrics in one line.
pub(crate) fn summary(report: &Report) -> String {
    let wanted =
        if report.task == "regression" { ["r2", "rmse", "mae"] } else { ["accuracy", "recall", "f1"] };
    let shown: Vec<String> = wanted
        .iter()
        .filter_map(|name| report.metrics.get(*name).map(|value| format!("{name} {value:.4}")))
        .collect();
    let versus = match &report.champion {
        Some(champion) if champion.error.is_none() => {
            format!(", beside {} v{}", champion.model, champion.version)
        }
        Some(champion) => format!(", {} v{} could not be judged", champion.model, champion.version),
        None => String::new(),
    };
    format!("{} on {} rows{versus}", shown.join(", "), report.n_rows)
}

/// Row, truth, prediction, and the probability of each class.
fn predictions_table(truth: &Truth, predictions: &Predictions) -> Result<Table, TaskError> {
    let n_rows = predictions.n_rows();
    #[expect(clippy::cast_possible_wrap, reason = "a table has fewer rows than that")]
    let rows: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values((0..n_rows).map(|row| row as i64)));
    let mut columns: Vec<(String, ArrayRef)> = vec![("row".into(), rows)];
    match (truth, &predictions.output) {
        (Truth::Numbers(truth), Output::Values(values)) => {
            columns.push(("truth".into(), std::sync::Arc::new(Float64Array::from(truth.clone()))));
            columns.push(("prediction".into(), std::sync::Arc::new(Float64Array::from(values.clone()))));
        }
        (Truth::Labels(truth), Output::Classes(classes)) => {
            let truth = truth.iter().map(ToString::to_string);
            columns.push(("truth".into(), std::sync::Arc::new(StringArray::from_iter_values(truth))));
            let predicted = classes.iter().map(|class| predictions.classes[*class].to_string());
            columns
                .push(("prediction".into(), std::sync::Arc::new(StringArray::from_iter_values(predicted))));
        }
        _ => {}
    }
    let n_classes = predictions.classes.len();
    for (at, class) in predictions.classes.iter().enumerate() {
        if let Some(probabilities) = &predictions.probabilities {
            let values = (0..n_rows).map(|row| probabilities[row * n_classes + at]);
            columns.push((
                format!("probability_{class}"),
                std::sync::Arc::new(Float64Array::from_iter_values(values)),
            ));
        }
    }
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|error| TaskError::permanent("bad_output", error.to_string()))?;
    Ok(Table::from_batch(batch))
}
