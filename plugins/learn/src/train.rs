//! The kinds `train.linear`, `train.logistic` and `train.svm`, and the specification that they share with `cross_validate`.

use ndarray::Array2;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::{Bundle, Estimator, Label, ModelTask, Provenance, Signature};
use sluicegate_plugin::{
    Context, Description, Port, PortSchema, PortType, SchemaCheck, Table, Task, TaskError,
};

use crate::{
    columns::Columns,
    dataset,
    fit::{self, Gamma, KernelChoice, LogisticOptions, SvmOptions},
    transforms::{self, Transform},
};

/// What all training kinds share.
#[derive(Clone, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) target: &'a str,
    pub(crate) features: &'a Columns,
    pub(crate) transforms: &'a [Transform],
}

/// An estimator to fit, with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum EstimatorSpec {
    /// Ordinary least squares.
    Linear(LinearSettings),
    /// Logistic regression.
    Logistic(LogisticSettings),
    /// Support vector machines.
    Svm(SvmSettings),
}

/// Least squares has no settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinearSettings {}

/// Settings of logistic regression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogisticSettings {
    /// Inverse strength of the L2 penalty; scikit-learn's `C`.
    c: Positive,
    /// Iterations at the most.
    #[schemars(range(min = 1, max = 100_000))]
    max_iter: u64,
    /// Where the solver stops: the largest gradient of the mean loss.
    tol: Positive,
}

impl Default for LogisticSettings {
    fn default() -> Self {
        Self { c: Positive(1.0), max_iter: 100, tol: Positive(1e-4) }
    }
}

/// Settings of support vector machines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SvmSettings {
    /// Penalty of errors; scikit-learn's `C`.
    c: Positive,
    /// `"linear"`, `"rbf"`, `{ rbf = { gamma = … } }` or `{ polynomial = { degree = 3, gamma = …, coef0 = 0.0 } }`; `gamma` is `"scale"`
    /// (the default), `"auto"` or a number, as in scikit-learn.
    kernel: KernelParam,
    /// Where the solver stops.
    tol: Positive,
}

impl Default for SvmSettings {
    fn default() -> Self {
        Self {
            c: Positive(1.0),
            kernel: KernelParam(KernelChoice::Rbf { gamma: Gamma::Scale }),
            tol: Positive(1e-3),
        }
    }
}

/// A finite number above zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positive(f64);

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let good = number.is_finite() && number > 0.0;
        good.then_some(Self(number)).ok_or_else(|| D::Error::custom(format!("{number} is not above zero")))
    }
}

impl JsonSchema for Positive {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Positive".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0 })
    }
}

/// A kernel as authors write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelParam(KernelChoice);

impl<'de> Deserialize<'de> for KernelParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_kernel(&Value::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn parse_kernel(value: &Value) -> Result<KernelChoice, String> {
    let (name, settings) = match value {
        Value::String(name) => (name.as_str(), None),
        Value::Object(map) if map.len() == 1 => {
            let (name, settings) = map.iter().next().ok_or("a kernel is missing")?;
            (name.as_str(), settings.as_object())
        }
        _ => return Err("a kernel is a name or a table with one name".into()),
    };
    let number = |key: &str, default: f64| match settings.and_then(|map| map.get(key)) {
        None => Ok(default),
        Some(value) => value.as_f64().ok_or_else(|| format!("`{key}` of the kernel must be a number")),
    };
    let gamma = match settings.and_then(|map| map.get("gamma")) {
        None => Gamma::Scale,
        Some(Value::String(word)) if word == "scale" => Gamma::Scale,
        Some(Value::String(word)) if word == "auto" => Gamma::Auto,
        Some(value) => match value.as_f64().filter(|gamma| *gamma > 0.0) {
            Some(gamma) => Gamma::Value(gamma),
            None => return Err("`gamma` must be \"scale\", \"auto\" or a number above zero".into()),
        },
    };
    match name {
        "linear" => Ok(KernelChoice::Linear),
        "rbf" => Ok(KernelChoice::Rbf { gamma }),
        "polynomial" => {
            let degree = number("degree", 3.0)?;
            if degree.fract() != 0.0 || !(1.0..=20.0).contains(&degree) {
                return Err(format!("`degree` must be a whole number from 1 to 20, found {degree}"));
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is whole and from 1 to 20"
            )]
            Ok(KernelChoice::Polynomial { degree: degree as u32, gamma, coef0: number("coef0", 0.0)? })
        }
        other => Err(format!("there is no kernel `{other}`; there are `linear`, `rbf` and `polynomial`")),
    }
}

