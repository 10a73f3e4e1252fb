//! The kinds `train.linear`, `train.logistic` and `train.svm`, and what they share with `cross_validate`.

mod linear;
mod logistic;
mod spec;
mod svm;

pub use linear::TrainLinear;
pub use logistic::TrainLogistic;
pub(crate) use spec::EstimatorSpec;
pub use svm::TrainSvm;

use sluicegate_model::{Bundle, Estimator, Label, ModelTask, Provenance, Signature};
use sluicegate_plugin::{Context, Description, Port, PortSchema, PortType, SchemaCheck, Table, TaskError};

use crate::{
    columns::Columns,
    dataset, fit,
    transforms::{self, Transform},
};

/// What all training kinds share.
#[derive(Clone, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) target: &'a str,
    pub(crate) features: &'a Columns,
    pub(crate) transforms: &'a [Transform],
}

/// A target, read for an estimator.
pub(crate) enum Target {
    Classes { classes: Vec<Label>, indices: Vec<usize> },
    Numbers(Vec<f64>),
}

/// Fits transforms and estimator on a table and makes a bundle of them.
pub(crate) fn train(
    table: &Table,
    common: &Common<'_>,
    spec: &EstimatorSpec,
    rows_hash: &str,
) -> Result<Bundle, TaskError> {
    let signature: Signature = dataset::signature(table, common.target, common.features)?;
    let mut frame = dataset::frame(table, &signature)?;
    let target = if spec.classifies() {
        let (classes, indices) = dataset::classes(table, common.target)?;
        Target::Classes { classes, indices }
    } else {
        Target::Numbers(dataset::numbers(table, common.target)?)
    };
    let fitted = transforms::fit_all(common.transforms, &mut frame)?;
    let (values, n_columns) =
        frame.to_matrix().map_err(|error| TaskError::permanent("bad_feature", error.to_string()))?;
    let estimator = spec.fit(&fit::matrix(values, n_columns), &target)?;
    let task = match target {
        Target::Classes { classes, .. } => ModelTask::Classification { classes },
        Target::Numbers(_) => ModelTask::Regression,
    };
    let provenance = Provenance { kind: spec.kind().into(), n_rows: table.n_rows(), rows: rows_hash.into() };
    let target = common.target.to_owned();
    Ok(Bundle { target, task, signature, transforms: fitted, estimator, provenance })
}

fn run(ctx: &Context, common: &Common<'_>, spec: &EstimatorSpec) -> Result<(), TaskError> {
    let table = ctx.table("table")?;
    let bundle = train(&table, common, spec, &ctx.input("table")?.hash)?;
    let n_features = bundle.signature.inputs.len();
    ctx.metric("n_rows", table.n_rows() as f64);
    ctx.metric("n_features", n_features as f64);
    let support = match &bundle.estimator {
        Estimator::Svm(svm) => {
            ctx.metric("n_support", svm.n_support() as f64);
            format!(", {} support vectors", svm.n_support())
        }
        _ => String::new(),
    };
    ctx.summary(format!(
        "{}, {} rows × {n_features} features{support}",
        bundle.estimator.name(),
        table.n_rows()
    ));
    ctx.write_bytes("model", PortType::Model, &bundle.to_bytes())
}

/// Follows columns: target and features must exist; the model wants the features.
pub(crate) fn check_columns(check: &mut SchemaCheck, common: &Common<'_>) -> bool {
    let before = check.problems.len();
    let Some(features) = dataset::check_names(check, common.target, common.features) else { return false };
    if check.problems.len() > before {
        // What stands behind is not blamed for the same names once more.
        return false;
    }
    check.problems.extend(transforms::check(common.transforms, &features, "/transforms"));
    let schema = PortSchema { columns: features, target: Some(common.target.into()) };
    check.outputs.insert("model".into(), schema);
    true
}

fn describe(name: &str, summary: &str, doc: &str) -> Description {
    Description::new(name, "1", summary)
        .doc(doc)
        .input(Port::new("table", PortType::Table, "the training rows"))
        .output(Port::new("model", PortType::Model, "the bundle: transforms, estimator and signature"))
        .error("missing_column", "The target or a feature is not a column of the table.")
        .error("missing_value", "The target has a missing value.")
        .error(
            "bad_feature",
            "A feature has a missing value, a value that is not finite, or a type that a model cannot use.",
        )
        .error("text_feature", "A text column is used as it is; add `one_hot` or leave it out.")
        .error("no_rows", "The table has zero rows.")
        .error("no_fit", "The solver found no finite solution.")
}
