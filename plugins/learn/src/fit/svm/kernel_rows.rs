//! The features of a problem, laid out so that kernel rows vectorise, and the kernel rows themselves.
//!
//! Rows are kept in tiles of eight: all eight values of the first feature, then of the second, and so on. The
//! inner loop then adds to eight independent sums, whatever the number of features.
//!
//! Kernel values keep the digits of `f64`. In `f32`, as LIBSVM has them, the noise makes a linear kernel of
//! few features seem to have many, and large penalties then took up to a hundred times the iterations.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{FitError, Kernel, exponential::exp_of_lanes, kernel::integer_power};

/// Rows in a tile.
pub(super) const LANES: usize = 8;

/// Kernel values that one thread computes at a time; a multiple of [`LANES`].
const BLOCK: usize = 4096;

/// Multiplications and additions from which a kernel row is worth a second thread.
const PARALLEL_WORK: usize = 1 << 19;

/// The rows of a problem by position, and their kernel.
pub(super) struct KernelRows {
    tiles: Vec<f64>,
    n_features: usize,
    kernel: Kernel,
    /// What the solver sees is the kernel divided by this power of two, so that its values are around one.
    scale: f64,
    diagonal: Vec<f64>,
}

impl KernelRows {
    /// Copies the given rows of `x`, moved by `center` where the kernel allows it.
    pub(super) fn new(
        x: ArrayView2<'_, f64>,
        rows: &[usize],
        kernel: Kernel,
        center: &[f64],
    ) -> Result<Self, FitError> {
        let n_features = x.ncols();
        let mut tiles = vec![0.0; rows.len().div_ceil(LANES) * LANES * n_features];
        let mut largest_norm = 0.0_f64;
        let mut norms_are_finite = true;
        for (position, row) in rows.iter().enumerate() {
            let mut squared_norm = 0.0;
            for (feature, (value, center)) in x.row(*row).iter().zip(center).enumerate() {
                let moved = value - center;
                squared_norm += moved * moved;
                tiles[place(n_features, position, feature)] = moved;
            }
            norms_are_finite &= squared_norm.is_finite();
            largest_norm = largest_norm.max(squared_norm);
        }
        let bound = kernel.bound(largest_norm);
        if !norms_are_finite || !bound.is_finite() {
            return Err(FitError::NotFinite("a value of the kernel".into()));
        }
        let mut kernel_rows =
            Self { tiles, n_features, kernel, scale: power_of_two_below(bound), diagonal: Vec::new() };
        let mut vector = Vec::new();
        for position in 0..rows.len() {
            kernel_rows.copy_row(position, &mut vector);
            let value = kernel_rows.tile_values(position / LANES, &vector)[position % LANES];
            kernel_rows.diagonal.push(value);
        }
        Ok(kernel_rows)
    }

    /// The number of features.
    pub(super) fn n_features(&self) -> usize {
        self.n_features
    }

    /// The power of two that kernel values are divided by.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// The kernel of each row with itself.
    pub(super) fn diagonal(&self) -> &[f64] {
        &self.diagonal
    }

    /// Exchanges two rows.
    pub(super) fn swap(&mut self, first: usize, second: usize) {
        self.diagonal.swap(first, second);
        for feature in 0..self.n_features {
            self.tiles.swap(place(self.n_features, first, feature), place(self.n_features, second, feature));
        }
    }

    /// Copies the row at a position into `vector`.
    pub(super) fn copy_row(&self, position: usize, vector: &mut Vec<f64>) {
        vector.clear();
        vector.extend(
            (0..self.n_features).map(|feature| self.tiles[place(self.n_features, position, feature)]),
        );
    }

    /// Writes the kernel of `vector` with the rows at `start`, `start + 1`, … into `values`.
    pub(super) fn kernel_row(&self, vector: &[f64], start: usize, values: &mut [f64]) {
        if values.len() * (self.n_features + LANES) < PARALLEL_WORK {
            return self.kernel_block(vector, start, values);
        }
        // Each value is computed alone, so the result does not depend on the number of threads.
        values
            .par_chunks_mut(BLOCK)
            .enumerate()
            .for_each(|(block, values)| self.kernel_block(vector, start + block * BLOCK, values));
    }

