//! Scanning all rows by `‖x − y‖² = ‖x‖² + ‖y‖² − 2 x·y`, for sums of squares.
//!
//! The expansion costs one multiplication and one addition for each value, but is inexact. It only decides,
//! in single precision and with a bound of its error, which rows *cannot* be among the nearest; the ranking
//! of each remaining row is computed in double precision as everywhere else. So the result is exact.
//!
//! The bound: let u be the unit roundoff of single precision and γ = (d + 16) · 4u for rows of d columns.
//! Rounding the values, d products and sums and the halved norms changes `½‖x‖² + ½‖y‖² − x·y` by less than
//! `½γ (‖x‖² + ‖y‖²)`; the textbook bound is at most about half of that (N. J. Higham, *Accuracy and
//! Stability of Numerical Algorithms*, section 3.1). Rows are centred on the mean of all rows first, and
//! scaled so that their largest value is 1.

use super::blocks::{LANES, any};
use super::nearest::Nearest;

/// The number of queries that share a read of the rows.
const QUERIES: usize = 4;

/// The number of values of rows that stay in the cache while all queries of a tile pass.
const CHUNK_VALUES: usize = 1 << 15;

/// Beyond this squared length of a query, where the training rows reach 1 in a column, single precision might
/// overflow.
const FAR: f64 = 1e24;

/// What products too small for single precision can add up to, at most.
const UNDERFLOW: f64 = 1e-30;

/// Rows of a table in single precision.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expansion {
    n_columns: usize,
    n_rows: usize,
    means: Vec<f64>,
    scale: f64,
    /// Blocks of rows; within a block the values are stored column after column.
    values: Vec<[f32; LANES]>,
    /// For each row, `½‖y‖² (1 − γ)`; infinite where a block is not full.
    half_norms: Vec<[f32; LANES]>,
}

/// A query as single precision needs it.
struct Scaled {
    values: Vec<f32>,
    /// `½‖x‖² (1 − γ)`, less what underflow can hide.
    half_norm: f64,
    is_far: bool,
}

impl Expansion {
    /// Lays out a row-major table of at least one column; `None` when its numbers are too large or too small.
    pub(super) fn new(points: &[f64], n_columns: usize) -> Option<Self> {
        let n_rows = points.len() / n_columns;
        let means = means(points, n_columns);
        let centred = |row: usize, column: usize| points[row * n_columns + column] - means[column];
        let rows = points.chunks_exact(n_columns);
        let largest = rows
            .flat_map(|row| row.iter().zip(&means))
            .fold(0.0, |largest: f64, (value, mean)| largest.max((value - mean).abs()));
        // Squares of distances, in double precision, must not overflow or vanish either.
        let is_usable = means.iter().all(|mean| mean.is_finite()) && largest < 1e100 && largest > 1e-100;
        if !is_usable {
            return None;
        }
        let scale = 1.0 / largest;
        let n_blocks = n_rows.div_ceil(LANES);
        let mut values = vec![[0.0_f32; LANES]; n_blocks * n_columns];
        let mut half_norms = vec![[f32::INFINITY; LANES]; n_blocks];
        for row in 0..n_rows {
            let (block, lane) = (row / LANES, row % LANES);
            let mut norm = 0.0;
            for column in 0..n_columns {
                let value = centred(row, column) * scale;
                norm += value * value;
                values[block * n_columns + column][lane] = single(value);
            }
            half_norms[block][lane] = single(0.5 * norm * (1.0 - relative_error(n_columns)));
        }
        Some(Self { n_columns, n_rows, means, scale, values, half_norms })
    }

