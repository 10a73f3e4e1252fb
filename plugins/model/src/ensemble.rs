//! Prediction by trees: single trees, random forests, isolation forests and gradient boosting share this form.
//!
//! All trees stand in one array of 16-byte nodes, the two children of a node side by side. Prediction walks
//! several trees (for one row) or several rows (for many) at the same time: a single walk waits for memory
//! at every step, and walks that do not depend on each other wait together.

mod row_scorer;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use row_scorer::LazyRowScorer;

/// The lowest 29 bits of [`Node::feature`]: the column.
const COLUMN_MASK: u32 = (1 << 29) - 1;
const IS_CATEGORICAL: u32 = 1 << 29;
const MISSING_GOES_LEFT: u32 = 1 << 30;
const IS_LEAF: u32 = 1 << 31;

/// Walks side by side; more do not fit into the registers.
const N_LANES: usize = 8;
/// Rows that go through one tree before the next tree is loaded.
const N_BLOCK_ROWS: usize = 128;

/// A split or a leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// A row goes left when its value is at most this; for a categorical split, the number of its bitset.
    pub threshold: f64,
    /// The first child (the second follows it), or for a leaf the start of its values in [`TreeEnsemble::values`].
    pub next: u32,
    /// The column in the lowest 29 bits, above it three flags: categorical, missing goes left, leaf.
    pub feature: u32,
}

impl Node {
    /// A leaf whose values start at `values_idx`.
    pub fn leaf(values_idx: u32) -> Self {
        Self { threshold: 0.0, next: values_idx, feature: IS_LEAF }
    }

    /// A split of numbers: at most `threshold` goes left, to the node `next`.
    pub fn split(column: u32, threshold: f64, missing_goes_left: bool, next: u32) -> Self {
        let flag = if missing_goes_left { MISSING_GOES_LEFT } else { 0 };
        Self { threshold, next, feature: (column & COLUMN_MASK) | flag }
    }

    /// A split of category codes: the codes in the bitset `bitset_idx` go left.
    pub fn categorical(column: u32, bitset_idx: u32, missing_goes_left: bool, next: u32) -> Self {
        let mut node = Self::split(column, f64::from(bitset_idx), missing_goes_left, next);
        node.feature |= IS_CATEGORICAL;
        node
    }

    /// Whether the walk ends here.
    pub fn is_leaf(&self) -> bool {
        self.feature & IS_LEAF != 0
    }

    /// Whether the split is by a bitset of category codes.
    pub fn is_categorical(&self) -> bool {
        self.feature & IS_CATEGORICAL != 0
    }

    /// Whether a missing value goes left.
    pub fn missing_goes_left(&self) -> bool {
        self.feature & MISSING_GOES_LEFT != 0
    }

    /// The column that the split reads.
    pub fn column(&self) -> usize {
        (self.feature & COLUMN_MASK) as usize
    }
}

/// Trees whose leaf values add up to a prediction: `base + scale · Σ leaf values`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TreeEnsemble {
    /// The number of columns of a row.
    pub n_features: usize,
    /// The numbers that a prediction consists of.
    pub n_outputs: usize,
    /// The numbers at a leaf: `n_outputs`, or 1, and then tree `i` adds to output `i % n_outputs`.
    pub n_values: usize,
    /// The root of each tree.
    #[serde(with = "crate::packed")]
    pub roots: Vec<u32>,
    /// The nodes of all trees; children follow their parent.
    #[serde(with = "crate::packed")]
    pub nodes: Vec<Node>,
    /// The values of leaves, `n_values` each; equal leaves may share them.
    #[serde(with = "crate::packed")]
    pub values: Vec<f64>,
    /// Bitsets of category codes, `n_category_words` each.
    #[serde(with = "crate::packed")]
    pub categories: Vec<u64>,
    /// The 64-bit words of a bitset; codes beyond it go right.
    pub n_category_words: usize,
    /// Where each output starts; empty means zero.
    pub base: Vec<f64>,
    /// The factor of the sum: `1 / n_trees` for a mean.
    pub scale: f64,
}

impl TreeEnsemble {
    /// An ensemble without trees.
    pub fn new(n_features: usize, n_outputs: usize, n_values: usize) -> Self {
        Self { n_features, n_outputs, n_values, scale: 1.0, ..Self::default() }
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.roots.len()
    }

    /// Adds the trees of another ensemble of the same shape after the own ones.
    pub fn append(&mut self, other: &Self) {
        let n_nodes = to_u32(self.nodes.len());
        let n_values = to_u32(self.values.len());
        let n_bitsets = (self.categories.len() / self.n_category_words.max(1)) as f64;
        self.roots.extend(other.roots.iter().map(|root| root + n_nodes));
        self.nodes.extend(other.nodes.iter().map(|node| Node {
            next: node.next + if node.is_leaf() { n_values } else { n_nodes },
            threshold: if node.is_categorical() { node.threshold + n_bitsets } else { node.threshold },
            feature: node.feature,
        }));
        self.values.extend_from_slice(&other.values);
        self.categories.extend_from_slice(&other.categories);
    }

