//! What an observed value is held against.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};
use sluicegate_plugin::Problem;

use crate::prometheus::Series;

/// One value of the page, and what it must be. Give at least one of `min`, `max` and `equals`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// Where the value is: a JSON pointer such as `/status`, or a Prometheus series such as `errors_total{path="/a"}`. A series
    /// with fewer labels than the page has stands for all that fit, and each of them must hold.
    pub(crate) value: String,
    /// The least value that is well.
    #[serde(default)]
    pub(crate) min: Option<f64>,
    /// The greatest value that is well.
    #[serde(default)]
    pub(crate) max: Option<f64>,
    /// The one value that is well: a number, a text, true or false.
    #[serde(default)]
    pub(crate) equals: Option<Scalar>,
}

/// A number, a text, true or false.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Scalar(pub(crate) Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(Self(value)),
            _ => Err(serde::de::Error::custom("`equals` must be a number, a text, true or false")),
        }
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string", "boolean"] })
    }
}

/// Where an expectation looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// In a JSON document.
    Pointer(String),
    /// In a page of Prometheus metrics.
    Series(Series),
}

impl Expectation {
    /// Reads where it looks.
    pub(crate) fn place(&self) -> Result<Place, String> {
        if self.value.is_empty() || self.value.starts_with('/') {
            return Ok(Place::Pointer(self.value.clone()));
        }
        Series::parse(&self.value).map(Place::Series)
    }

    /// What the schema cannot say: at least one bound, in the right order, on a place that can be read.
    pub(crate) fn check(&self, pointer: &str, found: &mut Vec<Problem>) {
        if let Err(error) = self.place() {
            let message =
                format!("`{}` is neither a JSON pointer nor a Prometheus series: {error}", self.value);
            let hint = "write `/path/to/value`, or `name{label=\"value\"}`";
            found.push(Problem::new(format!("{pointer}/value"), message).hint(hint));
        }
        if self.min.is_none() && self.max.is_none() && self.equals.is_none() {
            let message = format!("nothing is asked of `{}`", self.value);
            found.push(Problem::new(pointer, message).hint("give `min`, `max` or `equals`"));
        }
        for (name, bound) in [("min", self.min), ("max", self.max)] {
            if bound.is_some_and(f64::is_nan) {
                found.push(Problem::new(format!("{pointer}/{name}"), format!("`{name}` is not a number")));
            }
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            let message = format!("no value is at least {min} and at most {max}");
            found.push(Problem::new(format!("{pointer}/min"), message).hint("exchange `min` and `max`"));
        }
    }

    /// Tells whether a value is what was expected. NaN never is.
    pub(crate) fn holds(&self, value: &Value, number: Option<f64>) -> bool {
        let bounded = self.min.is_none_or(|min| number.is_some_and(|number| number >= min))
            && self.max.is_none_or(|max| number.is_some_and(|number| number <= max));
        bounded && self.equals.as_ref().is_none_or(|wanted| equal(&wanted.0, value, number))
    }
}

fn equal(wanted: &Value, value: &Value, number: Option<f64>) -> bool {
    match wanted.as_f64() {
        Some(wanted) => number == Some(wanted),
        None => wanted == value,
    }
}

/// What is asked, such as `≥ 1 and ≤ 2`.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut asked = Vec::new();
        asked.extend(self.min.map(|min| format!("≥ {min}")));
        asked.extend(self.max.map(|max| format!("≤ {max}")));
        asked.extend(self.equals.as_ref().map(|wanted| format!("= {}", wanted.0)));
        f.write_str(&asked.join(" and "))
    }
}

/// A sample's value as JSON; JSON has no NaN and no infinity, so these become texts.
pub(crate) fn number_to_json(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}
