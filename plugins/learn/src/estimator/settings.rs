//! Types that settings share.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use sluicegate_model::Label;
use sluicegate_plugin::TaskError;

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// A finite number above zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positive(pub(crate) f64);

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

/// A share above zero and up to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let good = number > 0.0 && number <= 1.0;
        good.then_some(Self(number))
            .ok_or_else(|| D::Error::custom(format!("{number} is not above zero and at most 1")))
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })
    }
}

/// How much the rows of each class count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ClassWeight {
    /// All the same.
    #[default]
    Even,
    /// So that every class counts as much as any other: `n_rows / (n_classes · rows of the class)`, as in scikit-learn.
    Balanced,
    /// By the class's name; 1 for a class that is not named.
    Named(BTreeMap<String, f64>),
}

impl ClassWeight {
    /// The weight of each class; `None` when all are the same. `shares` is each class's sum of row weights.
    pub(crate) fn resolve(&self, classes: &[Label], shares: &[f64]) -> Result<Option<Vec<f64>>, TaskError> {
        match self {
            Self::Even => Ok(None),
            Self::Balanced => {
                let total: f64 = shares.iter().sum();
                let n_classes = classes.len() as f64;
                Ok(Some(shares.iter().map(|share| total / (n_classes * share)).collect()))
            }
            Self::Named(weights) => {
                let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
                if let Some(stranger) = weights.keys().find(|name| !names.contains(name)) {
                    let message =
                        format!("`class_weight` names `{stranger}`, which is not a class of the target");
                    let near = sluicegate_plugin::nearest(stranger, names.iter().map(String::as_str));
                    let error = TaskError::permanent("bad_class_weight", message);
                    return Err(match near {
                        Some(near) => error.hint(format!("did you mean `{near}`?")),
                        None => error.hint(format!("the classes are `{}`", names.join("`, `"))),
                    });
                }
                Ok(Some(names.iter().map(|name| weights.get(name).copied().unwrap_or(1.0)).collect()))
            }
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "balanced" => Ok(Self::Balanced),
            Value::Object(map) => {
                let weight =
                    |(name, value): (String, Value)| match value.as_f64().filter(|weight| *weight > 0.0) {
                        Some(weight) => Ok((name, weight)),
                        None => Err(D::Error::custom(format!(
                            "the weight of `{name}` must be a number above zero"
                        ))),
                    };
                map.into_iter().map(weight).collect::<Result<_, _>>().map(Self::Named)
            }
            _ => Err(D::Error::custom("expected \"balanced\" or a table of weights by class")),
        }
    }
}

impl JsonSchema for ClassWeight {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeight".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "const": "balanced" },
            { "type": "object", "additionalProperties": { "type": "number", "exclusiveMinimum": 0 } },
        ] })
    }
}
