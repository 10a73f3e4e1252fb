//! The search for the best split of a node.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::columns::{Columns, threshold_for_doubles};
use super::criterion::Measure;
use super::samples::NodeSamples;
use super::settings::Ties;
use super::sort;

/// Scores that differ by less than this share are tied: sums in another order already differ by more than an
/// exact comparison allows, and the same division of the rows by two columns would be decided by noise.
const TIE: f64 = 1e-13;

/// A way to split a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// The column.
    pub(super) column: u32,
    /// Values up to this go left, rows being in double precision.
    pub(super) threshold: f64,
    /// Whether missing values go left.
    pub(super) missing_goes_left: bool,
    /// How good it is, greater being better.
    pub(super) score: f64,
}

impl Split {
    /// Whether a row goes left, by its value in single precision.
    pub(super) fn goes_left(&self, value: f32) -> bool {
        f64::from(value) <= self.threshold || (value.is_nan() && self.missing_goes_left)
    }

    /// Whether the split is better than one that was found before.
    pub(super) fn beats(&self, other: &Self, ties: Ties) -> bool {
        let tolerance = TIE * other.score.abs();
        let difference = self.score - other.score;
        let wins_ties = ties == Ties::LowestColumn && self.column < other.column;
        difference > tolerance || (difference >= -tolerance && wins_ties)
    }
}

/// What a column offers to a node.
pub(super) enum Offer {
    /// Nothing, since all its values are equal or missing.
    Constant,
    /// Nothing that leaves enough rows on both sides.
    Nothing,
    /// Its best split.
    Split(Split),
}

/// The search with its memory.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) columns: &'a Columns,
    pub(super) min_samples_leaf: usize,
    keys: Vec<u64>,
    scratch: Vec<u64>,
}

/// The best position so far.
struct Best {
    score: f64,
    /// The threshold in terms of single-precision values.
    threshold: f64,
    missing_goes_left: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(columns: &'a Columns, min_samples_leaf: usize) -> Self {
        Self { columns, min_samples_leaf: min_samples_leaf.max(1), keys: Vec::new(), scratch: Vec::new() }
    }

    /// Reads the node's values and returns how many of them are missing.
    fn read<L: Copy>(&mut self, node: NodeSamples<'_, L>, column: u32) -> usize {
        let values = self.columns.column(column);
        self.keys.clear();
        self.keys.extend((0..).zip(node.rows).map(|(place, row)| sort::key(values[*row as usize], place)));
        if self.columns.has_missing(column) {
            self.keys.iter().filter(|key| sort::value(**key).is_nan()).count()
        } else {
            0
        }
    }

    /// Whether a node with these values has nothing to split.
    fn is_constant(&self, column: u32, (least, greatest): (f32, f32), n_missing: usize) -> bool {
        let is_flat = n_missing == 0 && greatest <= least + self.columns.gap(column);
        is_flat || n_missing == self.keys.len()
    }

    /// The best of all positions in a column. Missing values are tried on both sides; a split between the present
    /// and the missing values sends the missing ones right.
    pub(super) fn best<M: Measure>(
        &mut self,
        node: NodeSamples<'_, M::Label>,
        measure: &mut M,
        column: u32,
    ) -> Offer {
        let n_missing = self.read(node, column);
        sort::sort(&mut self.keys, &mut self.scratch);
        let n_present = self.keys.len() - n_missing;
        let range = (sort::value(self.keys[0]), sort::value(self.keys[n_present.saturating_sub(1)]));
        if self.is_constant(column, range, n_missing) {
            return Offer::Constant;
        }
        let mut best = None;
        self.scan(node, measure, column, (0, n_present), &mut best);
        if n_missing > 0 {
            self.keys.rotate_right(n_missing);
            self.scan(node, measure, column, (n_missing, self.keys.len()), &mut best);
        }
        offer(column, best)
    }

    /// Tries the positions after each of the present values `present.0..present.1` of the order.
    fn scan<M: Measure>(
        &self,
        node: NodeSamples<'_, M::Label>,
        measure: &mut M,
        column: u32,
        present: (usize, usize),
        best: &mut Option<Best>,
    ) {
        let gap = self.columns.gap(column);
        let n_rows = self.keys.len();
        measure.start_scan(node, &self.keys);
        for key in &self.keys[..present.0] {
            measure.move_left(node.labels[sort::place(*key)], node.weights[sort::place(*key)]);
        }
        let last_position = present.1.min(n_rows - self.min_samples_leaf.min(n_rows));
        for idx in present.0..last_position {
            let key = self.keys[idx];
            measure.move_left(node.labels[sort::place(key)], node.weights[sort::place(key)]);
            let value = sort::value(key);
            let next = if idx + 1 < present.1 { Some(sort::value(self.keys[idx + 1])) } else { None };
            if next.is_some_and(|next| next <= value + gap) || idx + 1 < self.min_samples_leaf {
                continue;
            }
            let score = measure.score();
            if best.as_ref().is_none_or(|best| score > best.score) && score > f64::NEG_INFINITY {
                let threshold = next.map_or(f64::MAX, |next| f64::midpoint(value.into(), next.into()));
                *best = Some(Best { score, threshold, missing_goes_left: present.0 > 0 });
            }
        }
    }

    /// One position in a column, drawn uniformly between its least and its greatest value.
    pub(super) fn random<M: Measure>(
        &mut self,
        node: NodeSamples<'_, M::Label>,
        measure: &mut M,
        column: u32,
        rng: &mut ChaCha8Rng,
    ) -> Offer {
        let n_missing = self.read(node, column);
        // The minimum and the maximum of a number and NaN is the number.
        let range = self
            .keys
            .iter()
            .map(|key| sort::value(*key))
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(least, greatest), value| {
                (least.min(value), greatest.max(value))
            });
        if self.is_constant(column, range, n_missing) {
            return Offer::Constant;
        }
        let (least, greatest) = (f64::from(range.0), f64::from(range.1));
        let drawn = least + rng.r#gen::<f64>() * (greatest - least);
        let threshold = if drawn < greatest { drawn } else { least };
        let missing_goes_left = n_missing > 0 && rng.r#gen();
        let is_left = |key: u64| {
            let value = sort::value(key);
            f64::from(value) <= threshold || (value.is_nan() && missing_goes_left)
        };
        self.scratch.clear();
        self.scratch.extend(self.keys.iter().filter(|key| is_left(**key)));
        let n_left = self.scratch.len();
        if n_left < self.min_samples_leaf || self.keys.len() - n_left < self.min_samples_leaf {
            return Offer::Nothing;
        }
        self.scratch.extend(self.keys.iter().filter(|key| !is_left(**key)));
        measure.start_scan(node, &self.scratch);
        for key in &self.scratch[..n_left] {
            measure.move_left(node.labels[sort::place(*key)], node.weights[sort::place(*key)]);
        }
        offer(column, Some(Best { score: measure.score(), threshold, missing_goes_left }))
    }
}

fn offer(column: u32, best: Option<Best>) -> Offer {
    match best {
        None => Offer::Nothing,
        Some(best) => Offer::Split(Split {
            column,
            threshold: threshold_for_doubles(best.threshold),
            missing_goes_left: best.missing_goes_left,
            score: best.score,
        }),
    }
}
