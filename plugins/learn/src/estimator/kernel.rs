//! Kernels of support vector machines, as authors write them and as the bundle has them.

use ndarray::Array2;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::fit::svm::Kernel;

/// A kernel whose `gamma` may depend on the data.
#[derive(Clone, Copy, Debug, PartialEq)]
enum KernelChoice {
    Linear,
    Rbf { gamma: Gamma },
    Polynomial { degree: u32, gamma: Gamma, coef0: f64 },
    Sigmoid { gamma: Gamma, coef0: f64 },
}

/// scikit-learn's `gamma`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gamma {
    /// 1 / (number of features · variance of the whole matrix)
    Scale,
    /// 1 / number of features
    Auto,
    /// As given.
    Value(f64),
}

impl Gamma {
    fn resolve(self, x: &Array2<f64>) -> f64 {
        let n_features = x.ncols() as f64;
        match self {
            Self::Value(gamma) => gamma,
            Self::Auto => 1.0 / n_features,
            Self::Scale => {
                let mean = x.mean().unwrap_or_default();
                let variance =
                    x.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / x.len() as f64;
                if variance == 0.0 { 1.0 } else { 1.0 / (n_features * variance) }
            }
        }
    }
}

/// A kernel as authors write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelParam(KernelChoice);

impl Default for KernelParam {
    fn default() -> Self {
        Self(KernelChoice::Rbf { gamma: Gamma::Scale })
    }
}

impl KernelParam {
    /// The kernel for the rows of a matrix.
    pub(super) fn resolve(&self, x: &Array2<f64>) -> Kernel {
        match self.0 {
            KernelChoice::Linear => Kernel::Linear,
            KernelChoice::Rbf { gamma } => Kernel::Rbf { gamma: gamma.resolve(x) },
            KernelChoice::Polynomial { degree, gamma, coef0 } => {
                Kernel::Polynomial { gamma: gamma.resolve(x), coef0, degree }
            }
            KernelChoice::Sigmoid { gamma, coef0 } => Kernel::Sigmoid { gamma: gamma.resolve(x), coef0 },
        }
    }
}

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
        "sigmoid" => Ok(KernelChoice::Sigmoid { gamma, coef0: number("coef0", 0.0)? }),
        other => Err(format!(
            "there is no kernel `{other}`; there are `linear`, `rbf`, `polynomial` and `sigmoid`"
        )),
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
            { "enum": ["linear", "rbf", "polynomial", "sigmoid"] },
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
            { "type": "object", "required": ["sigmoid"], "additionalProperties": false, "properties": {
                "sigmoid": { "type": "object", "additionalProperties": false, "properties": {
                    "gamma": gamma,
                    "coef0": { "type": "number" },
                } },
            } },
        ] })
    }
}

/// The kernel as the bundle has it.
pub(super) fn to_model_kernel(kernel: Kernel) -> sluicegate_model::Kernel {
    match kernel {
        Kernel::Linear => sluicegate_model::Kernel::Linear,
        Kernel::Rbf { gamma } => sluicegate_model::Kernel::Rbf { gamma },
        Kernel::Polynomial { gamma, coef0, degree } => {
            sluicegate_model::Kernel::Polynomial { gamma, coef0, degree: f64::from(degree) }
        }
        Kernel::Sigmoid { gamma, coef0 } => sluicegate_model::Kernel::Sigmoid { gamma, coef0 },
    }
}
