//! Isolation forests (Liu, Ting and Zhou 2008): an outlier is cut off from the other rows after few random splits.

use ndarray::ArrayView2;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bootstrap::tree_rng;
use super::columns::{Columns, threshold_for_doubles};
use super::grown::to_u32;
use super::settings::FitError;
use super::{Node, TreeEnsemble};

/// The Euler–Mascheroni constant.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
/// Rows that one task scores.
const N_BLOCK_ROWS: usize = 1024;

/// How an isolation forest is grown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IsolationSettings {
    /// The number of trees.
    pub(crate) n_trees: usize,
    /// The rows drawn for each tree without replacement; none means 256 or all if there are fewer.
    pub(crate) max_samples: Option<usize>,
    /// The share of outliers among the training rows, up to one half; none puts the limit at a score of −0.5.
    pub(crate) contamination: Option<f64>,
    /// The start of the generator.
    pub(crate) seed: u64,
}

impl Default for IsolationSettings {
    fn default() -> Self {
        Self { n_trees: 100, max_samples: None, contamination: None, seed: 0 }
    }
}

/// A fitted isolation forest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IsolationForest {
    /// The trees; their prediction is the mean number of splits until a row is isolated.
    pub(crate) ensemble: TreeEnsemble,
    /// The number of splits that isolates an ordinary row.
    pub(crate) typical_path_length: f64,
    /// The score below which a row counts as an outlier.
    pub(crate) offset: f64,
}

impl IsolationForest {
    /// Grows the trees on rayon's threads; their number does not change the result.
    pub(crate) fn fit(
        features: ArrayView2<'_, f64>,
        settings: &IsolationSettings,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, FitError> {
        let columns = Columns::new(features);
        if columns.n_rows() == 0 {
            return Err(FitError::NoRows);
        }
        let n_samples = settings.max_samples.unwrap_or(256).clamp(1, columns.n_rows());
        let grow = |tree_idx| {
            if stop() {
                return Err(FitError::Stopped);
            }
            Ok(grow(&columns, n_samples, tree_rng(settings.seed, tree_idx)))
        };
        let trees: Vec<TreeEnsemble> =
            (0..settings.n_trees).into_par_iter().map(grow).collect::<Result<_, _>>()?;
        let mut ensemble = TreeEnsemble::new(columns.n_columns(), 1, 1);
        ensemble.scale = 1.0 / trees.len().max(1) as f64;
        for tree in &trees {
            ensemble.append(tree);
        }
        let mut forest = Self { ensemble, typical_path_length: path_length(n_samples), offset: -0.5 };
        if let Some(contamination) = settings.contamination {
            forest.offset = quantile(forest.score_samples(features), contamination);
        }
        Ok(forest)
    }

    /// The score of each row, between −1 (isolated at once) and 0; ordinary rows are above −0.5.
    pub(crate) fn score_samples(&self, features: ArrayView2<'_, f64>) -> Vec<f64> {
        let mut scores = vec![0.0; features.nrows()];
        scores.par_chunks_mut(N_BLOCK_ROWS).enumerate().for_each(|(block, scores)| {
            let first = block * N_BLOCK_ROWS;
            let rows = features.slice(ndarray::s![first..first + scores.len(), ..]);
            let rows: Vec<f64> = rows.iter().copied().collect();
            self.ensemble.predict(&rows, scores);
            for score in scores {
                *score = self.score(*score);
            }
        });
        scores
    }

    #[cfg(test)]
    /// The score less the limit: negative for outliers.
    pub(crate) fn decision_function(&self, features: ArrayView2<'_, f64>) -> Vec<f64> {
        let mut scores = self.score_samples(features);
        for score in &mut scores {
            *score -= self.offset;
        }
        scores
    }

    /// The score of a mean path length, `−2^(−length / typical length)`.
    pub(crate) fn score(&self, mean_path_length: f64) -> f64 {
        // A forest of single rows cannot tell anything; the score is then in the middle.
        let ratio =
            if self.typical_path_length > 0.0 { mean_path_length / self.typical_path_length } else { 1.0 };
        -(-ratio).exp2()
    }
}

/// The mean length of an unsuccessful search in a binary search tree of `n` rows: how many more splits would
/// isolate one of `n` rows that ended in the same leaf.
fn path_length(n: usize) -> f64 {
    let rows = n as f64;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * ((rows - 1.0).ln() + EULER_GAMMA) - 2.0 * (rows - 1.0) / rows,
    }
}

