//! Least squares of least norm by a complete orthogonal decomposition (Golub and Van Loan, §5.5.1–5.5.4).
//!
//! A QR decomposition with column pivoting finds the rank; if it is full, back substitution gives the one
//! solution. Otherwise a second QR decomposition, of the transposed rows, gives the solution of least norm.

use super::{
    Columns, FitError, Reflectors, Stop,
    vector::{add_scaled, dot},
};

/// The least-norm solution of `min ‖A·w − b‖`.
#[derive(Clone, Debug)]
pub(crate) struct LeastNorm {
    /// The solution.
    pub(crate) solution: Vec<f64>,
    /// The number of independent columns.
    pub(crate) rank: usize,
    /// The ratio of the greatest to the least singular value of the independent columns, after scaling.
    pub(crate) condition: f64,
    pivoted: Pivoted,
    scales: Vec<f64>,
}

impl LeastNorm {
    /// The diagonal of `(AᵀA)⁻¹`; `None` unless all columns are independent.
    pub(crate) fn inverse_diagonal(&self, stop: Stop) -> Result<Option<Vec<f64>>, FitError> {
        if self.rank < self.scales.len() {
            return Ok(None);
        }
        self.pivoted.inverse_diagonal(&self.scales, stop).map(Some)
    }

    /// `zᵀ·(AᵀA)⁻¹·z` for independent columns.
    pub(crate) fn inverse_quadratic_form(&self, z: &[f64]) -> f64 {
        let mut scaled: Vec<f64> =
            self.pivoted.order[..self.rank].iter().map(|at| z[*at] / self.scales[*at]).collect();
        self.pivoted.solve_transposed(&mut scaled);
        dot(&scaled, &scaled)
    }
}

/// Solves a least-squares problem of least norm.
///
/// The right-hand side is the last column of `problem`. Columns are divided by `scales` while the rank is
/// decided, so that the units of the columns do not matter; a scale of zero leaves its column out. A column
/// counts as dependent if what is independent of it is below `tolerance` times the same of the first.
pub(crate) fn least_norm(
    mut problem: Columns,
    scales: &[f64],
    tolerance: f64,
    stop: Stop,
) -> Result<LeastNorm, FitError> {
    let n_columns = scales.len();
    for (column, scale) in scales.iter().enumerate() {
        let inverse = if *scale > 0.0 { 1.0 / scale } else { 0.0 };
        for value in problem.column_mut(column) {
            *value *= inverse;
        }
    }
    let pivoted = Pivoted::new(problem, n_columns, tolerance, stop)?;
    let rank = pivoted.rank;
    let mut permuted = vec![0.0; n_columns];
    if rank == n_columns {
        permuted.copy_from_slice(&pivoted.columns.column(n_columns)[..rank]);
        pivoted.solve(&mut permuted);
        for (value, original) in permuted.iter_mut().zip(&pivoted.order) {
            *value /= scales[*original];
        }
    } else if rank > 0 {
        permuted = pivoted.least_norm(scales, stop)?;
    }
    let mut solution = vec![0.0; n_columns];
    for (value, original) in permuted.iter().zip(&pivoted.order) {
        solution[*original] = *value;
    }
    Ok(LeastNorm { solution, rank, condition: pivoted.condition(stop)?, pivoted, scales: scales.to_vec() })
}

/// A QR decomposition with column pivoting.
#[derive(Clone, Debug)]
struct Pivoted {
    columns: Columns,
    /// The original column of each pivoted one.
    order: Vec<usize>,
    rank: usize,
}

impl Pivoted {
    fn new(mut columns: Columns, n_columns: usize, tolerance: f64, stop: Stop) -> Result<Self, FitError> {
        let mut order: Vec<usize> = (0..n_columns).collect();
        let mut first_norm = 0.0;
        let mut rank = 0;
        let most = n_columns.min(columns.n_rows());
        // Squared norms of what is below the finished rows, and the norms when they were last computed
        // exactly.
        let mut norms: Vec<f64> =
            (0..n_columns).map(|at| dot(columns.column(at), columns.column(at))).collect();
        let mut exact = norms.clone();
        for step in 0..most {
            if step % 16 == 0 {
                FitError::check(stop)?;
            }
            let greatest =
                (step..n_columns).fold(step, |best, at| if norms[at] > norms[best] { at } else { best });
            columns.swap(step, greatest);
            order.swap(step, greatest);
            norms.swap(step, greatest);
            exact.swap(step, greatest);
            let tail = &columns.column(step)[step..];
            let norm = dot(tail, tail).sqrt();
            if step == 0 {
                first_norm = norm;
            }
            // Zero columns end here too, and what overflowed.
            if norm <= tolerance * first_norm || norm.is_nan() {
                break;
            }
            columns.eliminate(step);
            rank += 1;
            for at in step + 1..n_columns {
                let element = columns.column(at)[step];
                norms[at] -= element * element;
                // The difference has lost its digits: sum afresh.
                if norms[at] < 1e-6 * exact[at] {
                    let tail = &columns.column(at)[step + 1..];
                    norms[at] = dot(tail, tail);
                    exact[at] = norms[at];
                }
            }
        }
        Ok(Self { columns, order, rank })
    }

    /// Solves `R·z = b` in place.
    fn solve(&self, b: &mut [f64]) {
        for at in (0..b.len()).rev() {
            let column = self.columns.column(at);
            b[at] /= column[at];
            let solved = b[at];
            add_scaled(&mut b[..at], -solved, &column[..at]);
        }
    }

