//! Support vector machines.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::{Fit, Fitting, Learner, Task, settings::Positive};
use crate::{
    fit::{self, Gamma, KernelChoice, SvmOptions},
    training_set::TrainingSet,
};

/// Settings of support vector machines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvmSettings {
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

impl Learner for SvmSettings {
    fn kind(&self) -> &'static str {
        "train.svm 1"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Classification)
    }

    fn fit(&self, data: &TrainingSet, _: &Fitting<'_>) -> Result<Fit, TaskError> {
        let options = SvmOptions { c: self.c.0, tol: self.tol.0, kernel: self.kernel.0 };
        let (classes, indices) = data.classes();
        let svm = fit::svm(&data.matrix()?, indices, classes.len(), options)?;
        let n_support = svm.n_support();
        Ok(Fit {
            metrics: vec![("n_support", n_support as f64)],
            note: format!("{n_support} support vectors"),
            ..Fit::of(Estimator::Svm(svm))
        })
    }
}

/// A kernel as authors write it.
#[derive(Clone, Copy, Debug)]
struct KernelParam(KernelChoice);

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