    /// Finds the nearest rows of some queries, row after row in `queries`; returns false when told to stop.
    pub(super) fn search(
        &self,
        points: &[f64],
        queries: &[f64],
        nearest: &mut [Nearest],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> bool {
        let scaled: Vec<Scaled> =
            queries.chunks_exact(self.n_columns).map(|query| self.scaled(query)).collect();
        let chunk = (CHUNK_VALUES / (LANES * self.n_columns)).max(1);
        for first in (0..self.half_norms.len()).step_by(chunk) {
            if stop() {
                return false;
            }
            let blocks = first..(first + chunk).min(self.half_norms.len());
            let groups = scaled.chunks(QUERIES).zip(queries.chunks(QUERIES * self.n_columns));
            for ((scaled, queries), nearest) in groups.zip(nearest.chunks_mut(QUERIES)) {
                let mut group = Group { points, queries, scaled, nearest };
                if scaled.len() == QUERIES {
                    self.screen::<QUERIES>(blocks.clone(), &mut group);
                } else {
                    for idx in 0..scaled.len() {
                        self.screen::<1>(blocks.clone(), &mut group.only(idx, self.n_columns));
                    }
                }
            }
        }
        true
    }

    fn scaled(&self, query: &[f64]) -> Scaled {
        let centred = query.iter().zip(&self.means).map(|(value, mean)| (value - mean) * self.scale);
        let norm: f64 = centred.clone().map(|value| value * value).sum();
        let half_norm = 0.5 * norm * (1.0 - relative_error(self.n_columns)) - UNDERFLOW;
        // A norm that is not a number is far, too.
        let is_far = !matches!(norm.partial_cmp(&FAR), Some(std::cmp::Ordering::Less));
        Scaled { values: centred.map(single).collect(), half_norm, is_far }
    }

    /// What `x·y − ½‖y‖² (1 − γ)` of a row must reach to be as near as the limit.
    fn threshold(&self, query: &Scaled, nearest: &Nearest) -> f32 {
        if query.is_far {
            return f32::NEG_INFINITY;
        }
        let limit = nearest.limit() * self.scale * self.scale;
        // One step down covers the rounding to single precision.
        single(query.half_norm - 0.5 * limit).next_down()
    }

    /// Offers those rows of some blocks that the expansion cannot exclude to `N` queries.
    fn screen<const N: usize>(&self, blocks: std::ops::Range<usize>, group: &mut Group<'_>) {
        let queries: Vec<[f32; N]> = (0..self.n_columns)
            .map(|column| std::array::from_fn(|idx| group.scaled[idx].values[column]))
            .collect();
        let mut thresholds: [f32; N] =
            std::array::from_fn(|idx| self.threshold(&group.scaled[idx], &group.nearest[idx]));
        let values = &self.values[blocks.start * self.n_columns..blocks.end * self.n_columns];
        for (block, values) in blocks.zip(values.chunks_exact(self.n_columns)) {
            let sums = products(values, &queries, self.half_norms[block]);
            for idx in 0..N {
                let threshold = thresholds[idx];
                let candidates = sums[idx].map(|sum| is_candidate(sum, threshold));
                if any(candidates) {
                    group.offer(idx, block, candidates, self);
                    thresholds[idx] = self.threshold(&group.scaled[idx], &group.nearest[idx]);
                }
            }
        }
    }
}

/// Queries that are answered together.
struct Group<'a> {
    points: &'a [f64],
    queries: &'a [f64],
    scaled: &'a [Scaled],
    nearest: &'a mut [Nearest],
}

impl Group<'_> {
    /// One of the queries.
    fn only(&mut self, idx: usize, n_columns: usize) -> Group<'_> {
        Group {
            points: self.points,
            queries: &self.queries[idx * n_columns..(idx + 1) * n_columns],
            scaled: &self.scaled[idx..=idx],
            nearest: &mut self.nearest[idx..=idx],
        }
    }

    #[cold]
    fn offer(&mut self, idx: usize, block: usize, candidates: [bool; LANES], expansion: &Expansion) {
        let n_columns = expansion.n_columns;
        let query = &self.queries[idx * n_columns..(idx + 1) * n_columns];
        for (lane, is_candidate) in candidates.into_iter().enumerate() {
            let row = block * LANES + lane;
            if is_candidate && row < expansion.n_rows {
                let point = &self.points[row * n_columns..(row + 1) * n_columns];
                let ranking = point.iter().zip(query).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
                self.nearest[idx].offer(ranking, row);
            }
        }
    }
}

/// `x·y − start` for each query and each row of a block.
///
/// On its own, this is compiled to multiplications and additions of whole registers.
#[inline(never)]
fn products<const N: usize>(
    values: &[[f32; LANES]],
    queries: &[[f32; N]],
    start: [f32; LANES],
) -> [[f32; LANES]; N] {
    let mut sums = [start.map(|start| -start); N];
    for (lanes, queries) in values.iter().zip(queries) {
        for (sums, query) in sums.iter_mut().zip(queries) {
            for (sum, value) in sums.iter_mut().zip(lanes) {
                *sum += query * value;
            }
        }
    }
    sums
}

/// Sums that are not numbers exclude nothing.
#[inline]
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "one instruction for eight lanes, and right for NaN")]
fn is_candidate(sum: f32, threshold: f32) -> bool {
    !(sum < threshold)
}

fn means(points: &[f64], n_columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n_columns];
    for row in points.chunks_exact(n_columns) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let n_rows = (points.len() / n_columns).max(1) as f64;
    sums.iter().map(|sum| sum / n_rows).collect()
}

/// γ for rows of so many columns.
fn relative_error(n_columns: usize) -> f64 {
    (n_columns + 16) as f64 * 2.0 * f64::from(f32::EPSILON)
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is meant")]
fn single(value: f64) -> f32 {
    value as f32
}
