//! An estimator with its settings, as the training kinds and `cross_validate` share it.

use ndarray::Array2;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::Target;
use crate::fit::{self, Gamma, KernelChoice, LogisticOptions, SvmOptions};

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
    pub(super) c: Positive,
    /// Iterations at the most.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) max_iter: u64,
    /// Where the solver stops: the largest gradient of the mean loss.
    pub(super) tol: Positive,
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
    pub(super) c: Positive,
    /// `"linear"`, `"rbf"`, `{ rbf = { gamma = … } }` or `{ polynomial = { degree = 3, gamma = …, coef0 = 0.0 } }`; `gamma` is `"scale"`
    /// (the default), `"auto"` or a number, as in scikit-learn.
    pub(super) kernel: KernelParam,
    /// Where the solver stops.
    pub(super) tol: Positive,
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
pub(crate) struct Positive(pub(super) f64);

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

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Linear(_) => "train.linear 1",
            Self::Logistic(_) => "train.logistic 1",
            Self::Svm(_) => "train.svm 1",
        }
    }

    pub(super) fn fit(&self, x: &Array2<f64>, target: &Target) -> Result<Estimator, TaskError> {
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