    /// As [`Self::kernel_row`], in this thread.
    pub(super) fn kernel_block(&self, vector: &[f64], start: usize, values: &mut [f64]) {
        let before = start % LANES;
        let mut tile = start / LANES;
        let (head, rest) =
            values.split_at_mut(if before == 0 { 0 } else { (LANES - before).min(values.len()) });
        if before != 0 {
            head.copy_from_slice(&self.tile_values(tile, vector)[before..before + head.len()]);
            tile += 1;
        }
        let (whole, tail) = rest.as_chunks_mut::<LANES>();
        for lanes in whole {
            *lanes = self.tile_values(tile, vector);
            tile += 1;
        }
        if !tail.is_empty() {
            let n_left = tail.len();
            tail.copy_from_slice(&self.tile_values(tile, vector)[..n_left]);
        }
    }

    #[inline]
    fn tile_values(&self, tile: usize, vector: &[f64]) -> [f64; LANES] {
        let width = LANES * self.n_features;
        let rows = self.tiles[tile * width..(tile + 1) * width].as_chunks::<LANES>().0;
        let inverse = 1.0 / self.scale;
        match self.kernel {
            Kernel::Linear => inner_products(rows, vector).map(|product| product * inverse),
            Kernel::Rbf { gamma } => {
                exp_of_lanes(squared_distances(rows, vector).map(|distance| -gamma * distance))
            }
            Kernel::Polynomial { gamma, coef0, degree } => {
                let bases = inner_products(rows, vector).map(|product| gamma * product + coef0);
                integer_power(bases, degree).map(|power| power * inverse)
            }
            Kernel::Sigmoid { gamma, coef0 } => {
                inner_products(rows, vector).map(|product| (gamma * product + coef0).tanh())
            }
        }
    }
}

fn place(n_features: usize, position: usize, feature: usize) -> usize {
    (position / LANES * n_features + feature) * LANES + position % LANES
}

/// The largest power of two up to `bound`, or one where there is none.
fn power_of_two_below(bound: f64) -> f64 {
    if bound < f64::MIN_POSITIVE { 1.0 } else { f64::from_bits(bound.to_bits() & (0x7ff << 52)) }
}

#[inline]
fn inner_products(rows: &[[f64; LANES]], vector: &[f64]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    for (values, x) in rows.iter().zip(vector) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value * x;
        }
    }
    sums
}

/// From differences, since `‖x‖² + ‖y‖² − 2 x·y` loses all digits where rows are far from zero.
#[inline]
fn squared_distances(rows: &[[f64; LANES]], vector: &[f64]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    for (values, x) in rows.iter().zip(vector) {
        for (sum, value) in sums.iter_mut().zip(values) {
            let difference = value - x;
            *sum += difference * difference;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_rows_from_any_start_are_those_of_the_formula() {
        let x =
            ndarray::Array2::from_shape_fn((29, 3), |(row, feature)| ((row * 7 + feature * 5) as f64).sin());
        let rows: Vec<usize> = (0..29).rev().collect();
        let kernel = Kernel::Rbf { gamma: 0.3 };
        let kernel_rows = KernelRows::new(x.view(), &rows, kernel, &[0.0; 3]).expect("finite");
        let mut vector = Vec::new();
        kernel_rows.copy_row(4, &mut vector);
        for (start, end) in [(0, 29), (3, 5), (3, 8), (3, 21), (8, 16), (28, 29), (5, 5)] {
            let mut values = vec![0.0; end - start];
            kernel_rows.kernel_row(&vector, start, &mut values);
            for (value, position) in values.into_iter().zip(start..) {
                let difference = &x.row(rows[position]) - &x.row(rows[4]);
                let expected = (-0.3 * difference.dot(&difference)).exp();
                assert!((value - expected).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn scales_are_powers_of_two() {
        let scales = [0.0, 1.0, 7.9, 0.3, 1e-320].map(power_of_two_below);
        assert_eq!(scales.map(f64::to_bits), [1.0, 1.0, 4.0, 0.25, 1.0].map(f64::to_bits));
    }
}
