//! A boosted model in the form that predicts.

use sluicegate_model::{Link, Node as ModelNode, TreeEnsemble, TreeFamily, Trees};

use super::{
    bins::{Bins, Cuts},
    fit::Boosted,
    loss::Loss,
    tree::{Node, Rule, Tree},
};

/// The model of a boosted fit.
pub(crate) fn to_trees(boosted: &Boosted, loss: Loss, n_features: usize) -> Trees {
    let n_categories = |bins: &Bins| match &bins.cuts {
        Cuts::Categories(bin_of) => bin_of.len(),
        Cuts::Thresholds(_) => 0,
    };
    let n_words = boosted.bins.iter().map(n_categories).max().unwrap_or_default().div_ceil(64);
    let mut ensemble = TreeEnsemble::new(n_features, loss.n_outputs(), 1);
    ensemble.base.clone_from(&boosted.start);
    ensemble.n_category_words = n_words;
    for tree in &boosted.trees {
        add(&mut ensemble, tree, &boosted.bins);
    }
    let link = match loss {
        Loss::Binary => Link::Logit,
        Loss::Classes(_) => Link::Softmax,
        Loss::Poisson => Link::Log,
        Loss::Squared | Loss::Absolute | Loss::Quantile(_) => Link::Identity,
    };
    Trees::new(TreeFamily::Boosting, link, ensemble)
}

fn add(ensemble: &mut TreeEnsemble, tree: &Tree, bins: &[Bins]) {
    let first = ensemble.nodes.len();
    let index = |at: usize| u32::try_from(at).expect("a model has fewer than four billion nodes");
    ensemble.roots.push(index(first));
    for node in &tree.nodes {
        let node = match node {
            Node::Leaf(value) => {
                ensemble.values.push(*value);
                ModelNode::leaf(index(ensemble.values.len() - 1))
            }
            Node::Split { column, rule, left, .. } => {
                let next = index(first + left);
                split(ensemble, &bins[*column], index(*column), rule, next)
            }
        };
        ensemble.nodes.push(node);
    }
}

fn split(ensemble: &mut TreeEnsemble, bins: &Bins, column: u32, rule: &Rule, next: u32) -> ModelNode {
    match (rule, &bins.cuts) {
        (Rule::Threshold { bin, missing_left }, Cuts::Thresholds(thresholds)) => {
            // Behind the last threshold there are only missing values.
            let threshold = thresholds.get(usize::from(*bin)).copied().unwrap_or(f64::INFINITY);
            ModelNode::split(column, threshold, *missing_left, next)
        }
        (Rule::Categories { .. }, Cuts::Categories(bin_of)) => {
            let goes_left = rule.table(bins.missing());
            let missing_left = goes_left[usize::from(bins.missing())];
            let n_words = ensemble.n_category_words;
            let start = ensemble.categories.len();
            ensemble.categories.resize(start + n_words, 0);
            for (code, bin) in bin_of.iter().enumerate() {
                if bin.map_or(missing_left, |bin| goes_left[usize::from(bin)]) {
                    ensemble.categories[start + code / 64] |= 1 << (code % 64);
                }
            }
            let bitset = u32::try_from(start / n_words.max(1)).expect("there are fewer bitsets than nodes");
            ModelNode::categorical(column, bitset, missing_left, next)
        }
        _ => unreachable!("a rule fits its column"),
    }
}
