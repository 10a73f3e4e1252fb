//! The training kinds, and what they share with `cross_validate`: reading rows, fitting transforms, making a bundle.

mod anomaly;
mod kinds;
mod params;

pub use anomaly::TrainAnomaly;
pub use kinds::{
    TrainBoosting, TrainForest, TrainKnn, TrainLinear, TrainLogistic, TrainMlp, TrainNaiveBayes, TrainSvm,
    TrainSvr, TrainTree,
};
pub(crate) use params::Common;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use sluicegate_model::{Bundle, FittedTransform, Frame, Label, ModelTask, Provenance, Signature, apply_all};
use sluicegate_plugin::{
    Column, ColumnType, Context, LogLevel, PortSchema, PortType, Problem, SchemaCheck, Table, TaskError,
};

use crate::{
    dataset,
    estimator::{Coefficient, CurvePoint, Drawing, Fit, Fitting, Learner, Task},
    training_set::{Target, TrainingSet},
    transforms,
};

/// Fits transforms and estimator on a table and makes a bundle of them.
pub(crate) fn train(
    tables: Tables,
    common: &Common,
    learner: &dyn Learner,
    fitting: &Fitting<'_>,
) -> Result<(Bundle, Fitted), TaskError> {
    let Tables { rows: table, hash: rows, validation } = tables;
    let n_rows = table.n_rows();
    let signature = dataset::signature(&table, common, learner.abilities().missing)?;
    let mut frame = dataset::frame(&table, &signature)?;
    let target = read_target(&table, &common.target, learner)?;
    let weights = weigh(&table, common, learner, &target)?;
    // What is fitted to is a copy; a large table is not to stay beside it.
    drop(table);
    let mut fitted = transforms::fit_all(&common.transforms, &mut frame, &target)?;
    let is_categorical = transforms::encode_texts(&mut frame, &mut fitted, learner.abilities().categories)?;
    if !learner.abilities().missing {
        transforms::refuse_missing(&frame)?;
    }
    let mut data = TrainingSet::new(frame, is_categorical, target, weights);
    if let Some(table) = validation {
        let reading = Reading { common, signature: &signature, transforms: &fitted };
        data.validation = Some(Box::new(reading.validation(&table, &data)?));
    }
    let fit = learner.fit(&data, fitting)?;
    let names = data.names().map(str::to_owned).collect();
    let task = match data.target {
        Target::Classes { classes, .. } => ModelTask::Classification { classes },
        Target::Numbers(_) => ModelTask::Regression,
    };
    let provenance = Provenance { kind: learner.kind().into(), n_rows, rows };
    let Fit { estimator, metrics, note, gains, curve, drawing, coefficients } = fit;
    let target = common.target.clone();
    let bundle = Bundle { target, task, signature, transforms: fitted, estimator, provenance };
    Ok((bundle, Fitted { names, metrics, note, gains, curve, drawing, coefficients }))
}

/// The tables that a model is trained on.
pub(crate) struct Tables {
    /// The training rows.
    pub(crate) rows: Table,
    /// BLAKE3 of the training rows' table.
    pub(crate) hash: String,
    /// Rows to validate on while the estimator is fitted.
    pub(crate) validation: Option<Table>,
}

/// What is to be said of a fit beside its bundle.
pub(crate) struct Fitted {
    names: Vec<String>,
    metrics: Vec<(&'static str, f64)>,
    note: String,
    gains: Option<Vec<f64>>,
    curve: Option<Vec<CurvePoint>>,
    drawing: Option<Drawing>,
    coefficients: Option<Vec<Coefficient>>,
}

fn read_target(table: &Table, name: &str, learner: &dyn Learner) -> Result<Target, TaskError> {
    let task = match learner.task() {
        Some(task) => task,
        None => dataset::task_of(table, name)?,
    };
    Ok(match task {
        Task::Classification => {
            let (classes, indices) = dataset::classes(table, name)?;
            Target::Classes { classes, indices }
        }
        Task::Regression => Target::Numbers(dataset::numbers(table, name)?),
    })
}

/// Each row's weight, with that of its class in it; `None` when all are the same.
fn weigh(
    table: &Table,
    common: &Common,
    learner: &dyn Learner,
    target: &Target,
) -> Result<Option<Vec<f64>>, TaskError> {
    let by_row = if common.weight.is_empty() { None } else { Some(dataset::weights(table, &common.weight)?) };
    let Some(class_weight) = learner.class_weight() else { return Ok(by_row) };
    let Target::Classes { classes, indices } = target else { return Ok(by_row) };
    let mut shares = vec![0.0; classes.len()];
    for (row, class) in indices.iter().enumerate() {
        shares[*class] += by_row.as_ref().map_or(1.0, |weights| weights[row]);
    }
    let Some(by_class) = class_weight.resolve(classes, &shares)? else { return Ok(by_row) };
    let weight = |(row, class): (usize, &usize)| {
        by_row.as_ref().map_or(1.0, |weights| weights[row]) * by_class[*class]
    };
    Ok(Some(indices.iter().enumerate().map(weight).collect()))
}

/// How rows are read that a model validates on.
struct Reading<'a> {
    common: &'a Common,
    signature: &'a Signature,
    transforms: &'a [FittedTransform],
}

