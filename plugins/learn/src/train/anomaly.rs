//! The kind `train.anomaly`: a model of what is ordinary, from rows without a target.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Bundle, Estimator, Label, ModelTask, Provenance};
use sluicegate_plugin::{
    Context, Description, LogLevel, Port, PortSchema, PortType, Problem, SchemaCheck, Task, TaskError,
};

use super::Common;
use crate::{
    columns::Columns,
    dataset,
    estimator::{AnomalyMethod, AnomalySettings, Fitting, KernelParam, Positive},
    training_set::{Target, TrainingSet},
    transforms::{self, Transform},
};

/// The kind `train.anomaly`.
pub struct TrainAnomaly;

/// Parameters of [`TrainAnomaly`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnomalyParams {
    /// What the prediction is called, and the column of truths that `evaluate` compares it with. Training ignores that
    /// column.
    #[serde(default = "target")]
    #[schemars(length(min = 1))]
    target: String,
    /// The columns to judge rows by; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Columns that are not to predict from, while `features` is `"*"`.
    #[serde(default)]
    exclude: Vec<String>,
    /// Transforms in order, fitted on these rows and stored in the bundle.
    #[serde(default)]
    transforms: Vec<Transform>,
    /// `"isolation_forest"` or `"one_class_svm"`.
    #[serde(default)]
    method: AnomalyMethod,
    /// Of the isolation forest: the number of trees.
    #[serde(default = "n_trees")]
    #[schemars(range(min = 1, max = 100_000))]
    n_trees: usize,
    /// Of the isolation forest: rows drawn for each tree; the default is 256, or all when there are fewer.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_samples: Option<usize>,
    /// Of the isolation forest: the share of anomalies among the training rows. Without it a row is one when its
    /// score is below −0.5, as in scikit-learn.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.5))]
    contamination: Option<f64>,
    /// Of the one-class machine: about the share of training rows outside of the boundary.
    #[serde(default = "nu")]
    #[schemars(range(min = 0.0001, max = 1.0))]
    nu: f64,
    /// Of the one-class machine: `"linear"`, `"rbf"` or `"polynomial"`, as for `train.svm`.
    #[serde(default)]
    kernel: KernelParam,
    /// Of the one-class machine: where the solver stops.
    #[serde(default = "tol")]
    tol: Positive,
    /// Decides which rows and columns the isolation forest draws.
    #[serde(default)]
    seed: u64,
}

fn target() -> String {
    "anomaly".into()
}

fn n_trees() -> usize {
    100
}

fn nu() -> f64 {
    0.5
}

fn tol() -> Positive {
    Positive(1e-3)
}

const DOC: &str = r#"
The model predicts `true` for a row that is unlike the training rows, and a score that grows with how unlike it is.
The isolation forest is scikit-learn's `IsolationForest`: rows that few random splits cut off are anomalies. The
one-class machine is scikit-learn's `OneClassSVM`; its memory grows with the square of the rows. `evaluate` judges the
model on rows whose truth is known.

```toml
[tasks.model]
uses   = "train.anomaly"
inputs = { table = "ordinary" }
with   = { contamination = 0.02 }
```
"#;

impl Task for TrainAnomaly {
    type Params = AnomalyParams;

    fn describe(&self) -> Description {
        Description::new("train.anomaly", "1", "Fits a model that finds rows unlike the training rows.")
            .doc(DOC)
            .input(Port::new("table", PortType::Table, "the training rows"))
            .output(Port::new("model", PortType::Model, "the bundle: transforms, estimator and signature"))
            .error("missing_column", "A feature is not a column of the table.")
            .error(
                "bad_feature",
                "A feature has a value that is missing or not finite, or a type that a model cannot use.",
            )
            .error("text_feature", "A text column is used as it is; add `one_hot` or leave it out.")
            .error("no_rows", "The table has zero rows.")
            .error("no_fit", "The solver found no model.")
            .error("too_many_rows", "The kernel matrix of the one-class machine would not fit into memory.")
    }

    fn schema(&self, params: &AnomalyParams, check: &mut SchemaCheck) {
        let Some(columns) = check.inputs.get("table").map(|schema| schema.columns.clone()) else { return };
        let before = check.problems.len();
        for (idx, name) in params.features.named().iter().enumerate() {
            if !columns.iter().any(|column| column.name == *name) {
                check.problems.push(Problem::missing_column(format!("/features/{idx}"), name, &columns));
            }
        }
        if check.problems.len() > before {
            return;
        }
        let named = params.features.named();
        let is_feature = |name: &str| match params.features {
            Columns::All => name != params.target && !params.exclude.iter().any(|own| own == name),
            Columns::Named(_) => named.iter().any(|own| own == name),
        };
        let features: Vec<_> = columns.into_iter().filter(|column| is_feature(&column.name)).collect();
        check.problems.extend(transforms::check(&params.transforms, &features, "/transforms"));
        check
            .outputs
            .insert("model".into(), PortSchema { columns: features, target: Some(params.target.clone()) });
    }

    fn run(&self, ctx: &Context, params: AnomalyParams) -> Result<(), TaskError> {
        let table = ctx.table("table")?;
        let common = Common {
            target: params.target.clone(),
            features: params.features.clone(),
            exclude: params.exclude.clone(),
            transforms: params.transforms.clone(),
            weight: String::new(),
        };
        let signature = dataset::feature_signature(&table, &common, false)?;
        let mut frame = dataset::frame(&table, &signature)?;
        let target = Target::Numbers(Vec::new());
        let mut fitted = transforms::fit_all(&params.transforms, &mut frame, &target)?;
        let is_categorical = transforms::encode_texts(&mut frame, &mut fitted, false)?;
        transforms::refuse_missing(&frame)?;
        let data = TrainingSet::new(frame, is_categorical, target, None);
        let check_cancelled = || ctx.check_cancelled();
        let warn = |message: &str| ctx.log(LogLevel::Warn, message);
        let fitting = Fitting { check_cancelled: &check_cancelled, warn: &warn };
        let anomaly = params.settings().fit(&data, &fitting)?;
        let provenance = Provenance {
            kind: "train.anomaly 1".into(),
            n_rows: table.n_rows(),
            rows: ctx.input("table")?.hash.clone(),
        };
        let bundle = Bundle {
            target: params.target,
            task: ModelTask::Classification { classes: vec![Label::Boolean(false), Label::Boolean(true)] },
            signature,
            transforms: fitted,
            estimator: Estimator::Anomaly(anomaly),
            provenance,
        };
        let predicted = bundle
            .predict_table(&table)
            .map_err(|error| TaskError::permanent("no_fit", error.to_string()))?;
        let n_anomalies = match &predicted.output {
            sluicegate_model::Output::Classes(classes) => classes.iter().filter(|class| **class == 1).count(),
            sluicegate_model::Output::Values(_) => 0,
        };
        ctx.metric("n_rows", table.n_rows() as f64);
        ctx.metric("n_anomalies", n_anomalies as f64);
        ctx.summary(format!(
            "{}, {} rows × {} features, {n_anomalies} anomalies among them",
            bundle.estimator.name(),
            table.n_rows(),
            bundle.signature.inputs.len()
        ));
        ctx.write_bytes("model", PortType::Model, &bundle.to_bytes())
    }
}

impl AnomalyParams {
    fn settings(&self) -> AnomalySettings {
        AnomalySettings {
            method: self.method,
            n_trees: self.n_trees,
            max_samples: self.max_samples,
            contamination: self.contamination,
            nu: self.nu,
            kernel: self.kernel,
            tol: self.tol,
            seed: self.seed,
        }
    }
}
