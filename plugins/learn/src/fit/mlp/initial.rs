//! Random choices of a fit: starting weights, held-out rows, the order of the rows.
//!
//! Each has a `ChaCha8` stream of its own, so that one does not shift another: with starting weights given, the
//! shuffles stay as they are.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::data::{Table, Targets};
use super::shape::Shape;
use sluicegate_model::Activation;

/// Which of a fit's random choices a generator is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Weights that the fit starts with.
    StartingWeights = 0,
    /// Rows to hold out.
    Validation = 1,
    /// Order of the rows in each epoch.
    Shuffles = 2,
}

/// Rows to train on and rows to validate with, both ascending.
pub(super) struct Split {
    /// Rows to train on.
    pub(super) train: Vec<usize>,
    /// Rows to validate with.
    pub(super) validation: Vec<usize>,
}

/// Generator for one purpose.
pub(super) fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(purpose as u64);
    generator
}

/// Draws weights and biases uniformly within scikit-learn's bounds (Glorot and Bengio, 2010):
/// `±√(6 / (inputs + outputs))`, with 2 in place of 6 for the logistic activation.
pub(super) fn starting_weights(shape: &Shape, seed: u64) -> Vec<f64> {
    let factor = if shape.activation == Activation::Logistic { 2.0 } else { 6.0 };
    let mut generator = generator(seed, Purpose::StartingWeights);
    let mut weights = Vec::with_capacity(shape.n_parameters());
    for layer in 0..shape.n_layers() {
        let (n_inputs, n_outputs) = (shape.n_inputs(layer), shape.n_outputs(layer));
        let bound = f64::sqrt(factor / (n_inputs + n_outputs) as f64);
        weights.extend((0..(n_inputs + 1) * n_outputs).map(|_| generator.gen_range(-bound..bound)));
    }
    weights
}

/// Holds out `⌈share · n_rows⌉` rows; each class gives its proportion, the largest remainders rounded up.
pub(super) fn hold_out(table: &Table, share: f64, seed: u64) -> Split {
    let n_held = n_held(table.n_rows, share);
    let mut groups = groups(table);
    let mut generator = generator(seed, Purpose::Validation);
    let mut split = Split { train: Vec::new(), validation: Vec::new() };
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    for (rows, n) in groups.iter_mut().zip(proportional(&sizes, n_held)) {
        rows.shuffle(&mut generator);
        split.validation.extend_from_slice(&rows[..n]);
        split.train.extend_from_slice(&rows[n..]);
    }
    split.train.sort_unstable();
    split.validation.sort_unstable();
    split
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies between 0 and 1")]
fn n_held(n_rows: usize, share: f64) -> usize {
    ((share * n_rows as f64).ceil() as usize).min(n_rows)
}

/// Rows of each class, or all rows where the targets are values.
fn groups(table: &Table) -> Vec<Vec<usize>> {
    let Targets::Classes { classes, n_classes } = table.targets else {
        return vec![(0..table.n_rows).collect()];
    };
    let mut groups = vec![Vec::new(); n_classes];
    classes.iter().enumerate().for_each(|(row, &class)| groups[class].push(row));
    groups
}

/// Divides `n` in proportion to `sizes`, whose sum is at least `n`; equal remainders go to the earlier group.
fn proportional(sizes: &[usize], n: usize) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>().max(1);
    let mut counts: Vec<usize> = sizes.iter().map(|size| size * n / total).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|&group| std::cmp::Reverse(sizes[group] * n % total));
    let n_missing = n - counts.iter().sum::<usize>();
    by_remainder.iter().take(n_missing).for_each(|&group| counts[group] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::fit::mlp::data::Rows;
    use sluicegate_model::MlpOutput;

    #[test]
    fn starting_weights_keep_within_scikit_learns_bounds() {
        for (activation, factor) in [(Activation::Relu, 6.0_f64), (Activation::Logistic, 2.0)] {
            let shape = Shape::new(vec![30, 20], activation, MlpOutput::Softmax);
            let weights = starting_weights(&shape, 3);
            let greatest = weights.iter().fold(0.0_f64, |greatest, weight| greatest.max(weight.abs()));
            let bound = (factor / 50.0).sqrt();
            assert!(greatest <= bound && greatest > 0.98 * bound);
            assert_eq!(weights.len(), 31 * 20);
        }
    }

    #[test]
    fn each_class_gives_its_proportion_to_the_held_out_rows() {
        let classes: Vec<usize> = (0..100).map(|row| usize::from(row % 10 < 3)).collect();
        let features = Array2::zeros((100, 1));
        let targets = Targets::Classes { classes: &classes, n_classes: 2 };
        let table = Table::new(&Rows { features: features.view(), targets, weights: None });
        let split = hold_out(&table, 0.1, 5);
        let n_of_class_1 = split.validation.iter().filter(|&&row| classes[row] == 1).count();
        assert_eq!((split.validation.len(), n_of_class_1, split.train.len()), (10, 3, 90));
        assert_ne!(split.validation, hold_out(&table, 0.1, 6).validation);
    }

    #[test]
    fn proportions_round_to_the_given_sum() {
        assert_eq!(proportional(&[5, 5, 5], 4), [2, 1, 1]);
        assert_eq!(proportional(&[1, 0, 9], 10), [1, 0, 9]);
        assert_eq!(proportional(&[], 0), Vec::<usize>::new());
    }
}
