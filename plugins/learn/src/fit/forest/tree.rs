//! One decision tree.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::TreeEnsemble;
use super::absolute::AbsoluteError;
use super::columns::Columns;
use super::criterion::{Entropy, Gini, Measure, SquaredError};
use super::grow::Growth;
use super::grown::GrownTree;
use super::samples::Samples;
use super::settings::{Criterion, FitError, Target, TrainingRows, TreeSettings};

/// Targets whose mean is so many times their spread are shifted: their squares would drown it.
const MAX_MEAN_PER_SPREAD: f64 = 1e3;

/// A fitted decision tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecisionTree {
    grown: GrownTree,
    has_missing: Vec<bool>,
}

impl DecisionTree {
    /// Grows and prunes a tree.
    pub(crate) fn fit(
        rows: &TrainingRows<'_>,
        settings: &TreeSettings,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, FitError> {
        let table = Table::new(rows)?;
        let weight = |row: usize| rows.weights.map_or(1.0, |weights| weights[row]);
        let rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let grown = table.grow(settings, weight, rng, stop)?;
        let has_missing =
            (0..).take(grown.n_features).map(|column| table.columns.has_missing(column)).collect();
        Ok(Self { grown, has_missing })
    }

    /// The compact form for prediction: class shares, or one value.
    pub(crate) fn to_ensemble(&self) -> TreeEnsemble {
        self.grown.to_ensemble()
    }

    /// The share of each column in the decrease of the impurity.
    pub(crate) fn importances(&self) -> Vec<f64> {
        self.grown.importances()
    }

    /// The nodes with their impurities, rows and values.
    pub(crate) fn grown(&self) -> &GrownTree {
        &self.grown
    }

    /// Whether a column had missing values in training.
    pub(super) fn has_missing(&self, column: u32) -> bool {
        self.has_missing[column as usize]
    }
}

/// The training data as all trees of a forest share it.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) columns: Columns,
    target: Target<'a>,
    shifted: Vec<f64>,
    shift: f64,
}

impl<'a> Table<'a> {
    pub(super) fn new(rows: &TrainingRows<'a>) -> Result<Self, FitError> {
        if rows.weights.is_some_and(|weights| !weights.iter().sum::<f64>().is_finite()) {
            return Err(FitError::NotFinite("the sum of the weights".into()));
        }
        let (shifted, shift) = match rows.target {
            Target::Classes { .. } => (Vec::new(), 0.0),
            Target::Values(values) => shifted(values)?,
        };
        Ok(Self { columns: Columns::new(rows.features), target: rows.target, shifted, shift })
    }

    /// Grows one tree on the rows of positive weight.
    pub(super) fn grow(
        &self,
        settings: &TreeSettings,
        weight: impl Fn(usize) -> f64,
        rng: ChaCha8Rng,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<GrownTree, FitError> {
        let start = Start { columns: &self.columns, settings, rng, stop };
        match (self.target, settings.criterion) {
            (Target::Classes { classes, n_classes: 2 }, Criterion::Gini) => {
                start.grow(Gini::new([0.0; 2]), classes, weight)
            }
            (Target::Classes { classes, n_classes }, Criterion::Gini) => {
                start.grow(Gini::new(vec![0.0; n_classes]), classes, weight)
            }
            (Target::Classes { classes, n_classes }, Criterion::Entropy) => {
                start.grow(Entropy::new(vec![0.0; n_classes]), classes, weight)
            }
            (Target::Values(_), Criterion::SquaredError) => {
                start.grow(SquaredError::new(self.shift), &self.shifted, weight)
            }
            (Target::Values(values), Criterion::AbsoluteError) => {
                start.grow(AbsoluteError::default(), values, weight)
            }
            _ => Err(FitError::WrongCriterion),
        }
    }
}

struct Start<'a> {
    columns: &'a Columns,
    settings: &'a TreeSettings,
    rng: ChaCha8Rng,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Start<'_> {
    fn grow<M: Measure>(
        self,
        measure: M,
        labels: &[M::Label],
        weight: impl Fn(usize) -> f64,
    ) -> Result<GrownTree, FitError> {
        let Self { columns, settings, rng, stop } = self;
        Growth { columns, settings, measure, samples: Samples::new(labels, weight), rng, stop }.grow()
    }
}

/// The targets, less a whole number near their mean if that dwarfs their spread. (Whole numbers stay whole, and
/// their sums exact.)
fn shifted(values: &[f64]) -> Result<(Vec<f64>, f64), FitError> {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
    if !mean.is_finite() {
        return Err(FitError::NotFinite("the sum of the targets".into()));
    }
    let shift = if mean.abs() > MAX_MEAN_PER_SPREAD * variance.sqrt() { mean.round() } else { 0.0 };
    Ok((values.iter().map(|value| value - shift).collect(), shift))
}
