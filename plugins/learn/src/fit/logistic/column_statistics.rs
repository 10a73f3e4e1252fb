//! What solvers want to know about the scale of columns.

use super::problem::Problem;
use crate::fit::algebra::{Chunks, FitError, Stop};

/// Statistics of each column over the rows with a weight.
pub(super) struct ColumnStatistics {
    /// `Σ w·x² / Σ w`.
    pub(super) mean_squares: Vec<f64>,
    /// The greatest value less the least.
    pub(super) ranges: Vec<f64>,
}

impl ColumnStatistics {
    /// Passes over the rows once.
    pub(super) fn new(problem: &Problem, stop: Stop) -> Result<Self, FitError> {
        let n = problem.n_features;
        let parts = Chunks::new(problem.n_rows(), n, 3 * n).map(stop, |rows| {
            let mut squares = vec![0.0; n];
            let (mut least, mut greatest) = (vec![f64::INFINITY; n], vec![f64::NEG_INFINITY; n]);
            for row in rows {
                let weight = problem.weight(row);
                if weight == 0.0 {
                    continue;
                }
                for (at, value) in problem.features(row..row + 1).iter().enumerate() {
                    squares[at] += weight * value * value;
                    least[at] = value.min(least[at]);
                    greatest[at] = value.max(greatest[at]);
                }
            }
            Ok((squares, least, greatest))
        })?;
        let mut mean_squares = vec![0.0; n];
        let (mut least, mut greatest) = (vec![f64::INFINITY; n], vec![f64::NEG_INFINITY; n]);
        for (squares, low, high) in parts {
            for at in 0..n {
                mean_squares[at] += squares[at] / problem.total_weight;
                least[at] = low[at].min(least[at]);
                greatest[at] = high[at].max(greatest[at]);
            }
        }
        let ranges = greatest.iter().zip(&least).map(|(high, low)| high - low).collect();
        Ok(Self { mean_squares, ranges })
    }
}