    /// Says what is wrong with an ensemble from a file; a sound one can neither panic nor walk in circles.
    pub fn check(&self) -> Result<(), String> {
        if self.n_values != self.n_outputs && self.n_values != 1 {
            return Err(format!("{} values at a leaf do not fit {} outputs", self.n_values, self.n_outputs));
        }
        if !self.base.is_empty() && self.base.len() != self.n_outputs {
            return Err(format!("{} start values do not fit {} outputs", self.base.len(), self.n_outputs));
        }
        if let Some(root) = self.roots.iter().find(|root| **root as usize >= self.nodes.len()) {
            return Err(format!("the root {root} is beyond the last node"));
        }
        for (idx, node) in self.nodes.iter().enumerate() {
            self.check_node(idx, node).map_err(|problem| format!("node {idx}: {problem}"))?;
        }
        Ok(())
    }

    fn check_node(&self, idx: usize, node: &Node) -> Result<(), &'static str> {
        let next = node.next as usize;
        if node.is_leaf() {
            let fits = next + self.n_values <= self.values.len();
            return if fits { Ok(()) } else { Err("its values are beyond the last one") };
        }
        if next <= idx || next + 1 >= self.nodes.len() {
            return Err("its children do not follow it");
        }
        if node.column() >= self.n_features {
            return Err("its column is beyond the last one");
        }
        let n_bitsets = (self.categories.len() / self.n_category_words.max(1)) as f64;
        if node.is_categorical() && !(node.threshold >= 0.0 && node.threshold < n_bitsets) {
            return Err("its bitset is beyond the last one");
        }
        Ok(())
    }

    /// Predicts one row into `outputs`. Panics if a length is wrong.
    pub fn predict_row(&self, row: &[f64], outputs: &mut [f64]) {
        assert_eq!(row.len(), self.n_features, "a row has one value for each feature");
        outputs.fill(0.0);
        // Leaves read a column too, so there must be one.
        let row = if row.is_empty() { &[0.0] } else { row };
        match (self.categories.is_empty(), row.iter().any(|x| x.is_nan())) {
            (true, false) => self.add_trees::<Numbers>(row, outputs),
            (true, true) => self.add_trees::<NumbersOrMissing>(row, outputs),
            (false, _) => self.add_trees::<Anything>(row, outputs),
        }
        self.finish(outputs);
    }

    /// Predicts many rows, row after row in `rows`, into `outputs`, `n_outputs` each. Panics if a length is wrong.
    pub fn predict(&self, rows: &[f64], outputs: &mut [f64]) {
        let n_rows = outputs.len() / self.n_outputs.max(1);
        assert_eq!(rows.len(), n_rows * self.n_features, "each row has one value for each feature");
        if self.n_features == 0 || self.n_outputs == 0 {
            outputs.chunks_mut(self.n_outputs.max(1)).for_each(|sums| self.predict_row(&[], sums));
            return;
        }
        outputs.fill(0.0);
        let blocks = rows.chunks(N_BLOCK_ROWS * self.n_features);
        for (block, sums) in blocks.zip(outputs.chunks_mut(N_BLOCK_ROWS * self.n_outputs)) {
            match (self.categories.is_empty(), block.iter().any(|x| x.is_nan())) {
                (true, false) => self.add_block::<Numbers>(block, sums),
                (true, true) => self.add_block::<NumbersOrMissing>(block, sums),
                (false, _) => self.add_block::<Anything>(block, sums),
            }
        }
        outputs.chunks_mut(self.n_outputs).for_each(|sums| self.finish(sums));
    }

    /// The values of the leaf of tree `tree_idx` that a row ends in.
    pub fn leaf_values(&self, tree_idx: usize, row: &[f64]) -> &[f64] {
        let row = if row.is_empty() { &[0.0] } else { row };
        let [start] = self.walk::<Anything, 1>([self.roots[tree_idx]], row, [0]);
        &self.values[start as usize..start as usize + self.n_values]
    }

    fn finish(&self, outputs: &mut [f64]) {
        for (idx, sum) in outputs.iter_mut().enumerate() {
            *sum = *sum * self.scale + self.base.get(idx).copied().unwrap_or_default();
        }
    }

    fn add_trees<D: Decide>(&self, row: &[f64], outputs: &mut [f64]) {
        let groups = self.roots.chunks_exact(N_LANES);
        let rest = groups.remainder();
        for (group_idx, group) in groups.enumerate() {
            let mut roots = [0; N_LANES];
            roots.copy_from_slice(group);
            let leaves = self.walk::<D, N_LANES>(roots, row, [0; N_LANES]);
            if let [sum] = outputs {
                // One sum stays in a register, where the additions do not wait for memory.
                *sum = leaves.iter().fold(*sum, |sum, leaf| sum + self.values[*leaf as usize]);
                continue;
            }
            for (tree_idx, leaf) in (group_idx * N_LANES..).zip(leaves) {
                self.add_leaf(tree_idx, leaf, outputs);
            }
        }
        for (tree_idx, root) in (self.roots.len() - rest.len()..).zip(rest) {
            let [leaf] = self.walk::<D, 1>([*root], row, [0]);
            self.add_leaf(tree_idx, leaf, outputs);
        }
    }

    fn add_block<D: Decide>(&self, block: &[f64], outputs: &mut [f64]) {
        for (tree_idx, root) in self.roots.iter().enumerate() {
            let mut start = 0;
            let mut groups = outputs.chunks_exact_mut(N_LANES * self.n_outputs);
            for sums in &mut groups {
                let starts = std::array::from_fn(|lane| start + lane * self.n_features);
                let leaves = self.walk::<D, N_LANES>([*root; N_LANES], block, starts);
                for (leaf, sum) in leaves.into_iter().zip(sums.chunks_exact_mut(self.n_outputs)) {
                    self.add_leaf(tree_idx, leaf, sum);
                }
                start += N_LANES * self.n_features;
            }
            for sum in groups.into_remainder().chunks_exact_mut(self.n_outputs) {
                let [leaf] = self.walk::<D, 1>([*root], block, [start]);
                self.add_leaf(tree_idx, leaf, sum);
                start += self.n_features;
            }
        }
    }

    fn add_leaf(&self, tree_idx: usize, leaf: u32, outputs: &mut [f64]) {
        let start = leaf as usize;
        if self.n_values == self.n_outputs {
            let values = &self.values[start..start + self.n_values];
            outputs.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        } else {
            outputs[tree_idx % self.n_outputs] += self.values[start];
        }
    }

    /// Walks from each root, each with the row at its start in `rows`, and returns where the leaves' values start.
    /// Lanes that have reached their leaf stay there until the last one has: to branch for each lane would cost
    /// more than the idle steps.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the starts of a single row are known to be zero only then")]
    fn walk<D: Decide, const N: usize>(&self, roots: [u32; N], rows: &[f64], starts: [usize; N]) -> [u32; N] {
        let nodes = self.nodes.as_slice();
        let mut at = roots;
        loop {
            let mut all_leaves = IS_LEAF;
            for lane in 0..N {
                let node = &nodes[at[lane] as usize];
                all_leaves &= node.feature;
                // A leaf reads column 0, which does no harm.
                let goes_left = D::goes_left(self, node, rows[starts[lane] + node.column()]);
                let next = node.next + u32::from(!goes_left);
                at[lane] = if node.is_leaf() { at[lane] } else { next };
            }
            if all_leaves != 0 {
                return at.map(|idx| nodes[idx as usize].next);
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate, see below")]
    fn is_in_bitset(&self, bitset: f64, value: f64) -> bool {
        // Codes are whole numbers from 0; the cast drops a fraction and saturates at both ends.
        let code = value as u64;
        let word = usize::try_from(code / 64).unwrap_or(usize::MAX);
        if value < 0.0 || word >= self.n_category_words {
            return false;
        }
        let start = bitset as usize * self.n_category_words;
        self.categories.get(start + word).is_some_and(|bits| bits >> (code % 64) & 1 == 1)
    }
}

/// How a row chooses its side; what a row or an ensemble cannot contain is not tested at each step.
trait Decide {
    fn goes_left(ensemble: &TreeEnsemble, node: &Node, value: f64) -> bool;
}

struct Numbers;
struct NumbersOrMissing;
struct Anything;

impl Decide for Numbers {
    fn goes_left(_: &TreeEnsemble, node: &Node, value: f64) -> bool {
        value <= node.threshold
    }
}

impl Decide for NumbersOrMissing {
    fn goes_left(_: &TreeEnsemble, node: &Node, value: f64) -> bool {
        (value <= node.threshold) | (value.is_nan() & node.missing_goes_left())
    }
}

impl Decide for Anything {
    fn goes_left(ensemble: &TreeEnsemble, node: &Node, value: f64) -> bool {
        if node.is_categorical() && !value.is_nan() {
            return ensemble.is_in_bitset(node.threshold, value);
        }
        NumbersOrMissing::goes_left(ensemble, node, value)
    }
}

/// Indexes of nodes and values are 32 bits wide, enough for four billion.
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).expect("an ensemble has fewer than 2^32 nodes and values")
}
