//! A start near the optimum from a small part of many rows.

use super::problem::Problem;
use crate::fit::algebra::FitError;

/// Fewer rows than this are fitted at once.
const MIN_ROWS: usize = 50_000;
/// The share of the rows that a subsample takes, as a divisor.
const DIVISOR: usize = 32;
/// Rows for each coefficient that make a subsample tell enough.
const ROWS_PER_COEFFICIENT: usize = 100;

/// Rows copied from a problem.
pub(super) struct Subsample {
    x: Vec<f64>,
    y: Vec<usize>,
    weights: Option<Vec<f64>>,
}

impl Subsample {
    /// Takes one row at random of each of many equal ranges; `None` if that would save little.
    pub(super) fn new(problem: &Problem) -> Option<Self> {
        let n_rows = problem.n_rows();
        let wanted = (n_rows / DIVISOR).max(ROWS_PER_COEFFICIENT * problem.n_coefficients());
        if n_rows < MIN_ROWS || wanted > n_rows / 8 {
            return None;
        }
        let row = |range: usize| {
            let (start, end) = (range * n_rows / wanted, (range + 1) * n_rows / wanted);
            start + usize::try_from(scramble(range as u64) % (end - start) as u64).unwrap_or(0)
        };
        let rows: Vec<usize> = (0..wanted).map(row).collect();
        let mut x = Vec::with_capacity(wanted * problem.n_features);
        for row in &rows {
            x.extend_from_slice(problem.features(*row..row + 1));
        }
        Some(Self {
            x,
            y: rows.iter().map(|row| problem.y[*row]).collect(),
            weights: problem.has_weights().then(|| rows.iter().map(|row| problem.weight(*row)).collect()),
        })
    }

    /// The problem of these rows, with the same penalties of the mean loss.
    pub(super) fn problem<'a>(&'a self, whole: &Problem) -> Result<Problem<'a>, FitError> {
        whole.with_rows(&self.x, &self.y, self.weights.as_deref())
    }
}

/// The finalizer of `SplitMix64`: a fixed pseudo-random number for each range, so that no period of the
/// rows matters.
fn scramble(range: u64) -> u64 {
    let mut bits = range.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
