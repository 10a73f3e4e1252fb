//! A k-d tree that finds exactly what a scan of all rows finds.
//!
//! Every node halves its rows at the median of the column in which they spread most, and knows the tightest
//! box around each half. A half is left out when its box is farther away than the farthest neighbour so far,
//! or as far and all of its row numbers are higher. After J. L. Bentley, *Multidimensional binary search
//! trees used for associative searching*, 1975.

use std::ops::Range;

use super::blocks::{Blocks, LANES};
use super::metric::{Ranking, Squares};
use super::nearest::Nearest;

/// The largest number of rows in a leaf.
const LEAF_ROWS: usize = 4 * LANES;

/// Nodes of at least this many rows ask whether to stop.
const STOP_ROWS: usize = 10_000;

/// In one column, the lower and the upper end of the first half, then of the second: `[[low, low], [high,
/// high]]`.
type Ends = [[f64; 2]; 2];

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Leaf { blocks: Range<usize> },
    Inner { halves: [Half; 2], ends: usize },
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Half {
    node: usize,
    first_row: usize,
}

/// Rows of a table, ordered for searching.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KdTree {
    n_columns: usize,
    nodes: Vec<Node>,
    /// For each inner node, the boxes of its halves, column after column.
    ends: Vec<Ends>,
    blocks: Blocks,
    root: usize,
}

impl KdTree {
    /// Builds the tree of a row-major table of at least one column; `None` when told to stop.
    pub(super) fn new(points: &[f64], n_columns: usize, stop: &(dyn Fn() -> bool + Sync)) -> Option<Self> {
        let mut order: Vec<usize> = (0..points.len() / n_columns).collect();
        let blocks = Blocks::new(n_columns);
        let tree = Self { n_columns, nodes: Vec::new(), ends: Vec::new(), blocks, root: 0 };
        let mut builder = Builder { points, tree, stop };
        let bounding_box = bounding_box(points, n_columns, &order);
        builder.tree.root = builder.node(&mut order, &bounding_box)?;
        Some(builder.tree)
    }

    /// Finds the nearest rows; returns the number of blocks it looked at.
    pub(super) fn search<R: Ranking>(&self, ranking: R, query: &[f64], nearest: &mut Nearest) -> usize {
        self.visit(self.root, ranking, query, nearest)
    }

    /// The leaf that is nearest to a query; leaves of near numbers are near each other.
    pub(super) fn leaf(&self, query: &[f64]) -> usize {
        let mut node = self.root;
        while let Node::Inner { halves, ends } = &self.nodes[node] {
            let bounds = self.bounds(*ends, Squares, query);
            node = halves[usize::from(bounds[1] < bounds[0])].node;
        }
        node
    }

    /// The number of blocks of rows.
    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn visit<R: Ranking>(&self, node: usize, ranking: R, query: &[f64], nearest: &mut Nearest) -> usize {
        match &self.nodes[node] {
            Node::Leaf { blocks } => {
                self.blocks.scan(ranking, blocks.clone(), query, nearest);
                blocks.len()
            }
            Node::Inner { halves, ends } => {
                let bounds = self.bounds(*ends, ranking, query);
                let nearer = usize::from(bounds[1] < bounds[0]);
                let mut n_blocks = 0;
                for side in [nearer, 1 - nearer] {
                    if nearest.accepts(bounds[side], halves[side].first_row) {
                        n_blocks += self.visit(halves[side].node, ranking, query, nearest);
                    }
                }
                n_blocks
            }
        }
    }

    /// What the rankings of the rows in each of two boxes cannot be below.
    #[inline]
    fn bounds<R: Ranking>(&self, ends: usize, ranking: R, query: &[f64]) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for ([lows, highs], query) in self.ends[ends..ends + self.n_columns].iter().zip(query) {
            for ((sum, low), high) in sums.iter_mut().zip(lows).zip(highs) {
                let (below, above) = (low - query, query - high);
                let outside = if below > above { below } else { above };
                *sum = ranking.add(*sum, if outside > 0.0 { outside } else { 0.0 });
            }
        }
        sums.map(|sum| ranking.lower_bound(sum))
    }
}

struct Builder<'a> {
    points: &'a [f64],
    tree: KdTree,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Builder<'_> {
    /// Builds the node of some rows, and all nodes below it.
    fn node(&mut self, rows: &mut [usize], bounding_box: &[[f64; 2]]) -> Option<usize> {
        if rows.len() >= STOP_ROWS && (self.stop)() {
            return None;
        }
        let node = if rows.len() <= LEAF_ROWS {
            rows.sort_unstable();
            Node::Leaf { blocks: self.tree.blocks.append(self.points, rows) }
        } else {
            self.split(rows, widest_column(bounding_box))?
        };
        self.tree.nodes.push(node);
        Some(self.tree.nodes.len() - 1)
    }

    fn split(&mut self, rows: &mut [usize], column: usize) -> Option<Node> {
        let (points, n_columns) = (self.points, self.tree.n_columns);
        let value = |row: usize| points[row * n_columns + column];
        // Full blocks on the left waste no lanes. Equal rows are split by their numbers.
        let middle = (rows.len() / 2).next_multiple_of(LANES);
        rows.select_nth_unstable_by(middle, |a, b| value(*a).total_cmp(&value(*b)).then(a.cmp(b)));
        let (left, right) = rows.split_at_mut(middle);
        let boxes = [&*left, &*right].map(|half| bounding_box(points, n_columns, half));
        let first_rows = [&*left, &*right].map(|half| half.iter().copied().min().unwrap_or(0));
        let ends = self.tree.ends.len();
        let both = boxes[0].iter().zip(&boxes[1]);
        self.tree.ends.extend(both.map(|(left, right)| [[left[0], right[0]], [left[1], right[1]]]));
        let halves = [
            Half { node: self.node(left, &boxes[0])?, first_row: first_rows[0] },
            Half { node: self.node(right, &boxes[1])?, first_row: first_rows[1] },
        ];
        Some(Node::Inner { halves, ends })
    }
}

/// The column in which a box is widest, the first of several.
fn widest_column(bounding_box: &[[f64; 2]]) -> usize {
    let mut widest = (0, 0.0);
    for (column, [low, high]) in bounding_box.iter().enumerate() {
        if high - low > widest.1 {
            widest = (column, high - low);
        }
    }
    widest.0
}

/// The lowest and the highest value of each column.
fn bounding_box(points: &[f64], n_columns: usize, rows: &[usize]) -> Vec<[f64; 2]> {
    let mut ends = vec![[f64::INFINITY, f64::NEG_INFINITY]; n_columns];
    for row in rows {
        for ([low, high], value) in ends.iter_mut().zip(&points[row * n_columns..(row + 1) * n_columns]) {
            *low = low.min(*value);
            *high = high.max(*value);
        }
    }
    ends
}
