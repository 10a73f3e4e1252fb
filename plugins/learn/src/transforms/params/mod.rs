//! How transforms are written: columns alone, or columns with settings.

mod numbers;
mod several;
mod texts;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::{Map, Value};

pub(crate) use numbers::*;
pub(crate) use several::*;
pub(crate) use texts::*;

use crate::columns::Columns;

/// The columns of a transform with its settings: `"*"`, a list of names, or a table with `columns` and the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Of<S> {
    pub(crate) columns: Columns,
    pub(crate) settings: S,
    /// Whether it was written as a table.
    pub(crate) is_table: bool,
}

impl<'de, S: DeserializeOwned + Default> Deserialize<'de> for Of<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let Value::Object(mut settings) = value else {
            let columns = Columns::deserialize(value).map_err(D::Error::custom)?;
            return Ok(Self { columns, settings: S::default(), is_table: false });
        };
        let columns = match settings.remove("columns") {
            Some(columns) => Columns::deserialize(columns).map_err(D::Error::custom)?,
            None => Columns::All,
        };
        let settings = S::deserialize(Value::Object(settings)).map_err(D::Error::custom)?;
        Ok(Self { columns, settings, is_table: true })
    }
}

impl<S: JsonSchema> JsonSchema for Of<S> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Of{}", S::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let columns = generator.subschema_for::<Columns>().to_value();
        let mut table = S::json_schema(generator).to_value();
        let fields = table.as_object_mut().and_then(|table| {
            table.insert("additionalProperties".into(), Value::Bool(false));
            table.entry("properties").or_insert(Value::Object(Map::new())).as_object_mut()
        });
        if let Some(fields) = fields {
            fields.insert("columns".into(), columns.clone());
        }
        json_schema!({ "anyOf": [columns, table] })
    }
}

/// No settings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}
