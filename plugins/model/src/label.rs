//! Classes, with the type they have in the data.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A class. Labels of one model have one type; they sort as scikit-learn sorts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// False before true.
    Boolean(bool),
    /// By value.
    Integer(i64),
    /// By code points.
    Text(String),
}

impl Label {
    /// The label as JSON, with its own type.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Boolean(truth) => Value::from(*truth),
            Self::Integer(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(truth) => truth.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}
