//! Rows laid out for arithmetic on several rows at once.

use std::ops::Range;

use super::metric::Ranking;
use super::nearest::Nearest;

/// The number of rows in a block.
pub(super) const LANES: usize = 8;

/// Stands where a group of rows does not fill its last block.
const NO_ROW: usize = usize::MAX;

/// Rows in blocks of [`LANES`]; within a block the values are stored column after column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blocks {
    n_columns: usize,
    values: Vec<[f64; LANES]>,
    rows: Vec<[usize; LANES]>,
}

impl Blocks {
    pub(super) fn new(n_columns: usize) -> Self {
        Self { n_columns, ..Self::default() }
    }

    /// The number of blocks.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Appends rows of a row-major table, from the start of a new block; returns the blocks they fill.
    pub(super) fn append(&mut self, points: &[f64], rows: &[usize]) -> Range<usize> {
        let first = self.rows.len();
        for group in rows.chunks(LANES) {
            let mut numbers = [NO_ROW; LANES];
            numbers[..group.len()].copy_from_slice(group);
            self.rows.push(numbers);
            for column in 0..self.n_columns {
                // A row that is missing is infinitely far away.
                let mut lanes = [f64::INFINITY; LANES];
                for (lane, row) in lanes.iter_mut().zip(group) {
                    *lane = points[row * self.n_columns + column];
                }
                self.values.push(lanes);
            }
        }
        first..self.rows.len()
    }

    /// Offers all rows of some blocks.
    #[inline]
    pub(super) fn scan<R: Ranking>(
        &self,
        ranking: R,
        blocks: Range<usize>,
        query: &[f64],
        nearest: &mut Nearest,
    ) {
        let values = &self.values[blocks.start * self.n_columns..blocks.end * self.n_columns];
        for (block, rows) in values.chunks_exact(self.n_columns).zip(&self.rows[blocks]) {
            let mut sums = [0.0; LANES];
            for (lanes, query) in block.iter().zip(query) {
                for (sum, value) in sums.iter_mut().zip(lanes) {
                    *sum = ranking.add(*sum, value - query);
                }
            }
            let limit = nearest.limit();
            if any(sums.map(|sum| sum <= limit)) {
                for (sum, row) in sums.iter().zip(rows) {
                    nearest.offer(*sum, *row);
                }
            }
        }
    }
}

/// Whether one holds, decided without a branch for each.
#[inline]
pub(super) fn any(lanes: [bool; LANES]) -> bool {
    lanes.into_iter().fold(false, |any, lane| any | lane)
}