impl Reading<'_> {
    fn validation(&self, table: &Table, data: &TrainingSet) -> Result<TrainingSet, TaskError> {
        let bad = |message: String| {
            TaskError::permanent("bad_validation", format!("input `validation`: {message}"))
        };
        let mut frame = Frame::from_table(table, self.signature).map_err(|error| bad(error.to_string()))?;
        if frame.n_rows == 0 {
            return Err(bad("it has zero rows".into()));
        }
        apply_all(self.transforms, &mut frame).map_err(|error| bad(error.to_string()))?;
        let name = &self.common.target;
        let target = match &data.target {
            Target::Numbers(_) => Target::Numbers(dataset::numbers(table, name)?),
            Target::Classes { classes, .. } => {
                let index = |label: Label| {
                    let unknown =
                        || bad(format!("its target has the class `{label}`, which no training row has"));
                    classes.binary_search(&label).map_err(|_| unknown())
                };
                let indices =
                    dataset::labels(table, name)?.into_iter().map(index).collect::<Result<_, _>>()?;
                Target::Classes { classes: classes.clone(), indices }
            }
        };
        let weights = match self.common.weight.as_str() {
            "" => None,
            name => Some(dataset::weights(table, name)?),
        };
        Ok(TrainingSet::new(frame, data.is_categorical.clone(), target, weights))
    }
}

/// Runs a training kind.
fn run(ctx: &Context, common: &Common, learner: &dyn Learner) -> Result<(), TaskError> {
    let table = ctx.table("table")?;
    let validation =
        if ctx.inputs().contains_key("validation") { Some(ctx.table("validation")?) } else { None };
    let check_cancelled = || ctx.check_cancelled();
    let warn = |message: &str| ctx.log(LogLevel::Warn, message);
    let fitting = Fitting { check_cancelled: &check_cancelled, warn: &warn };
    let hash = ctx.input("table")?.hash.clone();
    let tables = Tables { rows: table, hash, validation };
    let (bundle, fitted) = train(tables, common, learner, &fitting)?;
    let n_features = bundle.signature.inputs.len();
    let n_rows = bundle.provenance.n_rows;
    ctx.metric("n_rows", n_rows as f64);
    ctx.metric("n_features", n_features as f64);
    fitted.metrics.iter().for_each(|(name, value)| ctx.metric(name, *value));
    let note = if fitted.note.is_empty() { String::new() } else { format!(", {}", fitted.note) };
    ctx.summary(format!("{}, {n_rows} rows × {n_features} features{note}", bundle.estimator.name()));
    if let Some(gains) = &fitted.gains {
        ctx.write_table("importances", &importances(&fitted.names, gains)?)?;
    }
    if let Some(curve) = &fitted.curve {
        ctx.write_table("curve", &curve_table(curve)?)?;
    }
    if let Some(coefficients) = &fitted.coefficients {
        ctx.write_table("coefficients", &coefficients_table(coefficients)?)?;
    }
    if let Some(drawing) = &fitted.drawing {
        ctx.write_bytes("text", PortType::File, drawing.text.as_bytes())?;
        ctx.write_bytes("dot", PortType::File, drawing.dot.as_bytes())?;
    }
    ctx.write_bytes("model", PortType::Model, &bundle.to_bytes())
}

/// Each feature's share of the gain, the greatest first.
fn importances(names: &[String], gains: &[f64]) -> Result<Table, TaskError> {
    let total: f64 = gains.iter().sum();
    let share = |gain: f64| if total > 0.0 { gain / total } else { 0.0 };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| gains[*b].total_cmp(&gains[*a]));
    let features: ArrayRef = Arc::new(StringArray::from_iter_values(order.iter().map(|at| &names[*at])));
    let gain: ArrayRef = Arc::new(Float64Array::from_iter_values(order.iter().map(|at| gains[*at])));
    let shares: ArrayRef = Arc::new(Float64Array::from_iter_values(order.iter().map(|at| share(gains[*at]))));
    to_table([("feature", features), ("gain", gain), ("share", shares)])
}

