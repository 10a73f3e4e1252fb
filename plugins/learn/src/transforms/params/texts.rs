//! Settings of transforms of texts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{
    UnknownCategory,
    text::{
        datetime::{DateCycle, DatePart},
        terms::Analyzer,
    },
};

/// Settings of `one_hot`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OneHotSettings {
    /// A category that training did not see: `"error"` refuses the row, `"ignore"` makes it all zeros, `"rare"` counts
    /// it among the rare ones.
    #[schemars(with = "UnknownParam")]
    pub(crate) unknown: UnknownCategory,
    /// Categories with fewer training rows than this share one column, `NAME is rare`: a count, or a share below 1.
    #[schemars(range(min = 0.0))]
    pub(crate) min_frequency: Option<f64>,
    /// Columns for a column, at the most, that of rare categories included.
    #[schemars(range(min = 1))]
    pub(crate) max_categories: Option<usize>,
}

/// The spellings of [`UnknownCategory`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum UnknownParam {
    Error,
    Ignore,
    Rare,
}

/// Settings of `ordinal`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrdinalSettings {
    /// The categories of a column in their order: `{ size = ["S", "M", "L"] }`; the others are in alphabetical order.
    pub(crate) order: BTreeMap<String, Vec<String>>,
    /// A category that training did not see: `"error"` refuses the row, `"missing"` makes it a missing value.
    pub(crate) unknown: UnknownOrdinal,
}

/// What an unknown category becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownOrdinal {
    /// Refuses the row.
    #[default]
    Error,
    /// A missing value.
    Missing,
}

/// Settings of `target_encode`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TargetEncodeSettings {
    /// How far a category's mean is drawn to the mean of all: `"auto"` (by the variances within and between), or the
    /// number of rows that the mean of all counts for.
    pub(crate) smoothing: Smoothing,
    /// Training rows get the means of the other folds' rows, so that no row sees its own target.
    #[schemars(range(min = 2, max = 100))]
    pub(crate) folds: usize,
    /// Decides which rows make a fold.
    pub(crate) seed: u64,
}

impl Default for TargetEncodeSettings {
    fn default() -> Self {
        Self { smoothing: Smoothing::default(), folds: 5, seed: 0 }
    }
}

/// How far a mean of few rows is drawn to the mean of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Smoothing {
    /// By the variances within and between categories.
    #[default]
    #[serde(with = "auto")]
    #[schemars(with = "Auto")]
    Auto,
    /// By as many rows.
    Rows(f64),
}

/// The word `"auto"`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Auto {
    Auto,
}

mod auto {
    use serde::{Deserialize, Deserializer};

    use super::Auto;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        Auto::deserialize(deserializer).map(|Auto::Auto| ())
    }
}

/// Settings of `count_encode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CountEncodeSettings {
    /// The share of the training rows in place of their number.
    pub(crate) share: bool,
}

/// Settings of `text`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TextSettings {
    /// What a term is: `"word"`, `"char"` (runs of characters) or `"char_wb"` (such runs within words).
    #[schemars(with = "AnalyzerParam")]
    pub(crate) analyzer: Analyzer,
    /// The least and the greatest number of words or characters of a term.
    pub(crate) ngrams: (usize, usize),
    /// Leaves out terms that fewer texts have: a count, or a share below 1.
    #[schemars(range(min = 0.0))]
    pub(crate) min_df: f64,
    /// Leaves out terms that more texts have: a share, or a count above 1.
    #[schemars(range(min = 0.0))]
    pub(crate) max_df: f64,
    /// Terms, at the most: the most frequent ones.
    #[schemars(range(min = 1, max = 20_000))]
    pub(crate) max_features: usize,
    /// Takes one plus the logarithm of a count in place of the count.
    pub(crate) sublinear_tf: bool,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            analyzer: Analyzer::Word,
            ngrams: (1, 1),
            min_df: 1.0,
            max_df: 1.0,
            max_features: 1000,
            sublinear_tf: false,
        }
    }
}

/// The spellings of [`Analyzer`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum AnalyzerParam {
    Word,
    Char,
    CharWb,
}

/// Settings of `hash`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HashSettings {
    /// Columns that the text column becomes.
    #[schemars(range(min = 1, max = 20_000))]
    pub(crate) n: u32,
    /// What is hashed: the words of a text, or its runs of characters; without it, the whole text as a category.
    #[schemars(with = "Option<AnalyzerParam>")]
    pub(crate) analyzer: Option<Analyzer>,
    /// The least and the greatest number of words or characters of a term.
    pub(crate) ngrams: (usize, usize),
}

impl Default for HashSettings {
    fn default() -> Self {
        Self { n: 32, analyzer: None, ngrams: (1, 1) }
    }
}

/// Settings of `datetime`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatetimeSettings {
    /// How dates are written, such as `"%d.%m.%Y %H:%M"`; without it as ISO 8601 has it, `2026-11-29T14:05:00+01:00`.
    pub(crate) format: Option<String>,
    /// The parts that become columns: `year`, `quarter`, `month`, `day`, `week`, `weekday` (Monday is 0), `day_of_year`,
    /// `hour`, `minute`, `second`, `is_weekend`, `is_month_start`, `is_month_end`, `epoch` (seconds since 1970, UTC).
    #[schemars(with = "Vec<String>")]
    pub(crate) parts: Vec<DatePart>,
    /// The parts that become a sine and a cosine, so that their end lies beside their beginning: `month`, `weekday`,
    /// `day_of_year`, `hour`, `minute`.
    #[schemars(with = "Vec<String>")]
    pub(crate) cyclic: Vec<DateCycle>,
}

impl Default for DatetimeSettings {
    fn default() -> Self {
        use DatePart::{Day, Hour, Month, Weekday, Year};
        Self { format: None, parts: vec![Year, Month, Day, Weekday, Hour], cyclic: Vec::new() }
    }
}
