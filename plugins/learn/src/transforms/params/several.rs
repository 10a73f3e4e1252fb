//! Settings of transforms that make columns out of several, or leave some out.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::PairOperation;

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
