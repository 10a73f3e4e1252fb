//! A duration as a parameter: seconds, or a text with a unit.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest duration that a parameter may name: a year of 366 days.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// A duration as authors write it: a number of seconds, or a text such as `500ms`, `1.5s`, `10m`, `2h`, `1d`.
/// It is above zero and at most 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationParam(Duration);

impl DurationParam {
    /// A duration of whole milliseconds, for defaults.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Reads a text such as `1.5s`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        Self::from_seconds(number.trim().parse::<f64>().ok()? * factor)
    }

    /// A duration of seconds; `None` unless it is above zero and at most 366 days.
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let duration = Duration::try_from_secs_f64(seconds).ok()?;
        (!duration.is_zero() && duration <= LONGEST).then_some(Self(duration))
    }
}

/// As people write it: `250 ms`, `30 s`, `1.5 s`.
impl fmt::Display for DurationParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_secs_f64() * 1000.0)
        } else {
            write!(f, "{} s", self.0.as_secs_f64())
        }
    }
}

impl Serialize for DurationParam {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for DurationParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl Visitor {
    fn found<E: de::Error>(duration: Option<DurationParam>, shown: &str) -> Result<DurationParam, E> {
        duration.ok_or_else(|| {
            let wanted =
                "is no duration above zero; write seconds, or a text such as `500ms`, `30s`, `10m`, `2h`";
            E::custom(format!("`{shown}` {wanted}"))
        })
    }
}

impl de::Visitor<'_> for Visitor {
    type Value = DurationParam;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration: seconds, or a text such as `30s`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Self::found(DurationParam::parse(text), text)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Self::Value, E> {
        Self::found(DurationParam::from_seconds(seconds), &seconds.to_string())
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Self::Value, E> {
        self.visit_f64(seconds as f64)
    }
}

impl JsonSchema for DurationParam {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "minLength": 2,
            "description": "Seconds, or a text such as `500ms`, `30s`, `10m`, `2h`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn seconds_and_texts_with_units_are_durations() {
        let read = |value| from_value::<DurationParam>(value).unwrap().get();
        assert_eq!(read(json!("500ms")), Duration::from_millis(500));
        assert_eq!(read(json!("1.5 s")), Duration::from_millis(1500));
        assert_eq!(read(json!("2h")), Duration::from_hours(2));
        assert_eq!(read(json!(30)), Duration::from_secs(30));
        assert_eq!(DurationParam::from_millis(1500).to_string(), "1.5 s");
    }

    #[test]
    fn what_is_no_duration_above_zero_is_refused_by_name() {
        for bad in [json!("0s"), json!(-1), json!("5 parsecs"), json!("1e300h"), json!("NaNs"), json!("")] {
            let error = from_value::<DurationParam>(bad.clone()).unwrap_err().to_string();
            assert!(error.contains("no duration above zero"), "{bad}: {error}");
        }
    }
}
