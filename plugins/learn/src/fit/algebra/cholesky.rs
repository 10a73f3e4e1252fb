//! Cholesky factors of symmetric positive definite matrices.

use super::{FitError, Stop, vector::dot};

/// Relative size of a pivot below which a matrix counts as singular.
const SINGULAR: f64 = 1e-14;

/// The lower triangular `L` of `A = L·Lᵀ`, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    factor: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Factors a row-major matrix of which the lower triangle is read; `None` if it is numerically
    /// singular.
    ///
    /// A pivot is compared with its own diagonal element, so that the scale of the columns does not matter.
    pub(crate) fn new(mut matrix: Vec<f64>, n: usize, stop: Stop) -> Result<Option<Self>, FitError> {
        for row in 0..n {
            if row % 64 == 0 {
                FitError::check(stop)?;
            }
            let (above, rest) = matrix.split_at_mut(row * n);
            let current = &mut rest[..n];
            for column in 0..row {
                let other = &above[column * n..column * n + n];
                let sum = dot(&current[..column], &other[..column]);
                current[column] = (current[column] - sum) / other[column];
            }
            let diagonal = current[row];
            let pivot = diagonal - dot(&current[..row], &current[..row]);
            // Written so that a pivot that is not a number fails too.
            if !(pivot > diagonal * SINGULAR && pivot.is_finite() && pivot > 0.0) {
                return Ok(None);
            }
            current[row] = pivot.sqrt();
        }
        Ok(Some(Self { factor: matrix, n }))
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.factor[row * self.n..=row * self.n + row]
    }

    /// Solves `A·x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        for at in 0..self.n {
            let row = self.row(at);
            b[at] = (b[at] - dot(&row[..at], &b[..at])) / row[at];
        }
        for at in (0..self.n).rev() {
            let row = self.row(at);
            b[at] /= row[at];
            let solved = b[at];
            super::vector::add_scaled(&mut b[..at], -solved, &row[..at]);
        }
    }

    /// Returns the diagonal of `A⁻¹`.
    pub(crate) fn inverse_diagonal(&self, stop: Stop) -> Result<Vec<f64>, FitError> {
        let mut diagonal = vec![0.0; self.n];
        let mut column = vec![0.0; self.n];
        // Column j of L⁻¹ starts at row j; A⁻¹ = L⁻ᵀ·L⁻¹, so its diagonal holds the columns' squared norms.
        for (at, squared_norm) in diagonal.iter_mut().enumerate() {
            if at % 16 == 0 {
                FitError::check(stop)?;
            }
            column.fill(0.0);
            column[at] = 1.0 / self.row(at)[at];
            for row in at + 1..self.n {
                let factor = self.row(row);
                column[row] = -dot(&factor[at..row], &column[at..row]) / factor[row];
            }
            *squared_norm = dot(&column[at..], &column[at..]);
        }
        Ok(diagonal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_solves_and_inverts() {
        // A = L·Lᵀ with L = [[2, 0, 0], [1, 3, 0], [-1, 0.5, 1]].
        let matrix = vec![4.0, 2.0, -2.0, 2.0, 10.0, 0.5, -2.0, 0.5, 2.25];
        let cholesky = Cholesky::new(matrix, 3, &|| false).unwrap().unwrap();
        let mut solution = vec![2.0, 23.5, 5.75];
        cholesky.solve(&mut solution);
        for (found, expected) in solution.iter().zip([1.0, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-13, "{found} {expected}");
        }
        let inverse = cholesky.inverse_diagonal(&|| false).unwrap();
        // Cofactors over the determinant of 36.
        for (found, expected) in inverse.iter().zip([22.25 / 36.0, 5.0 / 36.0, 1.0]) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    #[test]
    fn a_singular_matrix_has_no_factor_whatever_its_scale() {
        for scale in [1e-12, 1.0, 1e12] {
            let matrix = vec![1.0 * scale, 2.0 * scale, 2.0 * scale, 4.0 * scale];
            assert!(Cholesky::new(matrix, 2, &|| false).unwrap().is_none());
        }
    }
}