fn curve_table(curve: &[CurvePoint]) -> Result<Table, TaskError> {
    #[expect(clippy::cast_possible_wrap, reason = "there are at most a hundred thousand rounds")]
    let rounds: ArrayRef = Arc::new(Int64Array::from_iter_values((0..curve.len()).map(|round| round as i64)));
    let loss: ArrayRef = Arc::new(curve.iter().map(|point| point.loss).collect::<Float64Array>());
    let validation: ArrayRef =
        Arc::new(curve.iter().map(|point| point.validation_loss).collect::<Float64Array>());
    let score: ArrayRef =
        Arc::new(curve.iter().map(|point| point.validation_score).collect::<Float64Array>());
    to_table([
        ("round", rounds),
        ("loss", loss),
        ("validation_loss", validation),
        ("validation_score", score),
    ])
}

fn coefficients_table(coefficients: &[Coefficient]) -> Result<Table, TaskError> {
    let text = |text: &dyn Fn(&Coefficient) -> Option<String>| -> ArrayRef {
        Arc::new(coefficients.iter().map(text).collect::<StringArray>())
    };
    let number = |number: &dyn Fn(&Coefficient) -> Option<f64>| -> ArrayRef {
        Arc::new(coefficients.iter().map(number).collect::<Float64Array>())
    };
    to_table([
        ("class", text(&|own| own.class.clone())),
        ("feature", text(&|own| Some(own.feature.clone()))),
        ("coefficient", number(&|own| Some(own.value))),
        ("standard_error", number(&|own| own.standard_error)),
    ])
}

fn to_table<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<Table, TaskError> {
    let batch = RecordBatch::try_from_iter(columns);
    batch.map(Table::from_batch).map_err(|error| TaskError::permanent("bad_output", error.to_string()))
}

/// Follows columns: target, weight and features must exist; the model wants the features.
pub(crate) fn check_columns(check: &mut SchemaCheck, common: &Common, learner: &dyn Learner) {
    let before = check.problems.len();
    if !common.weight.is_empty() && !learner.abilities().weights {
        check.problems.push(Problem::new("/weight", format!("`{}` takes no weights", kind_name(learner))));
    }
    let is_connected = check.connected.as_ref().is_some_and(|ports| ports.contains("validation"));
    if is_connected && !learner.abilities().validation {
        let message = "the input `validation` is connected, but nothing stops early by it";
        check
            .problems
            .push(Problem::new("", message).hint("add `early_stopping = {}`, or leave the input out"));
    }
    let known = dataset::check_names(check, common);
    check.problems.extend(learner.check(known.as_deref()));
    let Some(features) = known else { return };
    if check.problems.len() > before {
        // What stands behind is not blamed for the same names once more.
        return;
    }
    check_task(check, common, learner);
    check.problems.extend(transforms::check(&common.transforms, &features, "/transforms"));
    let schema = PortSchema { columns: features, target: Some(common.target.clone()) };
    check.outputs.insert("model".into(), schema);
}

/// The kind's name without its version.
fn kind_name(learner: &dyn Learner) -> &'static str {
    learner.kind().split(' ').next().unwrap_or_default()
}

/// A target of whole numbers does not say what is predicted.
fn check_task(check: &mut SchemaCheck, common: &Common, learner: &dyn Learner) {
    let target = check
        .inputs
        .get("table")
        .and_then(|schema| schema.columns.iter().find(|column: &&Column| column.name == common.target));
    let Some(Column { column_type, .. }) = target else { return };
    let message = match (learner.task(), column_type) {
        (None, ColumnType::Integer) => format!(
            "the target `{}` holds whole numbers, which may be classes or counts; say which by `task`",
            common.target
        ),
        (Some(Task::Regression), ColumnType::Text | ColumnType::Boolean) => {
            format!("a regression cannot predict the target `{}`, which does not hold numbers", common.target)
        }
        _ => return,
    };
    let hint = "add `task = \"classification\"` or `task = \"regression\"`";
    let problem = Problem::new("/target", message);
    check.problems.push(if learner.task().is_none() { problem.hint(hint) } else { problem });
}
