//! Growing one tree, always at the leaf whose split gains most.

use std::{collections::BinaryHeap, ops::Range};

use rayon::prelude::*;

use super::{
    bins::Binned,
    histogram::{Histogram, Scale, Sum, Word},
    split::{Limits, Monotone, Search, Split, value},
    tree::{Node, Rule, Tree},
};

/// Rows that one thread parts at a time.
const BLOCK: usize = 1 << 14;

/// Columns that are searched in one thread; more are shared out.
const FEW_COLUMNS: usize = 64;

/// How trees grow.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    /// Leaves, at the most.
    pub(crate) max_leaves: usize,
    /// Levels of splits, at the most.
    pub(crate) max_depth: usize,
    /// Rows in a leaf, at the least.
    pub(crate) min_rows_leaf: usize,
    /// Added to the hessian of every leaf.
    pub(crate) l2: f64,
    /// What a split must gain.
    pub(crate) min_gain: f64,
    /// One for each column.
    pub(crate) monotone: Vec<Monotone>,
}

/// A tree with the rows of each leaf.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// The rows, leaf after leaf.
    pub(super) rows: Vec<u32>,
    /// Each leaf's node and its rows' places.
    pub(super) leaves: Vec<(usize, Range<usize>)>,
}

struct Leaf {
    node: usize,
    rows: Range<usize>,
    sum: Sum,
    histogram: Histogram,
    depth: usize,
    lower: f64,
    upper: f64,
    split: Option<Split>,
}

/// A leaf that can be split; the one with the greatest gain comes first, of equal ones the older.
struct Candidate(Leaf, f64);

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.1.total_cmp(&other.1).then(other.0.node.cmp(&self.0.node))
    }
}

/// Grows trees over the same rows.
pub(super) struct Grower<'a> {
    pub(super) binned: &'a Binned,
    pub(super) growth: &'a Growth,
    pub(super) offsets: &'a [usize],
    /// The columns that this tree may use.
    pub(super) columns: &'a [usize],
    pub(super) scale: Scale,
    /// Every row's gradient.
    pub(super) words: &'a [Word],
}

impl Grower<'_> {
    /// Grows a tree on some rows, given in ascending order.
    pub(super) fn grow(&self, mut rows: Vec<u32>) -> Grown {
        let histogram = Histogram::of(self.binned, self.offsets, &rows, self.words);
        let sum = histogram.total(self.offsets);
        let mut root = Leaf {
            node: 0,
            rows: 0..rows.len(),
            sum,
            histogram,
            depth: 0,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            split: None,
        };
        self.search(&mut root);
        let mut nodes = vec![Node::Leaf(self.value_of(&root))];
        let mut leaves = Vec::new();
        let mut open = BinaryHeap::new();
        let mut offer = |leaf: Leaf, open: &mut BinaryHeap<Candidate>| match &leaf.split {
            Some(split) => {
                let gain = split.gain;
                open.push(Candidate(leaf, gain));
            }
            None => leaves.push((leaf.node, leaf.rows)),
        };
        offer(root, &mut open);
        let mut n_leaves = 1;
        while n_leaves < self.growth.max_leaves {
            let Some(Candidate(mut leaf, _)) = open.pop() else { break };
            let Some(split) = leaf.split.take() else { break };
            n_leaves += 1;
            let (left, right) = self.part(&mut rows, leaf, &split, nodes.len());
            let (node, first) = (left.1, left.0.node);
            nodes[node] =
                Node::Split { column: split.column, rule: split.rule, left: first, gain: split.gain };
            nodes.push(Node::Leaf(self.value_of(&left.0)));
            nodes.push(Node::Leaf(self.value_of(&right)));
            offer(left.0, &mut open);
            offer(right, &mut open);
        }
        leaves.extend(open.into_iter().map(|Candidate(leaf, _)| (leaf.node, leaf.rows)));
        leaves.sort_unstable_by_key(|(node, _)| *node);
        Grown { tree: Tree { nodes }, rows, leaves }
    }

    fn limits(&self, leaf: &Leaf) -> Limits {
        let Growth { l2, min_gain, min_rows_leaf, .. } = *self.growth;
        Limits { l2, min_gain, min_rows_leaf, lower: leaf.lower, upper: leaf.upper }
    }

    fn value_of(&self, leaf: &Leaf) -> f64 {
        value(self.scale.total(leaf.sum), self.growth.l2, &self.limits(leaf))
    }

    /// Parts a leaf into its children, which stand at `first` and behind it; the left one comes with the leaf's own node.
    fn part(&self, rows: &mut [u32], leaf: Leaf, split: &Split, first: usize) -> ((Leaf, usize), Leaf) {
        let own = &mut rows[leaf.rows.clone()];
        let missing = self.binned.bins[split.column].missing();
        let n_left = partition(own, &self.binned.columns[split.column], &split.rule.table(missing));
        let middle = leaf.rows.start + n_left;
        let right_sum = [leaf.sum[0] - split.left[0], leaf.sum[1] - split.left[1]];
        let (left_bounds, right_bounds) = self.bounds(&leaf, split, right_sum);
        let is_left_smaller = n_left * 2 <= leaf.rows.len();
        let (left_rows, right_rows) = (leaf.rows.start..middle, middle..leaf.rows.end);
        let small_rows = if is_left_smaller { left_rows.clone() } else { right_rows.clone() };
        // Before this split the tree has as many leaves as other nodes, and one more.
        let n_leaves = first.div_ceil(2) + 1;
        let least = 2 * self.growth.min_rows_leaf.max(1);
        let is_last = n_leaves >= self.growth.max_leaves
            || leaf.depth + 1 >= self.growth.max_depth
            || left_rows.len().max(right_rows.len()) < least;
        let mut large = leaf.histogram;
        let small = if is_last {
            Histogram { sums: Vec::new() }
        } else {
            Histogram::of(self.binned, self.offsets, &rows[small_rows], self.words)
        };
        if !is_last {
            large.subtract(&small);
        }
        let (left_histogram, right_histogram) = if is_left_smaller { (small, large) } else { (large, small) };
        let child = |node, rows, sum, histogram, (lower, upper): (f64, f64)| Leaf {
            node,
            rows,
            sum,
            histogram,
            depth: leaf.depth + 1,
            lower,
            upper,
            split: None,
        };
        let mut left = child(first, left_rows, split.left, left_histogram, left_bounds);
        let mut right = child(first + 1, right_rows, right_sum, right_histogram, right_bounds);
        if !is_last {
            rayon::join(|| self.search(&mut left), || self.search(&mut right));
        }
        ((left, leaf.node), right)
    }

    /// The values that the children may have. A monotone column parts them at the middle of the two.
    fn bounds(&self, leaf: &Leaf, split: &Split, right: Sum) -> ((f64, f64), (f64, f64)) {
        let own = (leaf.lower, leaf.upper);
        let (limits, l2) = (self.limits(leaf), self.growth.l2);
        let middle = || {
            let left = value(self.scale.total(split.left), l2, &limits);
            f64::midpoint(left, value(self.scale.total(right), l2, &limits))
        };
        match self.growth.monotone[split.column] {
            Monotone::Free => (own, own),
            Monotone::Up => ((own.0, middle()), (middle(), own.1)),
            Monotone::Down => ((middle(), own.1), (own.0, middle())),
        }
    }

    /// Finds a leaf's best split; of equal ones that of the first column.
    fn search(&self, leaf: &mut Leaf) {
        if leaf.rows.len() < 2 * self.growth.min_rows_leaf.max(1) || leaf.depth >= self.growth.max_depth {
            return;
        }
        let limits = self.limits(leaf);
        let search = Search { scale: self.scale, limits: &limits, leaf: leaf.sum };
        let one = |column: &usize| {
            let sums = &leaf.histogram.sums[self.offsets[*column]..self.offsets[*column + 1]];
            search.best(*column, &self.binned.bins[*column], sums, self.growth.monotone[*column])
        };
        let better = |best: Option<Split>, next: Option<Split>| match (best, next) {
            (Some(best), Some(next)) => Some(if next.gain > best.gain { next } else { best }),
            (best, next) => best.or(next),
        };
        leaf.split = if self.columns.len() <= FEW_COLUMNS {
            self.columns.iter().map(one).fold(None, better)
        } else {
            let found: Vec<Option<Split>> = self.columns.par_iter().map(one).collect();
            found.into_iter().fold(None, better)
        };
    }
}

