//! A grown tree with everything known about its nodes: the source of the compact form for prediction, of
//! importances, of pruning and of the printed forms.

use super::{Node, TreeEnsemble};

/// A node of a grown tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GrownNode {
    /// The first child, which the second follows; 0 at a leaf, since the root is nobody's child.
    pub(crate) first_child: u32,
    /// The column that the split reads.
    pub(crate) column: u32,
    /// Values up to this go left.
    pub(crate) threshold: f64,
    /// Whether missing values go left.
    pub(crate) missing_goes_left: bool,
    /// The number of training rows.
    pub(crate) n_rows: usize,
    /// Their weight.
    pub(crate) weight: f64,
    /// Their impurity.
    pub(crate) impurity: f64,
    /// Where the node's values start.
    pub(crate) values_idx: usize,
}

impl GrownNode {
    /// Whether the node has no children.
    pub(crate) fn is_leaf(&self) -> bool {
        self.first_child == 0
    }
}

/// A grown tree. Node 0 is the root, and children follow their parent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GrownTree {
    /// The number of columns.
    pub(crate) n_features: usize,
    /// The numbers in the value of a node.
    pub(crate) n_values: usize,
    /// All nodes.
    pub(crate) nodes: Vec<GrownNode>,
    /// The values of all nodes.
    pub(crate) values: Vec<f64>,
}

impl GrownTree {
    /// The value of a node: class shares, or one number.
    pub(crate) fn value(&self, node: &GrownNode) -> &[f64] {
        &self.values[node.values_idx..node.values_idx + self.n_values]
    }

    /// The number of leaves.
    pub(crate) fn n_leaves(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_leaf()).count()
    }

    /// The most splits between the root and a leaf.
    pub(crate) fn depth(&self) -> usize {
        let mut depths = vec![0_usize; self.nodes.len()];
        for (idx, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.is_leaf()) {
            let child = node.first_child as usize;
            depths[child] = depths[idx] + 1;
            depths[child + 1] = depths[idx] + 1;
        }
        depths.into_iter().max().unwrap_or_default()
    }

    /// The share of each column in the decrease of the impurity; all zero if the tree has no split.
    pub(crate) fn importances(&self) -> Vec<f64> {
        let mut importances = vec![0.0; self.n_features];
        let impurity = |node: &GrownNode| node.weight * node.impurity;
        for node in self.nodes.iter().filter(|node| !node.is_leaf()) {
            let child = node.first_child as usize;
            importances[node.column as usize] +=
                impurity(node) - impurity(&self.nodes[child]) - impurity(&self.nodes[child + 1]);
        }
        normalize(&mut importances);
        importances
    }

    /// Cuts each subtree that does not reduce the weighted impurity by `alpha` for each leaf it adds, and so
    /// leaves the smallest tree of minimal cost, `Σ weighted impurity + alpha · leaves` (Breiman et al. 1984, ch. 3).
    pub(crate) fn prune(&mut self, alpha: f64) {
        let total_weight = self.nodes.first().map_or(1.0, |root| root.weight);
        let mut costs = vec![0.0; self.nodes.len()];
        for idx in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[idx];
            let as_leaf = node.weight * node.impurity / total_weight + alpha;
            let child = node.first_child as usize;
            if node.is_leaf() || as_leaf <= costs[child] + costs[child + 1] {
                node.first_child = 0;
                costs[idx] = as_leaf;
            } else {
                costs[idx] = costs[child] + costs[child + 1];
            }
        }
        self.compact();
    }

    /// Drops the nodes that the root does not reach, and orders the others by depth, left subtrees first.
    pub(super) fn compact(&mut self) {
        let Some(root) = self.nodes.first() else { return };
        let mut nodes = vec![root.clone()];
        let mut values = Vec::new();
        let mut pending = vec![0];
        while let Some(idx) = pending.pop() {
            let node: &GrownNode = &nodes[idx];
            let (old_values, old_child) = (node.values_idx, node.first_child as usize);
            nodes[idx].values_idx = values.len();
            values.extend_from_slice(&self.values[old_values..old_values + self.n_values]);
            if old_child > 0 {
                let child = nodes.len();
                nodes[idx].first_child = to_u32(child);
                nodes.extend_from_slice(&self.nodes[old_child..old_child + 2]);
                pending.extend([child + 1, child]);
            }
        }
        (self.nodes, self.values) = (nodes, values);
    }

    /// The compact form. Pure leaves of a class share their values, as most leaves of a fully grown tree are pure.
    pub(super) fn to_ensemble(&self) -> TreeEnsemble {
        let mut ensemble = TreeEnsemble::new(self.n_features, self.n_values, self.n_values);
        let mut pure = vec![None; self.n_values];
        ensemble.roots.push(0);
        for node in &self.nodes {
            ensemble.nodes.push(if node.is_leaf() {
                let value = self.value(node);
                let class = value.iter().position(|share| share.to_bits() == 1.0_f64.to_bits());
                let mut append = || {
                    ensemble.values.extend_from_slice(value);
                    to_u32(ensemble.values.len() - value.len())
                };
                Node::leaf(match class.filter(|_| value.len() > 1) {
                    Some(class) => *pure[class].get_or_insert_with(append),
                    None => append(),
                })
            } else {
                Node::split(node.column, node.threshold, node.missing_goes_left, node.first_child)
            });
        }
        ensemble
    }
}

/// Divides by the sum, unless it is zero.
pub(super) fn normalize(importances: &mut [f64]) {
    let sum: f64 = importances.iter().sum();
    if sum > 0.0 {
        for importance in importances {
            *importance /= sum;
        }
    }
}

/// Node numbers are 32 bits wide: a tree of 2^32 rows would have more, but no machine grows one.
pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).expect("a tree has fewer than 2^32 nodes")
}