impl JsonSchema for KernelParam {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Kernel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let gamma = serde_json::json!({ "oneOf": [{ "enum": ["scale", "auto"] }, { "type": "number", "exclusiveMinimum": 0 }] });
        json_schema!({ "oneOf": [
            { "enum": ["linear", "rbf", "polynomial"] },
            { "type": "object", "required": ["rbf"], "additionalProperties": false, "properties": {
                "rbf": { "type": "object", "additionalProperties": false, "properties": { "gamma": gamma } },
            } },
            { "type": "object", "required": ["polynomial"], "additionalProperties": false, "properties": {
                "polynomial": { "type": "object", "additionalProperties": false, "properties": {
                    "degree": { "type": "integer", "minimum": 1, "maximum": 20 },
                    "gamma": gamma,
                    "coef0": { "type": "number" },
                } },
            } },
        ] })
    }
}

impl EstimatorSpec {
    /// Tells whether it predicts classes.
    pub(crate) fn classifies(&self) -> bool {
        !matches!(self, Self::Linear(_))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Linear(_) => "train.linear 1",
            Self::Logistic(_) => "train.logistic 1",
            Self::Svm(_) => "train.svm 1",
        }
    }

    fn fit(&self, x: &Array2<f64>, target: &Target) -> Result<Estimator, TaskError> {
        match (self, target) {
            (Self::Linear(_), Target::Numbers(y)) => fit::linear(x, y),
            (Self::Logistic(settings), Target::Classes { classes, indices }) => {
                let options =
                    LogisticOptions { c: settings.c.0, tol: settings.tol.0, max_iter: settings.max_iter };
                fit::logistic(x, indices, classes.len(), options)
            }
            (Self::Svm(settings), Target::Classes { classes, indices }) => {
                let options = SvmOptions { c: settings.c.0, tol: settings.tol.0, kernel: settings.kernel.0 };
                fit::svm(x, indices, classes.len(), options).map(Estimator::Svm)
            }
            _ => Err(TaskError::permanent("bad_target", "the target does not fit the estimator")),
        }
    }
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

/// `C` where the author gives none.
fn one() -> Positive {
    Positive(1.0)
}

fn hundred() -> u64 {
    LogisticSettings::default().max_iter
}

fn logistic_tol() -> Positive {
    LogisticSettings::default().tol
}

fn svm_tol() -> Positive {
    SvmSettings::default().tol
}

fn default_kernel() -> KernelParam {
    SvmSettings::default().kernel
}

/// Ordinary least squares.
pub struct TrainLinear;

/// Parameters of [`TrainLinear`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearParams {
    /// The column to predict.
    #[schemars(length(min = 1))]
    target: String,
    /// The columns to predict from; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Transforms in order, each a table with one key: `{ standardize = "*" }`, `{ min_max = ["a"] }`, `{ robust = "*" }`,
    /// `{ one_hot = ["colour"] }`. They are fitted on these rows and stored in the bundle.
    #[serde(default)]
    transforms: Vec<Transform>,
}

impl LinearParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainLinear {
    type Params = LinearParams;

    fn describe(&self) -> Description {
        describe("train.linear", "Fits a linear regression by least squares.", LINEAR_DOC)
            .error("not_numbers", "The target does not hold numbers.")
    }

    fn schema(&self, params: &LinearParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: LinearParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Linear(LinearSettings {});
        run(ctx, &params.common(), &spec)
    }
}

/// Logistic regression for two or more classes.
pub struct TrainLogistic;

