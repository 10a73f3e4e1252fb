//! Growing a tree from the root, depth first, or best first when the number of leaves is limited.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;

use super::columns::Columns;
use super::criterion::Measure;
use super::draw::ColumnOrder;
use super::grown::{GrownNode, GrownTree, to_u32};
use super::samples::Samples;
use super::settings::{FitError, Thresholds, TreeSettings};
use super::split::{Offer, Search, Split};

/// After so many values read, the caller is asked whether to stop: some milliseconds.
const STOP_INTERVAL: usize = 500_000;

/// What a tree is grown from.
pub(super) struct Growth<'a, M: Measure> {
    pub(super) columns: &'a Columns,
    pub(super) settings: &'a TreeSettings,
    pub(super) measure: M,
    pub(super) samples: Samples<M::Label>,
    pub(super) rng: ChaCha8Rng,
    pub(super) stop: &'a (dyn Fn() -> bool + Sync),
}

impl<M: Measure> Growth<'_, M> {
    /// Grows the tree.
    pub(super) fn grow(self) -> Result<GrownTree, FitError> {
        if self.samples.len() == 0 {
            return Err(FitError::NoRows);
        }
        Grower::new(self).grow()
    }
}

/// A node that may be split, with its range of rows.
#[derive(Clone, Copy, Debug)]
struct Pending {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    /// So many columns, the first ones of the order, are known to be constant in it.
    n_constants: usize,
}

/// A split that has been found and applied to the rows, but not yet to the tree.
struct Division {
    pending: Pending,
    split: Split,
    middle: usize,
    n_constants: usize,
    improvement: f64,
    children: [GrownNode; 2],
}

struct Grower<'a, M: Measure> {
    search: Search<'a>,
    settings: &'a TreeSettings,
    measure: M,
    samples: Samples<M::Label>,
    order: ColumnOrder,
    rng: ChaCha8Rng,
    stop: &'a (dyn Fn() -> bool + Sync),
    n_read: usize,
    tree: GrownTree,
}

impl<'a, M: Measure> Grower<'a, M> {
    fn new(growth: Growth<'a, M>) -> Self {
        let n_features = growth.columns.n_columns();
        let max_features = growth.settings.max_features.count(n_features);
        Self {
            search: Search::new(growth.columns, growth.settings.min_samples_leaf),
            settings: growth.settings,
            samples: growth.samples,
            order: ColumnOrder::new(n_features, max_features, growth.settings.ties),
            rng: growth.rng,
            stop: growth.stop,
            n_read: 0,
            tree: GrownTree { n_features, n_values: growth.measure.n_values(), ..GrownTree::default() },
            measure: growth.measure,
        }
    }

    fn grow(mut self) -> Result<GrownTree, FitError> {
        let root = self.summarize(0, self.samples.len());
        self.tree.nodes.push(root);
        let pending = Pending { node: 0, start: 0, end: self.samples.len(), depth: 0, n_constants: 0 };
        if self.settings.max_leaf_nodes.is_some() {
            self.grow_best_first(pending)?;
        } else {
            self.grow_depth_first(pending)?;
        }
        if self.settings.ccp_alpha > 0.0 {
            self.tree.prune(self.settings.ccp_alpha);
        }
        Ok(self.tree)
    }

    fn grow_depth_first(&mut self, root: Pending) -> Result<(), FitError> {
        let mut stack = vec![root];
        while let Some(pending) = stack.pop() {
            if let Some(division) = self.divide(pending)? {
                let [left, right] = self.add_children(division);
                stack.extend([right, left]);
            }
        }
        Ok(())
    }

    fn grow_best_first(&mut self, root: Pending) -> Result<(), FitError> {
        let mut n_splits_left = self.settings.max_leaf_nodes.unwrap_or(usize::MAX).saturating_sub(1);
        let mut frontier = BinaryHeap::new();
        if n_splits_left > 0 {
            frontier.extend(self.divide(root)?.map(ByImprovement));
        }
        while let Some(ByImprovement(division)) = frontier.pop() {
            n_splits_left -= 1;
            for mut child in self.add_children(division) {
                // Nodes are visited out of order, so the order of columns knows nothing about this one.
                child.n_constants = 0;
                if n_splits_left > 0 {
                    frontier.extend(self.divide(child)?.map(ByImprovement));
                }
            }
            if n_splits_left == 0 {
                break;
            }
        }
        self.tree.compact();
        Ok(())
    }