    /// Solves `Rᵀ·z = b` in place.
    fn solve_transposed(&self, b: &mut [f64]) {
        for at in 0..b.len() {
            let column = self.columns.column(at);
            b[at] = (b[at] - dot(&column[..at], &b[..at])) / column[at];
        }
    }

    /// The least-norm solution in the original units, its elements in the pivoted order.
    fn least_norm(&self, scales: &[f64], stop: Stop) -> Result<Vec<f64>, FitError> {
        let n_columns = scales.len();
        let mut transposed = Columns::zeros(n_columns, self.rank);
        for (at, original) in self.order.iter().enumerate() {
            let column = &self.columns.column(at)[..self.rank.min(at + 1)];
            for (row, value) in column.iter().enumerate() {
                transposed.column_mut(row)[at] = value * scales[*original];
            }
        }
        // [R₁ R₂] = Lᵀ…: the rows' own decomposition, so that L·u = b and w = Q·u.
        let rows = Reflectors::new(transposed, stop)?;
        let mut u = self.columns.column(n_columns)[..self.rank].to_vec();
        rows.solve_transposed(&mut u);
        Ok(rows.apply(&u))
    }

    /// The squared norms of the rows of `R⁻¹`, in the original order and units.
    fn inverse_diagonal(&self, scales: &[f64], stop: Stop) -> Result<Vec<f64>, FitError> {
        let mut sums = vec![0.0; self.rank];
        for at in 0..self.rank {
            if at % 16 == 0 {
                FitError::check(stop)?;
            }
            let mut column = vec![0.0; at + 1];
            column[at] = 1.0;
            self.solve(&mut column);
            for (sum, value) in sums.iter_mut().zip(&column) {
                *sum += value * value;
            }
        }
        let mut diagonal = vec![0.0; self.rank];
        for (sum, original) in sums.iter().zip(&self.order) {
            diagonal[*original] = sum / (scales[*original] * scales[*original]);
        }
        Ok(diagonal)
    }

    /// Estimates the condition number of the leading triangle by power iterations, from below.
    fn condition(&self, stop: Stop) -> Result<f64, FitError> {
        const N_ITERATIONS: usize = 30;
        if self.rank == 0 {
            return Ok(1.0);
        }
        let start: Vec<f64> = (0..self.rank).map(|at| 1.0 + (at as f64 * 0.7).sin()).collect();
        let (mut great, mut small) = (start.clone(), start);
        let (mut greatest, mut inverse_least) = (0.0, 0.0);
        for _ in 0..N_ITERATIONS {
            FitError::check(stop)?;
            greatest = normalize(&mut great);
            great = self.gram_times(&great);
            inverse_least = normalize(&mut small);
            self.solve_transposed(&mut small);
            self.solve(&mut small);
        }
        Ok((greatest * inverse_least).sqrt().max(1.0))
    }

    /// `Rᵀ·R·z`.
    fn gram_times(&self, z: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.rank];
        for (at, value) in z.iter().enumerate() {
            add_scaled(&mut product[..=at], *value, &self.columns.column(at)[..=at]);
        }
        (0..self.rank).map(|at| dot(&self.columns.column(at)[..=at], &product[..=at])).collect()
    }
}

/// Divides a vector by its length and returns the length.
fn normalize(vector: &mut [f64]) -> f64 {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(columns: &[&[f64]]) -> LeastNorm {
        let mut problem = Columns::zeros(columns[0].len(), columns.len());
        for (at, values) in columns.iter().enumerate() {
            problem.column_mut(at).copy_from_slice(values);
        }
        let scales: Vec<f64> =
            columns[..columns.len() - 1].iter().map(|column| dot(column, column).sqrt()).collect();
        least_norm(problem, &scales, 1e-13, &|| false).unwrap()
    }

    #[test]
    fn a_full_rank_problem_has_its_one_solution() {
        let found = solve(&[&[1.0, 2.0, 3.0, 4.0], &[1.0, -1.0, 1.0, -1.0], &[3.0, 3.0, 7.0, 7.0]]);
        for (found, expected) in found.solution.iter().zip([2.0, 1.0]) {
            assert!((found - expected).abs() < 1e-13);
        }
        // AᵀA = [[30, -2], [-2, 4]].
        for (found, expected) in
            found.inverse_diagonal(&|| false).unwrap().unwrap().iter().zip([4.0 / 116.0, 30.0 / 116.0])
        {
            assert!((found - expected).abs() < 1e-14);
        }
        assert_eq!(found.rank, 2);
        // Scaled, the columns have a correlation of 2/√120.
        let correlation = 2.0 / 120_f64.sqrt();
        assert!((found.condition - ((1.0 + correlation) / (1.0 - correlation)).sqrt()).abs() < 1e-3);
    }

    #[test]
    fn equal_columns_share_their_coefficient() {
        let column = [1.0, 2.0, 4.0];
        let found = solve(&[&column, &column, &[0.0; 3], &[3.0, 6.0, 12.0]]);
        assert_eq!(found.rank, 1);
        assert!(found.inverse_diagonal(&|| false).unwrap().is_none());
        for (found, expected) in found.solution.iter().zip([1.5, 1.5, 0.0]) {
            assert!((found - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn a_wide_problem_gives_the_shortest_of_its_solutions() {
        let found = solve(&[&[1.0], &[2.0], &[2.0], &[9.0]]);
        for (found, expected) in found.solution.iter().zip([1.0, 2.0, 2.0]) {
            assert!((found - expected).abs() < 1e-14);
        }
    }
}
