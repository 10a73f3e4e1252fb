//! How transforms are written: columns alone, or columns with settings.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::{Map, Value};
use sluicegate_model::{
    PairOperation, UnknownCategory,
    numeric::{bins::Strategy, power::Method, quantile::OutputDistribution},
    text::{
        datetime::{DateCycle, DatePart},
        terms::Analyzer,
    },
};

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

/// Settings of `impute`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImputeSettings {
    /// What takes the place of missing values: `"mean"` (the default), `"median"`, `"mode"` (the most frequent value, the
    /// smallest of several) or `{ constant = 0 }`.
    pub(crate) by: FillBy,
    /// Adds a column of zeros and ones, `NAME is missing`, for each column that has missing values.
    pub(crate) indicator: bool,
}

/// What takes the place of missing values.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FillBy {
    /// The mean, of numbers.
    #[default]
    Mean,
    /// The median, of numbers.
    Median,
    /// The most frequent value.
    Mode,
    /// A given value.
    Constant(Constant),
}

/// A value for missing ones.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Constant {
    /// In columns of numbers.
    Number(f64),
    /// In columns of text.
    Text(String),
}

/// Settings of `clip`: bounds as values, or as shares of the training rows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClipSettings {
    /// The least value.
    pub(crate) min: Option<f64>,
    /// The greatest value.
    pub(crate) max: Option<f64>,
    /// The quantile that is the least value: `0.01`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) lower: Option<f64>,
    /// The quantile that is the greatest value: `0.99`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) upper: Option<f64>,
}

/// Settings of `power`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PowerSettings {
    /// `"yeo_johnson"` for any numbers, `"box_cox"` for numbers above zero.
    #[schemars(with = "PowerParam")]
    pub(crate) method: Method,
}

impl Default for PowerSettings {
    fn default() -> Self {
        Self { method: Method::YeoJohnson }
    }
}

/// The spellings of [`Method`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum PowerParam {
    YeoJohnson,
    BoxCox,
}

/// Settings of `quantile`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuantileSettings {
    /// `"uniform"` gives shares from 0 to 1, `"normal"` their normal quantiles.
    #[schemars(with = "DistributionParam")]
    pub(crate) output: OutputDistribution,
    /// Quantiles that are kept, at the most.
    #[schemars(range(min = 2, max = 100_000))]
    pub(crate) n_quantiles: usize,
}

impl Default for QuantileSettings {
    fn default() -> Self {
        Self { output: OutputDistribution::Uniform, n_quantiles: 1000 }
    }
}

/// The spellings of [`OutputDistribution`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum DistributionParam {
    Uniform,
    Normal,
}

/// Settings of `bin`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BinSettings {
    /// Bins of a column, at the most.
    #[schemars(range(min = 2, max = 10_000))]
    pub(crate) n_bins: usize,
    /// Bins of equal numbers of rows (`"quantile"`), of equal width (`"uniform"`), or around clusters (`"kmeans"`).
    #[schemars(with = "StrategyParam")]
    pub(crate) by: Strategy,
    /// Makes a column of zeros and ones for each bin, `NAME in bin 0`, in place of the bin's number.
    pub(crate) one_hot: bool,
}

impl Default for BinSettings {
    fn default() -> Self {
        Self { n_bins: 5, by: Strategy::Quantile, one_hot: false }
    }
}

/// The spellings of [`Strategy`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum StrategyParam {
    Uniform,
    Quantile,
    Kmeans,
}

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

/// Settings of `polynomial`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolynomialSettings {
    /// Factors of a product, at the most.
    #[schemars(range(min = 2, max = 6))]
    pub(crate) degree: usize,
    /// Leaves out products in which a column stands twice.
    pub(crate) interactions_only: bool,
}

impl Default for PolynomialSettings {
    fn default() -> Self {
        Self { degree: 2, interactions_only: false }
    }
}

/// Settings of `pairs`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PairsSettings {
    /// What each pair makes; all four by default. A ratio is missing where the second column is zero.
    #[schemars(with = "Vec<PairParam>", length(min = 1))]
    pub(crate) make: Vec<PairOperation>,
}

impl Default for PairsSettings {
    fn default() -> Self {
        use PairOperation::{Difference, Product, Ratio, Sum};
        Self { make: vec![Sum, Difference, Product, Ratio] }
    }
}

/// The spellings of [`PairOperation`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is a schema only")]
enum PairParam {
    Sum,
    Difference,
    Product,
    Ratio,
}

/// Settings of `pca`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PcaSettings {
    /// The number of components, or below 1 the share of the variance that they are to explain.
    #[schemars(range(min = 0.0))]
    pub(crate) n: f64,
    /// Scales each component to variance 1.
    pub(crate) whiten: bool,
}

impl Default for PcaSettings {
    fn default() -> Self {
        Self { n: 0.95, whiten: false }
    }
}

/// Settings of `svd`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SvdSettings {
    /// The number of components.
    #[schemars(range(min = 1))]
    pub(crate) n: usize,
}

impl Default for SvdSettings {
    fn default() -> Self {
        Self { n: 2 }
    }
}

/// Settings of `variance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VarianceSettings {
    /// Columns with at most this (population) variance go.
    #[schemars(range(min = 0.0))]
    pub(crate) threshold: f64,
}

/// Settings of `correlated`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CorrelatedSettings {
    /// A column whose correlation with an earlier one is greater than this, up or down, goes.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) max: f64,
}

impl Default for CorrelatedSettings {
    fn default() -> Self {
        Self { max: 0.95 }
    }
}

/// Settings of `k_best`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KBestSettings {
    /// Columns that stay.
    #[schemars(range(min = 1))]
    pub(crate) k: usize,
    /// What they are judged by: `"f"` (of the analysis of variance for classes, of the regression for numbers), `"chi2"`
    /// (counts and classes), or `"mutual_info"`.
    pub(crate) by: ScoreBy,
    /// Decides the noise that parts equal values for `mutual_info`.
    pub(crate) seed: u64,
}

impl Default for KBestSettings {
    fn default() -> Self {
        Self { k: 10, by: ScoreBy::F, seed: 0 }
    }
}

/// What columns are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScoreBy {
    /// The F statistic.
    F,
    /// The chi-squared statistic.
    Chi2,
    /// The mutual information with the target.
    MutualInfo,
}

/// Settings of `group`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GroupSettings {
    /// The text column whose categories are the groups.
    pub(crate) by: String,
    /// The statistics; the mean by default.
    #[schemars(length(min = 1))]
    pub(crate) statistics: Option<Vec<Statistic>>,
}

/// A statistic of a group's known values.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Statistic {
    /// The mean.
    Mean,
    /// The median.
    Median,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The sum.
    Sum,
    /// The standard deviation (of the sample); zero for one value.
    Std,
    /// The number of known values.
    Count,
}

impl Statistic {
    /// Its name, as it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Std => "std",
            Self::Count => "count",
        }
    }

    /// The name of the column that it makes: `mean of income by city`.
    pub(crate) fn column(self, of: &str, by: &str) -> String {
        format!("{} of {of} by {by}", self.name())
    }
}