    fn add_children(&mut self, division: Division) -> [Pending; 2] {
        let Division { pending, split, middle, n_constants, children, .. } = division;
        let first_child = self.tree.nodes.len();
        let node = &mut self.tree.nodes[pending.node];
        node.first_child = to_u32(first_child);
        node.column = split.column;
        node.threshold = split.threshold;
        node.missing_goes_left = split.missing_goes_left;
        self.tree.nodes.extend(children);
        let depth = pending.depth + 1;
        [(first_child, pending.start, middle), (first_child + 1, middle, pending.end)]
            .map(|(node, start, end)| Pending { node, start, end, depth, n_constants })
    }

    /// A node for a range of rows, as a leaf.
    fn summarize(&mut self, start: usize, end: usize) -> GrownNode {
        self.measure.begin(self.samples.node(start, end));
        let values_idx = self.tree.values.len();
        self.measure.push_value(&mut self.tree.values);
        GrownNode {
            first_child: 0,
            column: 0,
            threshold: 0.0,
            missing_goes_left: false,
            n_rows: end - start,
            weight: self.measure.weight(),
            impurity: self.measure.impurity(),
            values_idx,
        }
    }

    /// Finds the best split of a node and divides its rows, or leaves the node a leaf.
    fn divide(&mut self, pending: Pending) -> Result<Option<Division>, FitError> {
        let Pending { start, end, .. } = pending;
        let settings = self.settings;
        let n_rows = end - start;
        let impurity = self.tree.nodes[pending.node].impurity;
        if settings.max_depth.is_some_and(|max_depth| pending.depth >= max_depth)
            || n_rows < settings.min_samples_split.max(2)
            || n_rows / 2 < settings.min_samples_leaf
            || impurity <= f64::EPSILON
        {
            return Ok(None);
        }
        let Some((mut split, n_constants)) = self.best_split(pending)? else { return Ok(None) };
        let values = self.search.columns.column(split.column);
        let middle = self.samples.divide(start, end, |row| split.goes_left(values[row as usize]));
        if !self.search.columns.has_missing(split.column) || !self.has_missing(split.column, start, end) {
            split.missing_goes_left = middle - start > end - middle;
        }
        let n_values = self.tree.values.len();
        let children = [self.summarize(start, middle), self.summarize(middle, end)];
        let improvement = self.improvement(pending.node, &children);
        if improvement + f64::EPSILON < settings.min_impurity_decrease {
            self.tree.values.truncate(n_values);
            return Ok(None);
        }
        Ok(Some(Division { pending, split, middle, n_constants, improvement, children }))
    }

    /// The best split over the drawn columns, and the number of columns now known to be constant.
    fn best_split(&mut self, pending: Pending) -> Result<Option<(Split, usize)>, FitError> {
        let node = self.samples.node(pending.start, pending.end);
        self.measure.begin(node);
        let mut draws = self.order.start(pending.n_constants);
        let mut best: Option<Split> = None;
        while let Some((idx, column)) = self.order.next(&mut draws, &mut self.rng) {
            self.n_read += node.rows.len();
            if self.n_read >= STOP_INTERVAL {
                self.n_read = 0;
                if (self.stop)() {
                    return Err(FitError::Stopped);
                }
            }
            let offer = match self.settings.thresholds {
                Thresholds::Best => self.search.best(node, &mut self.measure, column),
                Thresholds::Random => self.search.random(node, &mut self.measure, column, &mut self.rng),
            };
            match offer {
                Offer::Constant => self.order.note_constant(&mut draws, idx),
                Offer::Nothing => self.order.note_tried(&mut draws, idx),
                Offer::Split(split) => {
                    self.order.note_tried(&mut draws, idx);
                    if best.as_ref().is_none_or(|best| split.beats(best, self.settings.ties)) {
                        best = Some(split);
                    }
                }
            }
        }
        Ok(best.map(|split| (split, draws.n_constants())))
    }

    fn has_missing(&self, column: u32, start: usize, end: usize) -> bool {
        let values = self.search.columns.column(column);
        self.samples.node(start, end).rows.iter().any(|row| values[*row as usize].is_nan())
    }

    /// The decrease of the impurity, weighted by the node's share of all weight.
    fn improvement(&self, node: usize, [left, right]: &[GrownNode; 2]) -> f64 {
        let node = &self.tree.nodes[node];
        let [left, right] = [left, right].map(|child| child.weight / node.weight * child.impurity);
        node.weight / self.tree.nodes[0].weight * (node.impurity - right - left)
    }
}

/// Divisions ordered by improvement; of equal ones, the one of the earlier node is greater.
struct ByImprovement(Division);

impl Ord for ByImprovement {
    fn cmp(&self, other: &Self) -> Ordering {
        let nodes = (other.0.pending.node, self.0.pending.node);
        self.0.improvement.total_cmp(&other.0.improvement).then(nodes.0.cmp(&nodes.1))
    }
}

impl PartialOrd for ByImprovement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByImprovement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByImprovement {}
