//! Out-of-bag predictions: each row by the trees whose bootstrap sample left it out, an honest test for free.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::TreeEnsemble;
use super::settings::{FitError, Target, TrainingRows};

/// Rows that one task predicts.
const N_BLOCK_ROWS: usize = 256;

/// The rows that a tree has seen, one bit each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bag(Vec<u64>);

impl Bag {
    pub(super) fn new(counts: &[u32]) -> Self {
        let mut words = vec![0; counts.len().div_ceil(64)];
        for (row, _) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            words[row / 64] |= 1 << (row % 64);
        }
        Self(words)
    }

    fn contains(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }
}

/// The forest's prediction of each training row by the trees that have not seen it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OutOfBag {
    /// Row after row, class shares or one value; NaN for a row that every tree has seen.
    pub(crate) predictions: Vec<f64>,
    /// The number of rows with a prediction.
    pub(crate) n_rows: usize,
    /// The accuracy for classes, R² for values, over those rows; NaN if there are none.
    pub(crate) score: f64,
}

impl OutOfBag {
    pub(super) fn new(
        ensemble: &TreeEnsemble,
        rows: &TrainingRows<'_>,
        bags: &[Bag],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, FitError> {
        let n_outputs = ensemble.n_outputs;
        let mut predictions = vec![0.0; rows.features.nrows() * n_outputs];
        predictions.par_chunks_mut((N_BLOCK_ROWS * n_outputs).max(1)).enumerate().try_for_each(
            |(block, sums)| {
                if stop() {
                    return Err(FitError::Stopped);
                }
                predict_block(ensemble, rows.features, bags, block * N_BLOCK_ROWS, sums);
                Ok(())
            },
        )?;
        let n_rows = predictions.chunks(n_outputs.max(1)).filter(|row| !row[0].is_nan()).count();
        let score = match rows.target {
            Target::Classes { classes, n_classes } => accuracy(&predictions, classes, n_classes),
            Target::Values(values) => r2(&predictions, values),
        };
        Ok(Self { predictions, n_rows, score })
    }
}

fn predict_block(
    ensemble: &TreeEnsemble,
    features: ArrayView2<'_, f64>,
    bags: &[Bag],
    first_row: usize,
    sums: &mut [f64],
) {
    let n_outputs = ensemble.n_outputs;
    let n_rows = sums.len() / n_outputs;
    let rows: Vec<f64> =
        features.slice(ndarray::s![first_row..first_row + n_rows, ..]).iter().copied().collect();
    let mut n_trees = vec![0_u32; n_rows];
    for (tree_idx, bag) in bags.iter().enumerate() {
        for idx in (0..n_rows).filter(|idx| !bag.contains(first_row + idx)) {
            let row = &rows[idx * ensemble.n_features..(idx + 1) * ensemble.n_features];
            let values = ensemble.leaf_values(tree_idx, row);
            sums[idx * n_outputs..].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            n_trees[idx] += 1;
        }
    }
    for (sums, n_trees) in sums.chunks_mut(n_outputs).zip(n_trees) {
        // Without trees the mean is 0 / 0, which marks the row as intended.
        for sum in sums {
            *sum /= f64::from(n_trees);
        }
    }
}

fn accuracy(predictions: &[f64], classes: &[u32], n_classes: usize) -> f64 {
    let rows = predictions.chunks(n_classes.max(1)).zip(classes).filter(|(shares, _)| !shares[0].is_nan());
    let (mut n_right, mut n_rows) = (0.0, 0.0);
    for (shares, class) in rows {
        let mut predicted = 0;
        for (idx, share) in shares.iter().enumerate() {
            if *share > shares[predicted] {
                predicted = idx;
            }
        }
        n_right += f64::from(u8::from(predicted == *class as usize));
        n_rows += 1.0;
    }
    n_right / n_rows
}

fn r2(predictions: &[f64], values: &[f64]) -> f64 {
    let rows: Vec<(f64, f64)> =
        predictions.iter().copied().zip(values.iter().copied()).filter(|(p, _)| !p.is_nan()).collect();
    let mean = rows.iter().map(|(_, value)| value).sum::<f64>() / rows.len() as f64;
    let residual: f64 = rows.iter().map(|(prediction, value)| (value - prediction).powi(2)).sum();
    let total: f64 = rows.iter().map(|(_, value)| (value - mean).powi(2)).sum();
    1.0 - residual / total
}
