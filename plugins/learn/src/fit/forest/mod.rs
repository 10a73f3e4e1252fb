//! Decision trees, random forests, extra trees and isolation forests.
//!
//! One engine grows all supervised trees ([`grow`]): it sorts the rows of a node by each candidate column and
//! tries every position between two values, as CART does (Breiman et al. 1984). The conventions (single-precision
//! values, midpoints, missing values, stopping rules) are those of scikit-learn 1.9, so that trees without tied
//! splits are the same; ties go to the lowest column. [`TreeEnsemble`] is the form for prediction.

mod absolute;
mod bootstrap;
mod columns;
mod criterion;
mod draw;
mod grow;
mod grown;
mod isolation;
mod out_of_bag;
mod print;
mod random_forest;
mod samples;
mod settings;
mod sort;
mod split;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use isolation::{IsolationForest, IsolationSettings};
pub(crate) use print::TreeNames;
pub(crate) use random_forest::{ForestSettings, RandomForest};
pub(crate) use settings::{
    Criterion, FitError, MaxFeatures, Target, Thresholds, Ties, TrainingRows, TreeSettings,
};
use sluicegate_model::{Node, TreeEnsemble};
pub(crate) use tree::DecisionTree;
