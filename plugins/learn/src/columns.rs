//! A choice of columns: `"*"` or a list of names.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// Columns by name, or all that fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Every column that fits.
    #[default]
    All,
    /// These.
    Named(Vec<String>),
}

impl Columns {
    /// The names that are written, if any are.
    pub(crate) fn named(&self) -> &[String] {
        if let Self::Named(names) = self { names } else { &[] }
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("*"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text == "*" => Ok(Self::All),
            Value::Array(items) => items
                .into_iter()
                .map(|item| {
                    item.as_str()
                        .map(str::to_owned)
                        .ok_or_else(|| D::Error::custom("expected names of columns"))
                })
                .collect::<Result<_, _>>()
                .map(Self::Named),
            _ => Err(D::Error::custom("expected \"*\" or a list of column names")),
        }
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "const": "*" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] })
    }
}