/// Moves the rows that go left before the others, both in their order, and counts them.
fn partition(rows: &mut [u32], bins: &[u8], goes_left: &[bool; 256]) -> usize {
    let part = |rows: &[u32]| {
        let (mut left, mut right) = (vec![0; rows.len()], vec![0; rows.len()]);
        let (mut n_left, mut n_right) = (0, 0);
        for row in rows {
            let is_left = goes_left[usize::from(bins[*row as usize])];
            // Both are written and one of them counts: a branch would be guessed wrong half of the time.
            left[n_left] = *row;
            right[n_right] = *row;
            n_left += usize::from(is_left);
            n_right += usize::from(!is_left);
        }
        left.truncate(n_left);
        right.truncate(n_right);
        (left, right)
    };
    let parts: Vec<(Vec<u32>, Vec<u32>)> =
        if rows.len() <= BLOCK { vec![part(rows)] } else { rows.par_chunks(BLOCK).map(part).collect() };
    let mut at = 0;
    for (left, _) in &parts {
        rows[at..at + left.len()].copy_from_slice(left);
        at += left.len();
    }
    let n_left = at;
    for (_, right) in &parts {
        rows[at..at + right.len()].copy_from_slice(right);
        at += right.len();
    }
    n_left
}

/// The leaf that a row of bins falls into.
pub(super) fn leaf_of(tree: &Tree, tables: &[[bool; 256]], bin: impl Fn(usize) -> u8) -> f64 {
    let mut at = 0;
    loop {
        match &tree.nodes[at] {
            Node::Leaf(value) => return *value,
            Node::Split { column, left, .. } => {
                at = left + usize::from(!tables[at][usize::from(bin(*column))]);
            }
        }
    }
}

/// For each node, which bins go left.
pub(super) fn tables(tree: &Tree, binned: &Binned) -> Vec<[bool; 256]> {
    let table = |column: usize, rule: &Rule| rule.table(binned.bins[column].missing());
    let node = |node: &Node| match node {
        Node::Leaf(_) => [false; 256],
        Node::Split { column, rule, .. } => table(*column, rule),
    };
    tree.nodes.iter().map(node).collect()
}
