//! Householder's QR decomposition, unblocked (Golub and Van Loan, *Matrix Computations*, 4th ed., §5.2).

use super::{
    FitError, Stop,
    vector::{add_scaled, dot},
};

/// A matrix whose columns are contiguous.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    values: Vec<f64>,
    n_rows: usize,
}

impl Columns {
    /// Makes a matrix of zeros.
    pub(crate) fn zeros(n_rows: usize, n_columns: usize) -> Self {
        Self { values: vec![0.0; n_rows * n_columns], n_rows }
    }

    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns.
    pub(crate) fn n_columns(&self) -> usize {
        self.values.len().checked_div(self.n_rows).unwrap_or(0)
    }

    /// One column.
    pub(crate) fn column(&self, column: usize) -> &[f64] {
        &self.values[column * self.n_rows..(column + 1) * self.n_rows]
    }

    /// One column, to be changed.
    pub(crate) fn column_mut(&mut self, column: usize) -> &mut [f64] {
        &mut self.values[column * self.n_rows..(column + 1) * self.n_rows]
    }

    /// Exchanges two columns.
    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        if a != b {
            let (low, high) = self.values.split_at_mut(a.max(b) * self.n_rows);
            let start = a.min(b) * self.n_rows;
            low[start..start + self.n_rows].swap_with_slice(&mut high[..self.n_rows]);
        }
    }

    /// Zeroes the column below its diagonal with a reflection, applies it to the later columns, and returns
    /// its factor.
    ///
    /// The reflection is `I − τ·v·vᵀ` with `v = (1, below the diagonal)`, which stays in the column, as in
    /// LAPACK.
    pub(crate) fn eliminate(&mut self, column: usize) -> f64 {
        let n_rows = self.n_rows;
        let (head, rest) = self.values.split_at_mut((column + 1) * n_rows);
        let pivot = &mut head[column * n_rows + column..];
        let norm = dot(pivot, pivot).sqrt();
        // Also leaves columns alone that only underflow makes zero.
        if norm < f64::MIN_POSITIVE.sqrt() {
            pivot[1..].fill(0.0);
            return 0.0;
        }
        let diagonal = -norm.copysign(pivot[0]);
        let tau = (diagonal - pivot[0]) / diagonal;
        let scale = 1.0 / (pivot[0] - diagonal);
        for value in &mut pivot[1..] {
            *value *= scale;
        }
        pivot[0] = diagonal;
        for target in rest.chunks_exact_mut(n_rows) {
            reflect(tau, &pivot[1..], &mut target[column..]);
        }
        tau
    }
}

/// Applies `I − τ·v·vᵀ` with `v = (1, tail)`.
fn reflect(tau: f64, tail: &[f64], target: &mut [f64]) {
    let (first, rest) = target.split_at_mut(1);
    let step = tau * (first[0] + dot(tail, rest));
    first[0] -= step;
    add_scaled(rest, -step, tail);
}

/// The orthogonal factor `Q` of a decomposition, as reflections that the matrix keeps below its diagonal.
#[derive(Clone, Debug)]
pub(crate) struct Reflectors {
    columns: Columns,
    taus: Vec<f64>,
}

impl Reflectors {
    /// Decomposes a matrix with at least as many rows as columns.
    pub(crate) fn new(mut columns: Columns, stop: Stop) -> Result<Self, FitError> {
        let n_columns = columns.n_columns();
        let taus = triangularize(&mut columns, n_columns, stop)?;
        Ok(Self { columns, taus })
    }

    /// An element of the triangular factor `R`.
    pub(crate) fn r(&self, row: usize, column: usize) -> f64 {
        self.columns.column(column)[row]
    }

    /// The upper part of a column of `R`, its diagonal included.
    pub(crate) fn r_column(&self, column: usize) -> &[f64] {
        &self.columns.column(column)[..=column]
    }

    /// Returns `Q·z` for a vector in the space of `R`'s rows.
    pub(crate) fn apply(&self, z: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; self.columns.n_rows()];
        result[..z.len()].copy_from_slice(z);
        for (at, tau) in self.taus.iter().enumerate().rev() {
            reflect(*tau, &self.columns.column(at)[at + 1..], &mut result[at..]);
        }
        result
    }

    /// Solves `Rᵀ·u = b` in place.
    pub(crate) fn solve_transposed(&self, b: &mut [f64]) {
        for at in 0..b.len() {
            let column = self.r_column(at);
            b[at] = (b[at] - dot(&column[..at], &b[..at])) / column[at];
        }
    }
}

/// Makes the first columns upper triangular and applies the reflections to all later ones; returns their
/// factors.
pub(crate) fn triangularize(
    columns: &mut Columns,
    n_columns: usize,
    stop: Stop,
) -> Result<Vec<f64>, FitError> {
    let n_reflections = n_columns.min(columns.n_rows());
    let mut taus = Vec::with_capacity(n_reflections);
    for column in 0..n_reflections {
        if column % 16 == 0 {
            FitError::check(stop)?;
        }
        taus.push(columns.eliminate(column));
    }
    Ok(taus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Columns {
        let mut columns = Columns::zeros(5, 3);
        for column in 0..3 {
            for row in 0..5 {
                columns.column_mut(column)[row] = ((row * 7 + column * 5 + row * column) % 11) as f64 - 4.0;
            }
        }
        columns
    }

    #[test]
    fn q_times_r_gives_the_matrix_back() {
        let matrix = example();
        let decomposition = Reflectors::new(matrix.clone(), &|| false).unwrap();
        for column in 0..3 {
            let back = decomposition.apply(decomposition.r_column(column));
            for (found, expected) in back.iter().zip(matrix.column(column)) {
                assert!((found - expected).abs() < 1e-13, "{found} {expected}");
            }
        }
    }

    #[test]
    fn zero_columns_do_no_harm() {
        let mut matrix = example();
        matrix.column_mut(1).fill(0.0);
        let decomposition = Reflectors::new(matrix, &|| false).unwrap();
        assert!(decomposition.r(1, 1).abs() < 1e-15);
        assert!(decomposition.apply(decomposition.r_column(2)).iter().all(|value| value.is_finite()));
    }
}
