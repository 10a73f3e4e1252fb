//! What a fit is given: settings, rows and targets, and how it can fail.

use ndarray::ArrayView2;

/// Why a fit ended without a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FitError {
    /// The caller asked to stop.
    Stopped,
    /// A number that must be finite is not; the text says which.
    NotFinite(String),
    /// No row has a positive weight.
    NoRows,
    /// The criterion does not fit the target.
    WrongCriterion,
}

/// What a split is to reduce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criterion {
    /// The Gini index of the class shares.
    Gini,
    /// The entropy of the class shares, in bits.
    Entropy,
    /// The mean squared distance from the mean.
    SquaredError,
    /// The mean absolute distance from the median.
    AbsoluteError,
}

/// How many columns are tried at a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MaxFeatures {
    /// Every column.
    All,
    /// The square root of their number, rounded down.
    Sqrt,
    /// The logarithm to base 2 of their number, rounded down.
    Log2,
    /// A share of them, rounded down.
    Share(f64),
    /// So many.
    Count(usize),
}

impl MaxFeatures {
    /// The number of columns to try out of `n_features`, at least one.
    pub(crate) fn count(self, n_features: usize) -> usize {
        let n = n_features as f64;
        let count = match self {
            Self::All => n_features,
            Self::Sqrt => n_features.isqrt(),
            Self::Log2 => n_features.max(1).ilog2() as usize,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is 0 to 1")]
            Self::Share(share) => (share * n) as usize,
            Self::Count(count) => count,
        };
        count.clamp(1, n_features.max(1))
    }
}

/// Where a column is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thresholds {
    /// At the best of all positions.
    Best,
    /// At one position, drawn uniformly between the least and the greatest value in the node (extra trees).
    Random,
}

/// Which column is taken when several offer equally good splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ties {
    /// The lowest one, so that a single tree does not depend on a seed.
    LowestColumn,
    /// The one drawn first. The small nodes of a forest are full of ties; were they decided by position, the
    /// first columns would be preferred in all trees.
    FirstDrawn,
}

/// How a tree is grown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TreeSettings {
    /// What a split is to reduce.
    pub(crate) criterion: Criterion,
    /// The most splits between the root and a leaf.
    pub(crate) max_depth: Option<usize>,
    /// A node with fewer rows is a leaf.
    pub(crate) min_samples_split: usize,
    /// No leaf has fewer rows.
    pub(crate) min_samples_leaf: usize,
    /// A split reduces the impurity, weighted by its share of all weight, by at least this.
    pub(crate) min_impurity_decrease: f64,
    /// The most leaves; the tree then grows where the impurity falls most.
    pub(crate) max_leaf_nodes: Option<usize>,
    /// Each leaf must reduce the weighted impurity by this, or its subtree is cut (minimal cost-complexity pruning).
    pub(crate) ccp_alpha: f64,
    /// How many columns are tried at a split.
    pub(crate) max_features: MaxFeatures,
    /// Where a column is split.
    pub(crate) thresholds: Thresholds,
    /// Which column is taken when several offer equally good splits.
    pub(crate) ties: Ties,
    /// The start of the generator that draws columns and random thresholds.
    pub(crate) seed: u64,
}

impl TreeSettings {
    #[cfg(test)]
    /// The defaults of scikit-learn's trees for a criterion.
    pub(crate) fn new(criterion: Criterion) -> Self {
        Self {
            criterion,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_impurity_decrease: 0.0,
            max_leaf_nodes: None,
            ccp_alpha: 0.0,
            max_features: MaxFeatures::All,
            thresholds: Thresholds::Best,
            ties: Ties::LowestColumn,
            seed: 0,
        }
    }
}

/// What the trees learn to predict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// Classes by index.
    Classes {
        /// The class of each row, less than `n_classes`.
        classes: &'a [u32],
        /// The number of classes.
        n_classes: usize,
    },
    /// A number for each row.
    Values(&'a [f64]),
}

impl Target<'_> {
    /// The numbers in a prediction: a share for each class, or one value.
    pub(crate) fn n_outputs(&self) -> usize {
        match self {
            Self::Classes { n_classes, .. } => *n_classes,
            Self::Values(_) => 1,
        }
    }
}

/// The rows to learn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrainingRows<'a> {
    /// One row each; a missing value is NaN.
    pub(crate) features: ArrayView2<'a, f64>,
    /// What is to be predicted.
    pub(crate) target: Target<'a>,
    /// The weight of each row, 0 or more; none means 1.
    pub(crate) weights: Option<&'a [f64]>,
}
