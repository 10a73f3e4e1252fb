//! Parameters that name columns, and what is said when a table lacks one.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use arrow_schema::DataType;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use sluicegate_plugin::{ColumnType, Problem, TaskError};

/// Which columns a rule is about: `true` or `"*"` for all that it can apply to, `false` for none, or a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Columns {
    /// The rule is off.
    #[default]
    None,
    /// All columns to which the rule can apply.
    All,
    /// These columns.
    Named(Vec<String>),
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnsVisitor;

        impl<'de> Visitor<'de> for ColumnsVisitor {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, \"*\" or a list of column names")
            }

            fn visit_bool<E: Error>(self, all: bool) -> Result<Columns, E> {
                Ok(if all { Columns::All } else { Columns::None })
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Columns, E> {
                match word {
                    "*" => Ok(Columns::All),
                    name => Err(E::custom(format!(
                        "expected true, \"*\" or a list of column names; for one column write [\"{name}\"]"
                    ))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Columns, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(names)).map(Columns::Named)
            }
        }

        deserializer.deserialize_any(ColumnsVisitor)
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`true` or `\"*\"` for all columns that the rule can apply to, or a list of names",
            "anyOf": [
                { "type": "boolean" },
                { "type": "string", "enum": ["*"] },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

/// The type of a column's values, as an author states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValueType {
    /// 64-bit floating point.
    Number,
    /// 64-bit signed integer.
    Integer,
    /// UTF-8 text.
    Text,
    /// True or false.
    Boolean,
}

impl ValueType {
    /// The type in messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Text => "text",
            Self::Boolean => "a boolean",
        }
    }

    /// The Arrow type of such a column.
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Number => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
        }
    }

    /// The type of such a column as kinds see it.
    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Number => ColumnType::Number,
            Self::Integer => ColumnType::Integer,
            Self::Text => ColumnType::Text,
            Self::Boolean => ColumnType::Boolean,
        }
    }
}

/// The word for a column's type in messages.
pub(crate) fn type_word(column_type: &ColumnType) -> &str {
    match column_type {
        ColumnType::Number => "number",
        ColumnType::Integer => "integer",
        ColumnType::Text => "text",
        ColumnType::Boolean => "boolean",
        ColumnType::Other(name) => name,
    }
}

/// A name as one step of a JSON pointer.
pub(crate) fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The names that stand more than once in a list, as problems at their second place.
pub(crate) fn repeated(pointer: &str, names: &[String]) -> Vec<Problem> {
    names
        .iter()
        .enumerate()
        .filter(|(idx, name)| names[..*idx].contains(name))
        .map(|(idx, name)| {
            Problem::new(format!("{pointer}/{idx}"), format!("column `{name}` is named twice"))
        })
        .collect()
}

/// Turns problems that only showed when the table was there into the failure of the attempt.
pub(crate) fn fail_on(problems: Vec<Problem>, code: &str) -> Result<(), TaskError> {
    let hints: Vec<_> = problems.iter().filter_map(|problem| problem.hint.clone()).collect();
    let messages: Vec<_> = problems
        .into_iter()
        .map(|problem| format!("with{}: {}", problem.pointer.replace('/', "."), problem.message))
        .collect();
    if messages.is_empty() {
        return Ok(());
    }
    Err(TaskError { hints, ..TaskError::permanent(code, messages.join("; ")) })
}

/// Names in backticks, separated by commas; a long list is cut.
pub(crate) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let names: Vec<_> = names.into_iter().collect();
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        // Writing to a `String` cannot fail.
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}
