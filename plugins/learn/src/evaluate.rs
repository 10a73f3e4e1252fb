//! The kind `evaluate`: a model, and the champion beside it, on rows that neither was trained on.

mod foreign;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate_model::{Bundle, Label, ModelTask, Output, Predictions};
use sluicegate_plugin::{
    Context, Description, ModelReference, Port, PortType, Problem, RunInfo, SchemaCheck, Selector, Table,
    Task, TaskError,
};

use self::{foreign::ForeignOptions, table::predictions_table};

use crate::{
    dataset,
    metrics::{Classification, classification_metrics, regression_metrics, score_curve},
    report::{ChampionReport, REPORT_VERSION, Report, lower_is_better},
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
    /// Of the input `predictions`: the column with the true values.
    #[serde(default = "truth_column")]
    truth: String,
    /// Of the input `predictions`: the column with what was predicted.
    #[serde(default = "prediction_column")]
    prediction: String,
    /// Of the input `predictions`: whether they are classes or numbers. The default is told by the columns: numbers with fractions
    /// and no probabilities are a regression.
    #[serde(default)]
    task: Option<TaskName>,
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskName {
    /// Classes.
    Classification,
    /// Numbers.
    Regression,
}

fn truth_column() -> String {
    "truth".into()
}

fn prediction_column() -> String {
    "prediction".into()
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

A model that is no bundle, such as one of scikit-learn, is judged by what it predicted: connect `predictions` instead of `model`. This is a table with
a row for each row judged, with the columns `truth` and `prediction` (texts, whole numbers or truths for classes, which must be of one type; numbers for
a regression), and for classes, as far as the model has them, `probability_CLASS` for every class, or `score`, which grows with the greater of
two classes. The output `predictions` has this very layout. Without probabilities the classes are those that occur. `versus` then wants `table` as well, with the same rows in
the same order: the champion predicts them, and their target must be equal to `truth`. What was predicted by a foreign model cannot be traced to
it: the report names no model, and such a model cannot be the champion.

```toml
[tasks.scores]
uses   = "evaluate"
inputs = { predictions = "model.predictions", table = "split.test" }
with   = { versus = "champion" }
```
"#;

impl Task for Evaluate {
    type Params = EvaluateParams;

    fn describe(&self) -> Description {
        Description::new("evaluate", "3", "Judges a model on rows it was not trained on.")
            .doc(DOC)
            .input(
                Port::new("model", PortType::Model, "the model under judgement; or `predictions`").optional(),
            )
            .input(Port::new("table", PortType::Table, "the rows to judge it on").optional())
            .input(
                Port::new(
                    "predictions",
                    PortType::Table,
                    "what a foreign model predicted, instead of `model`",
                )
                .optional(),
            )
            .output(Port::new("report", PortType::Report, "metrics and predictions, for a gate"))
            .output(Port::new("predictions", PortType::Table, "each row's truth and prediction"))
            .error("missing_input", "Neither `model` nor `predictions` is connected, or `table` is missing.")
            .error("missing_column", "The table lacks the target, or the predictions lack a column.")
            .error("bad_inputs", "Both `model` and `predictions` are connected.")
            .error(
                "bad_predictions",
                "The predictions cannot be what a model says; the message names column and row.",
            )
            .error("other_rows", "`table` does not hold the rows that the predictions are of.")
            .error("bad_model", "The bundle cannot be read, or the table does not fit its signature.")
            .error("bad_positive", "`positive` is not one of two classes.")
            .error("no_rows", "The table has zero rows.")
    }

    fn schema(&self, params: &EvaluateParams, check: &mut SchemaCheck) {
        if let Some(connected) = &check.connected
            && let Err(error) = verify_inputs(connected, params)
        {
            let problem = Problem::new("", error.message);
            check.problems.push(match error.hints.into_iter().next() {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
        if let Some(predictions) = check.inputs.get("predictions") {
            for (pointer, name) in [("/truth", &params.truth), ("/prediction", &params.prediction)] {
                if !predictions.columns.iter().any(|column| column.name == *name) {
                    check.problems.push(Problem::missing_column(pointer, name, &predictions.columns));
                }
            }
        }
        let Some(table) = check.inputs.get("table") else { return };
        let target = if params.target.is_empty() {
            check.inputs.get("model").and_then(|model| model.target.clone()).unwrap_or_default()
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
        verify_inputs(&ctx.inputs().keys().cloned().collect(), &params)?;
        let Judgement { truth, predictions, model, rows, table } = if ctx.inputs().contains_key("model") {
            of_model(ctx, &params)?
        } else {
            of_foreign(ctx, &params)?
        };
        let judged = judge(&truth, &predictions, &params.positive)?;
        let report = Report {
            version: REPORT_VERSION,
            task: truth.task().into(),
            n_rows: predictions.n_rows(),
            model,
            rows,
            seed: None,
            truth: truth.to_json(),
            predictions: judged.predictions.clone(),
            champion: match &table {
                Some(table) => champion(ctx, table, &truth, &params)?,
                None => None,
            },
            ..judged.report
        };
        report.metrics.iter().for_each(|(name, value)| ctx.metric(name, *value));
        ctx.summary(summary(&report));
        ctx.write_table("predictions", &predictions_table(&truth, &predictions)?)?;
        ctx.write_json("report", PortType::Report, &report)
    }
}

/// What is to be judged.
struct Judgement {
    truth: Truth,
    predictions: Predictions,
    /// BLAKE3 of the bundle; empty when there is none.
    model: String,
    /// BLAKE3 of the rows.
    rows: String,
    /// The rows, for the champion.
    table: Option<Table>,
}

/// Exactly one of `model` and `predictions`, and `table` where rows must be predicted.
fn verify_inputs(connected: &BTreeSet<String>, params: &EvaluateParams) -> Result<(), TaskError> {
    let has = |port: &str| connected.contains(port);
    match (has("model"), has("predictions")) {
        (true, true) => {
            return Err(TaskError::permanent("bad_inputs", "both `model` and `predictions` are connected")
                .hint("judge one of them: a bundle as `model`, a foreign model by its `predictions`"));
        }
        (false, false) => {
            return Err(TaskError::permanent(
                "missing_input",
                "neither `model` nor `predictions` is connected",
            )
            .hint("connect a bundle as `model`, or what a foreign model predicted as `predictions`"));
        }
        _ => {}
    }
    if has("table") || (has("predictions") && params.versus.is_empty()) {
        return Ok(());
    }
    let why = if has("model") { "`model` is judged on them" } else { "`versus` is judged on them" };
    Err(TaskError::permanent("missing_input", format!("input `table` is not connected, and {why}"))
        .hint("connect the test rows as `table`"))
}

fn of_model(ctx: &Context, params: &EvaluateParams) -> Result<Judgement, TaskError> {
    let table = ctx.table("table")?;
    if table.n_rows() == 0 {
        return Err(no_rows());
    }
    let bundle = Bundle::load(&ctx.input("model")?.path).map_err(|error| bad_model(&error))?;
    let predictions = bundle.predict_table(&table).map_err(|error| bad_model(&error))?;
    let target = if params.target.is_empty() { &bundle.target } else { &params.target };
    let truth = Truth::read(&table, target, &bundle.task)?;
    let (model, rows) = (ctx.input("model")?.hash.clone(), ctx.input("table")?.hash.clone());
    Ok(Judgement { truth, predictions, model, rows, table: Some(table) })
}

fn of_foreign(ctx: &Context, params: &EvaluateParams) -> Result<Judgement, TaskError> {
    let told = ctx.table("predictions")?;
    if told.n_rows() == 0 {
        return Err(no_rows());
    }
    let options = ForeignOptions { truth: &params.truth, prediction: &params.prediction, task: params.task };
    let (truth, predictions) = foreign::read(&told, &options)?;
    let (rows, table) = if ctx.inputs().contains_key("table") {
        let table = ctx.table("table")?;
        foreign::verify_rows(&table, &params.target, &truth)?;
        (ctx.input("table")?.hash.clone(), Some(table))
    } else {
        (ctx.input("predictions")?.hash.clone(), None)
    };
    Ok(Judgement { truth, predictions, model: String::new(), rows, table })
}

fn no_rows() -> TaskError {
    TaskError::permanent("no_rows", "the table has zero rows")
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
        lower_is_better: Vec::new(),
        classes: Vec::new(),
        positive: None,
        by_class: BTreeMap::new(),
        confusion: Vec::new(),
        curve: None,
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
    report.lower_is_better = lower_is_better(&report.metrics);
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
    let judged = Classification {
        truth: &truth_idx,
        predicted: &predicted_idx,
        n_classes: labels.len(),
        positive: positive_idx,
        // Probabilities speak of the model's classes; where others occur they cannot be compared.
        probabilities: predictions.probabilities.as_deref().filter(|_| same_classes),
        scores: predictions.scores.as_deref().filter(|_| same_classes),
    };
    let (metrics, by_class, confusion) = classification_metrics(&judged);
    report.curve = score_curve(&judged);
    report.metrics = metrics;
    report.by_class = names.iter().cloned().zip(by_class).collect();
    report.confusion = confusion;
    report.positive = (names.len() == 2).then(|| names[positive_idx].clone());
    report.classes = names;
    Ok(())
}

/// Judges the champion. One that cannot be judged is a finding, not a failure.
fn champion(
    ctx: &Context,
    table: &Table,
    truth: &Truth,
    params: &EvaluateParams,
) -> Result<Option<ChampionReport>, TaskError> {
    let Some(reference) = ctx.reference("champion") else { return Ok(None) };
    let mut report = ChampionReport {
        model: reference.model.clone(),
        version: reference.version,
        hash: reference.hash.clone(),
        metrics: BTreeMap::new(),
        by_class: BTreeMap::new(),
        curve: None,
        predictions: Vec::new(),
        error: None,
    };
    let bundle = Bundle::load(&reference.path);
    if let Ok(bundle) = &bundle
        && params.target.is_empty()
        && !ctx.inputs().contains_key("model")
    {
        foreign::verify_rows(table, &bundle.target, truth)?;
    }
    let judged = bundle
        .and_then(|bundle| bundle.predict_table(table))
        .map_err(|error| error.to_string())
        .and_then(|predictions| judge(truth, &predictions, &params.positive).map_err(|error| error.message));
    match judged {
        Ok(judged) => {
            report.metrics = judged.report.metrics;
            report.by_class = judged.report.by_class;
            report.curve = judged.report.curve;
            report.predictions = judged.predictions;
        }
        Err(error) => {
            ctx.info(&format!("{} v{} could not be judged: {error}", report.model, report.version));
            report.error = Some(error);
        }
    }
    Ok(Some(report))
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
