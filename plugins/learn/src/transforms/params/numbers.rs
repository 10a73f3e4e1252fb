//! Settings of transforms of numbers.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::numeric::{bins::Strategy, power::Method, quantile::OutputDistribution};

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