/// Parameters of [`TrainLogistic`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogisticParams {
    /// The column to predict.
    #[schemars(length(min = 1))]
    target: String,
    /// The columns to predict from; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Transforms in order, each a table with one key: `{ standardize = "*" }`, `{ min_max = ["a"] }`, `{ robust = "*" }`,
    /// `{ one_hot = ["colour"] }`. They are fitted on these rows and stored in the bundle.
    #[serde(default)]
    transforms: Vec<Transform>,
    /// Inverse strength of the L2 penalty; scikit-learn's `C`.
    #[serde(default = "one")]
    c: Positive,
    /// Iterations at the most.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    max_iter: u64,
    /// Where the solver stops at the latest: the largest gradient of the mean loss.
    #[serde(default = "logistic_tol")]
    tol: Positive,
}

impl LogisticParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainLogistic {
    type Params = LogisticParams;

    fn describe(&self) -> Description {
        describe("train.logistic", "Fits a logistic regression for two or more classes.", LOGISTIC_DOC)
            .error("one_class", "The target has one class only.")
            .error("too_many_classes", "The target looks like a number to predict.")
            .error("not_classes", "The target holds numbers with fractions.")
    }

    fn schema(&self, params: &LogisticParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: LogisticParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Logistic(LogisticSettings {
            c: params.c,
            max_iter: params.max_iter,
            tol: params.tol,
        });
        run(ctx, &params.common(), &spec)
    }
}

/// Support vector machines, one for each pair of classes.
pub struct TrainSvm;

/// Parameters of [`TrainSvm`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SvmParams {
    /// The column to predict.
    #[schemars(length(min = 1))]
    target: String,
    /// The columns to predict from; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Transforms in order, each a table with one key: `{ standardize = "*" }`, `{ min_max = ["a"] }`, `{ robust = "*" }`,
    /// `{ one_hot = ["colour"] }`. They are fitted on these rows and stored in the bundle.
    #[serde(default)]
    transforms: Vec<Transform>,
    /// Penalty of errors; scikit-learn's `C`.
    #[serde(default = "one")]
    c: Positive,
    /// `"linear"`, `"rbf"`, `{ rbf = { gamma = … } }` or `{ polynomial = { degree = 3, gamma = …, coef0 = 0.0 } }`; `gamma` is `"scale"`
    /// (the default), `"auto"` or a number, as in scikit-learn.
    #[serde(default = "default_kernel")]
    kernel: KernelParam,
    /// Where the solver stops.
    #[serde(default = "svm_tol")]
    tol: Positive,
}

impl SvmParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainSvm {
    type Params = SvmParams;

    fn describe(&self) -> Description {
        describe("train.svm", "Fits support vector machines, one for each pair of classes.", SVM_DOC)
            .error("one_class", "The target has one class only.")
            .error("too_many_classes", "The target looks like a number to predict.")
            .error("not_classes", "The target holds numbers with fractions.")
            .error("too_many_rows", "The kernel matrix would not fit into memory.")
    }

    fn schema(&self, params: &SvmParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: SvmParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Svm(SvmSettings { c: params.c, kernel: params.kernel, tol: params.tol });
        run(ctx, &params.common(), &spec)
    }
}

const LINEAR_DOC: &str = r#"
The same model as scikit-learn's `LinearRegression`: with columns that depend on each other, the solution of least norm.

```toml
[tasks.model]
uses   = "train.linear"
inputs = { table = "split.train" }
with   = { target = "progression", transforms = [{ standardize = "*" }] }
```
"#;

const LOGISTIC_DOC: &str = r#"
The same model as scikit-learn's `LogisticRegression`: an L2 penalty of strength 1/`c`, the intercept not penalised, softmax for more
than two classes.

```toml
[tasks.model]
uses   = "train.logistic"
inputs = { table = "split.train" }
with   = { target = "class", transforms = [{ standardize = "*" }], c = 0.8 }
```
"#;

const SVM_DOC: &str = r#"
The same model as scikit-learn's `SVC`: one machine for each pair of classes, the class with most votes wins. Give it features of
like size (`standardize`). Memory grows with the square of the rows.

```toml
[tasks.model]
uses   = "train.svm"
inputs = { table = "split.train" }
with   = { target = "diagnosis", transforms = [{ standardize = "*" }], kernel = { rbf = { gamma = "scale" } }, c = 1.0 }
```
"#;
