//! Parameters of the training kinds: what all share, and an estimator's settings, in one table.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::{Map, Value};

use crate::{columns::Columns, transforms::Transform};

/// What all training kinds share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    /// The column to predict.
    #[schemars(length(min = 1))]
    pub(crate) target: String,
    /// The columns to predict from; `"*"`, the default, means all but the target, the weight and those in `exclude`.
    #[serde(default)]
    pub(crate) features: Columns,
    /// Columns that are not to predict from, while `features` is `"*"`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Transforms in order, each a table with one key: `{ standardize = "*" }`, `{ min_max = ["a"] }`,
    /// `{ one_hot = { columns = ["city"], max_categories = 20 } }`. They are fitted on these rows, each on what the
    /// earlier ones made, and stored in the bundle.
    #[serde(default)]
    pub(crate) transforms: Vec<Transform>,
    /// The column that says how much each row counts.
    #[serde(default)]
    pub(crate) weight: String,
}

impl Common {
    /// Whether a column is one to predict from while `features` is `"*"`.
    pub(crate) fn is_feature(&self, name: &str) -> bool {
        name != self.target && name != self.weight && !self.exclude.iter().any(|own| own == name)
    }
}

/// Names of the parameters in [`Common`].
const COMMON: [&str; 5] = ["target", "features", "exclude", "transforms", "weight"];

/// The shared parameters and an estimator's settings.
#[derive(Clone, Debug)]
pub struct TrainParams<S> {
    pub(super) common: Common,
    pub(super) settings: S,
}

impl<'de, S: DeserializeOwned> Deserialize<'de> for TrainParams<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (common, settings): (Map<_, _>, Map<_, _>) = Map::<String, Value>::deserialize(deserializer)?
            .into_iter()
            .partition(|(name, _)| COMMON.contains(&name.as_str()));
        let common = Common::deserialize(Value::Object(common)).map_err(D::Error::custom)?;
        let settings = S::deserialize(Value::Object(settings)).map_err(D::Error::custom)?;
        Ok(Self { common, settings })
    }
}

impl<S: JsonSchema> JsonSchema for TrainParams<S> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Train{}", S::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Common::json_schema(generator);
        let settings = S::json_schema(generator);
        let settings = settings.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(settings);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_parameters_are_those_that_are_parted_from_the_settings() {
        let schema = schemars::schema_for!(Common).to_value();
        let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let mut common = COMMON;
        common.sort_unstable();
        assert_eq!(names.len(), common.len());
        assert!(common.iter().all(|name| names.iter().any(|own| own == name)), "{names:?}");
    }
}