/// A node whose rows are `rows[start..end]`.
struct Pending {
    node: usize,
    start: usize,
    end: usize,
    depth: u32,
}

struct RandomSplit {
    column: u32,
    threshold: f64,
    missing_goes_left: bool,
}

fn grow(columns: &Columns, n_samples: usize, mut rng: ChaCha8Rng) -> TreeEnsemble {
    let drawn = rand::seq::index::sample(&mut rng, columns.n_rows(), n_samples);
    let mut rows: Vec<u32> = drawn.iter().map(to_u32).collect();
    let max_depth = n_samples.max(2).next_power_of_two().ilog2();
    let mut order: Vec<u32> = (0..).take(columns.n_columns()).collect();
    let mut tree = TreeEnsemble::new(columns.n_columns(), 1, 1);
    tree.roots.push(0);
    tree.nodes.push(Node::leaf(0));
    let mut stack = vec![Pending { node: 0, start: 0, end: n_samples, depth: 0 }];
    while let Some(Pending { node, start, end, depth }) = stack.pop() {
        let is_open = depth < max_depth && end - start > 1;
        let split = is_open.then(|| random_split(columns, &rows[start..end], &mut order, &mut rng)).flatten();
        let Some(RandomSplit { column, threshold, missing_goes_left }) = split else {
            tree.nodes[node] = Node::leaf(to_u32(tree.values.len()));
            tree.values.push(f64::from(depth) + path_length(end - start));
            continue;
        };
        let values = columns.column(column);
        let mut middle = start;
        for idx in start..end {
            let value = f64::from(values[rows[idx] as usize]);
            if value <= threshold || (value.is_nan() && missing_goes_left) {
                rows.swap(middle, idx);
                middle += 1;
            }
        }
        // As in training with complete columns everywhere else: a missing value follows the greater part.
        let is_complete = !columns.has_missing(column);
        let missing_goes_left = if is_complete { middle - start > end - middle } else { missing_goes_left };
        let first_child = tree.nodes.len();
        tree.nodes[node] = Node::split(column, threshold, missing_goes_left, to_u32(first_child));
        tree.nodes.extend([Node::leaf(0), Node::leaf(0)]);
        stack.push(Pending { node: first_child + 1, start: middle, end, depth: depth + 1 });
        stack.push(Pending { node: first_child, start, end: middle, depth: depth + 1 });
    }
    tree
}

/// A threshold in a random column that is not constant; `None` if all are.
fn random_split(
    columns: &Columns,
    rows: &[u32],
    order: &mut [u32],
    rng: &mut ChaCha8Rng,
) -> Option<RandomSplit> {
    for n_left in (1..=order.len()).rev() {
        let drawn = rng.gen_range(0..n_left);
        order.swap(drawn, n_left - 1);
        let column = order[n_left - 1];
        let values = columns.column(column);
        let (mut least, mut greatest, mut n_missing) = (f32::INFINITY, f32::NEG_INFINITY, 0);
        for row in rows {
            let value = values[*row as usize];
            least = least.min(value);
            greatest = greatest.max(value);
            n_missing += usize::from(value.is_nan());
        }
        if n_missing == rows.len() || (greatest <= least + columns.gap(column) && n_missing == 0) {
            continue;
        }
        let (least, greatest) = (f64::from(least), f64::from(greatest));
        let drawn = least + rng.r#gen::<f64>() * (greatest - least);
        // With one present value, only the right side is left for the missing ones.
        let missing_goes_left = n_missing > 0 && least < greatest && rng.r#gen();
        let threshold = threshold_for_doubles(if drawn < greatest { drawn } else { least });
        return Some(RandomSplit { column, threshold, missing_goes_left });
    }
    None
}

/// A quantile with linear interpolation.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = share.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the list")]
    let below = position as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (position - position.floor()) * (values[above] - values[below])
}
