//! The columns that are tried at a node, drawn without replacement.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::settings::Ties;

/// A permutation of the columns. Columns that are constant in a node, and therefore in its whole subtree, stand
/// first, so that the subtree does not look at them again.
#[derive(Clone, Debug)]
pub(super) struct ColumnOrder {
    columns: Vec<u32>,
    max_features: usize,
    is_random: bool,
}

/// The state of the draws at one node. Constant columns count as tried, but at least one other must be tried too.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    n_tried: usize,
    n_tried_constants: usize,
    n_untried_known_constants: usize,
    /// Columns before this one are constant.
    first: usize,
    /// Columns from this one on have been tried.
    end: usize,
}

impl ColumnOrder {
    /// For draws of up to `max_features` columns; if that is all of them, their order matters only to ties.
    pub(super) fn new(n_columns: usize, max_features: usize, ties: Ties) -> Self {
        let is_random = max_features < n_columns || ties == Ties::FirstDrawn;
        Self { columns: (0..).take(n_columns).collect(), max_features, is_random }
    }

    /// Starts the draws at a node in which the first `n_constants` columns are known to be constant.
    pub(super) fn start(&self, n_constants: usize) -> Draws {
        Draws {
            n_tried: 0,
            n_tried_constants: 0,
            n_untried_known_constants: n_constants,
            first: n_constants,
            end: self.columns.len(),
        }
    }

    /// Draws a column; the caller says afterwards whether it was constant.
    pub(super) fn next(&self, draws: &mut Draws, rng: &mut ChaCha8Rng) -> Option<(usize, u32)> {
        while draws.first < draws.end
            && (draws.n_tried < self.max_features || draws.n_tried <= draws.n_tried_constants)
        {
            draws.n_tried += 1;
            if !self.is_random {
                return Some((draws.first, self.columns[draws.first]));
            }
            let n_known = draws.n_untried_known_constants;
            let drawn = rng.gen_range(0..n_known + draws.end - draws.first);
            if drawn >= n_known {
                let idx = draws.first + drawn - n_known;
                return Some((idx, self.columns[idx]));
            }
            draws.n_untried_known_constants -= 1;
            draws.n_tried_constants += 1;
        }
        None
    }

    /// Notes that the column at `idx` is constant in this node.
    pub(super) fn note_constant(&mut self, draws: &mut Draws, idx: usize) {
        self.columns.swap(idx, draws.first);
        draws.first += 1;
        draws.n_tried_constants += 1;
    }

    /// Notes that the column at `idx` has been tried.
    pub(super) fn note_tried(&mut self, draws: &mut Draws, idx: usize) {
        draws.end -= 1;
        self.columns.swap(idx, draws.end);
    }
}

impl Draws {
    /// The number of columns known to be constant after the draws.
    pub(super) fn n_constants(&self) -> usize {
        self.first
    }
}
