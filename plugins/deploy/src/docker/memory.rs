//! An amount of memory as a parameter.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// The least that Docker accepts.
const LEAST: i64 = 6 << 20;

/// An amount of memory as authors write it: bytes, or a text such as `256MiB` or `1.5GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryParam(i64);

impl MemoryParam {
    /// Bytes.
    pub(super) fn bytes(self) -> i64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
        let factor = match unit.to_ascii_lowercase().as_str() {
            "kib" | "k" => 1024.0,
            "mib" | "m" => 1024.0 * 1024.0,
            "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            _ => return None,
        };
        let bytes = number.trim().parse::<f64>().ok()? * factor;
        #[expect(clippy::cast_possible_truncation, reason = "within the range that is checked")]
        (bytes >= LEAST as f64 && bytes <= 1e15).then_some(Self(bytes as i64))
    }
}

impl Default for MemoryParam {
    fn default() -> Self {
        Self(512 << 20)
    }
}

impl<'de> Deserialize<'de> for MemoryParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let found = match &value {
            Value::String(text) => Self::parse(text),
            other => other.as_i64().filter(|bytes| *bytes >= LEAST).map(Self),
        };
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        found.ok_or_else(|| {
            de::Error::custom(format!(
                "`{shown}` is no amount of memory of at least 6 MiB; write bytes, or a text such as `256MiB`"
            ))
        })
    }
}

impl JsonSchema for MemoryParam {
    fn schema_name() -> Cow<'static, str> {
        "Memory".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": LEAST, "default": "512MiB" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::MemoryParam;

    #[test]
    fn bytes_and_texts_with_units_are_amounts() {
        let read = |value| from_value::<MemoryParam>(value).map(MemoryParam::bytes).unwrap();
        assert_eq!(read(json!("256MiB")), 268_435_456);
        assert_eq!(read(json!("1.5 GB")), 1_500_000_000);
        assert_eq!(read(json!(8_000_000)), 8_000_000);
    }

    #[test]
    fn what_docker_would_not_take_is_refused_by_name() {
        for bad in [json!("lots"), json!("1KiB"), json!(-1), json!("12 parsecs"), json!(true)] {
            let error = from_value::<MemoryParam>(bad.clone()).unwrap_err().to_string();
            assert!(error.contains("no amount of memory"), "{bad}: {error}");
        }
    }
}
