//! Rows to train on and to validate with.

use std::borrow::Cow;

use ndarray::ArrayView2;

use sluicegate_model::MlpOutput;

/// What the network learns to predict, one entry a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Targets<'a> {
    /// Class of each row, from 0 to `n_classes - 1`.
    Classes {
        /// One class a row.
        classes: &'a [usize],
        /// Number of classes; up to two need one logistic unit, more need softmax.
        n_classes: usize,
    },
    /// Value of each row.
    Values(&'a [f64]),
}

/// Features, targets and weights of rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// Rows by features.
    pub(crate) features: ArrayView2<'a, f64>,
    /// Targets of the rows.
    pub(crate) targets: Targets<'a>,
    /// Weights of the rows, none negative; without them each row weighs 1.
    pub(crate) weights: Option<&'a [f64]>,
}

/// What decides that Adam and SGD stop early; L-BFGS does not stop early and trains on all rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Validation<'a> {
    /// The training loss.
    None,
    /// The score on a share of the rows, which are held out (stratified by class).
    Share(f64),
    /// The score on these rows.
    Rows(Rows<'a>),
}

/// Rows with their features in row-major memory.
pub(super) struct Table<'a> {
    /// Features, row by row.
    pub(super) features: Cow<'a, [f64]>,
    /// Number of features of a row.
    pub(super) n_features: usize,
    /// Number of rows.
    pub(super) n_rows: usize,
    /// Targets of the rows.
    pub(super) targets: Targets<'a>,
    /// Weights of the rows.
    pub(super) weights: Option<&'a [f64]>,
}

impl Targets<'_> {
    /// Returns the link that these targets need, and the number of output units.
    pub(super) fn output(self) -> (MlpOutput, usize) {
        match self {
            Self::Values(_) => (MlpOutput::Identity, 1),
            Self::Classes { n_classes, .. } if n_classes > 2 => (MlpOutput::Softmax, n_classes),
            Self::Classes { .. } => (MlpOutput::Logistic, 1),
        }
    }
}

impl<'a> Table<'a> {
    /// Borrows the features where they are row-major already, else copies them.
    pub(super) fn new(rows: &Rows<'a>) -> Self {
        let features = match rows.features.to_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => Cow::Owned(rows.features.iter().copied().collect()),
        };
        let (n_rows, n_features) = rows.features.dim();
        Self { features, n_features, n_rows, targets: rows.targets, weights: rows.weights }
    }

    /// Features of one row.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.features[row * self.n_features..][..self.n_features]
    }

    /// Weight of one row.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Sum of the weights of the rows in `order`.
    pub(super) fn total_weight(&self, order: &[usize]) -> f64 {
        match self.weights {
            None => order.len() as f64,
            Some(weights) => order.iter().map(|&row| weights[row]).sum(),
        }
    }
}
