//! The parameters of `data.clean`.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Visitor},
};
use sluicegate_plugin::Problem;

use crate::columns::{Columns, pointer_step, repeated};

/// What `data.clean` is asked for. Every rule is off unless it is stated.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Text columns whose values lose white space at both ends; a value without anything else becomes missing.
    #[serde(default)]
    pub(crate) trim: Columns,
    /// Spellings that become missing values in all text columns, such as `"?"`.
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    /// What takes the place of missing values, by column: `"mean"`, `"median"`, `"mode"` (the most frequent value, the
    /// smallest of several) or `{ constant = 0 }`. The name `"*"` stands for all columns that are not named: with
    /// `mean` and `median` all columns of numbers, with a constant all columns of its type.
    #[serde(default)]
    pub(crate) fill_missing: BTreeMap<String, Fill>,
    /// Columns in which a missing value removes the row; `true` for all columns.
    #[serde(default)]
    pub(crate) drop_missing: Columns,
    /// Bounds that values of a number column must keep, by column. A missing value keeps them.
    #[serde(default)]
    pub(crate) ranges: BTreeMap<String, Range>,
    /// Rules against values far from the others, applied one after another.
    #[serde(default)]
    pub(crate) outliers: Vec<Outliers>,
    /// Columns that together tell rows apart: of rows that are equal in all of them the first is kept; `true` for all.
    #[serde(default)]
    pub(crate) drop_duplicates: Columns,
    /// The largest share of the rows that may be removed; more is an error, and so is removing all rows.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) max_removed_fraction: f64,
}

fn half() -> f64 {
    0.5
}

/// What takes the place of missing values.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fill {
    /// The arithmetic mean of the column's values.
    Mean,
    /// The middle value, or the mean of the two middle values.
    Median,
    /// The most frequent value; of several the smallest.
    Mode,
    /// This value.
    Constant(Scalar),
}

/// A number, a text or a boolean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Integer(i64),
    Number(f64),
    Text(String),
    Boolean(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text or a boolean")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Integer(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                i64::try_from(value).map(Scalar::Integer).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                if value.is_finite() {
                    Ok(Scalar::Number(value))
                } else {
                    Err(E::custom("not a finite number"))
                }
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.into()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(value))
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "a number, a text or a boolean", "type": ["number", "string", "boolean"] })
    }
}

/// The bounds of a column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    /// The smallest value allowed.
    pub(crate) min: Option<f64>,
    /// The largest value allowed.
    pub(crate) max: Option<f64>,
    /// What happens to a value outside: `drop` removes the row, `clip` moves the value to the bound, `fail` fails.
    #[serde(default)]
    pub(crate) action: RangeAction,
}

/// What happens to a value outside its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RangeAction {
    /// The row is removed.
    #[default]
    Drop,
    /// The value becomes the bound.
    Clip,
    /// The task fails.
    Fail,
}

/// A rule against values far from the others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outliers {
    /// The number columns: `"*"` for all, or a list of names.
    pub(crate) columns: Columns,
    /// How the bounds are found: `iqr` from the quartiles, `z_score` from mean and standard deviation.
    #[serde(default)]
    pub(crate) method: Method,
    /// How far the bounds lie: in interquartile ranges below the first and above the third quartile (default 1.5), or
    /// in population standard deviations around the mean (default 3).
    #[schemars(range(min = 0.0))]
    pub(crate) threshold: Option<f64>,
    /// What happens to a value outside the bounds: `drop` removes the row, `clip` moves the value to the bound.
    #[serde(default)]
    pub(crate) action: OutlierAction,
}

impl Outliers {
    /// The stated threshold, or the method's usual one.
    pub(crate) fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(match self.method {
            Method::Iqr => 1.5,
            Method::ZScore => 3.0,
        })
    }
}

/// How the bounds of outliers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// From the quartiles (Tukey's fences).
    #[default]
    Iqr,
    /// From mean and population standard deviation.
    ZScore,
}

/// What happens to an outlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutlierAction {
    /// The row is removed.
    #[default]
    Drop,
    /// The value becomes the bound.
    Clip,
}

impl Params {
    /// Finds what the schema cannot express.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (place, columns) in [
            ("trim", &self.trim),
            ("drop_missing", &self.drop_missing),
            ("drop_duplicates", &self.drop_duplicates),
        ] {
            problems.extend(list_problems(&format!("/{place}"), columns));
        }
        for (name, range) in &self.ranges {
            let pointer = format!("/ranges/{}", pointer_step(name));
            match (range.min, range.max) {
                (None, None) => problems.push(Problem::new(pointer, "neither `min` nor `max` is given")),
                (Some(min), Some(max)) if min > max => {
                    problems.push(Problem::new(pointer, format!("`min` {min} is above `max` {max}")));
                }
                _ => {}
            }
        }
        for (idx, rule) in self.outliers.iter().enumerate() {
            let pointer = format!("/outliers/{idx}");
            problems.extend(list_problems(&format!("{pointer}/columns"), &rule.columns));
            if rule.columns == Columns::None {
                problems.push(Problem::new(format!("{pointer}/columns"), "the rule has no columns"));
            }
            if rule.threshold.is_some_and(|threshold| !threshold.is_finite() || threshold < 0.0) {
                problems.push(Problem::new(format!("{pointer}/threshold"), "a threshold is zero or more"));
            }
        }
        if !(0.0..=1.0).contains(&self.max_removed_fraction) {
            problems.push(Problem::new("/max_removed_fraction", "a fraction lies between 0 and 1"));
        }
        problems
    }
}

fn list_problems(pointer: &str, columns: &Columns) -> Vec<Problem> {
    match columns {
        Columns::Named(names) if names.is_empty() => vec![Problem::new(pointer, "the list is empty")],
        Columns::Named(names) => repeated(pointer, names),
        _ => Vec::new(),
    }
}
