//! One decision tree.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Estimator, Link, TreeFamily, Trees};
use sluicegate_plugin::{Column, Problem, TaskError};

use super::{
    Abilities, ClassWeight, Drawing, Fit, Fitting, Learner, Task,
    settings::{CriterionParam, MaxFeaturesParam, check_criterion},
};
use crate::{
    fit::forest::{self, DecisionTree, FitError, Thresholds, Ties, TrainingRows, TreeNames},
    training_set::{Target, TrainingSet},
};

/// Settings of a decision tree.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TreeSettings {
    /// `"classification"` or `"regression"`; by default the target decides, as for `train.boosting`.
    task: Option<Task>,
    /// What a split reduces: `"gini"` (the default) or `"entropy"` for classes, `"squared_error"` (the default) or
    /// `"absolute_error"` for numbers.
    criterion: Option<CriterionParam>,
    /// Levels of splits, at the most; the default sets no limit.
    #[schemars(range(min = 1, max = 1000))]
    max_depth: Option<usize>,
    /// Leaves, at the most; the tree then grows where the impurity falls most.
    #[schemars(range(min = 2))]
    max_leaves: Option<usize>,
    /// Rows in a node that may be split, at the least.
    #[schemars(range(min = 2))]
    min_samples_split: usize,
    /// Rows in a leaf, at the least.
    #[schemars(range(min = 1))]
    min_samples_leaf: usize,
    /// What a split must reduce the impurity by, weighted by its share of the rows.
    #[schemars(range(min = 0.0))]
    min_impurity_decrease: f64,
    /// Cuts subtrees that reduce the impurity by less than this for each leaf; scikit-learn's `ccp_alpha`.
    #[schemars(range(min = 0.0))]
    ccp_alpha: f64,
    /// Columns tried at each split: `"all"`, `"sqrt"`, `"log2"`, a share such as `0.5`, or a count.
    max_features: MaxFeaturesParam,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
    /// Decides which columns are tried, where not all are.
    seed: u64,
}

impl Default for TreeSettings {
    fn default() -> Self {
        Self {
            task: None,
            criterion: None,
            max_depth: None,
            max_leaves: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_impurity_decrease: 0.0,
            ccp_alpha: 0.0,
            max_features: MaxFeaturesParam::ALL,
            class_weight: ClassWeight::Even,
            seed: 0,
        }
    }
}

impl Learner for TreeSettings {
    fn kind(&self) -> &'static str {
        "train.tree 1"
    }

    fn task(&self) -> Option<Task> {
        self.task.or(self.criterion.map(CriterionParam::task))
    }

    fn abilities(&self) -> Abilities {
        Abilities { missing: true, weights: true, ..Abilities::default() }
    }

    fn class_weight(&self) -> Option<&ClassWeight> {
        Some(&self.class_weight)
    }

    fn check(&self, _: Option<&[Column]>) -> Vec<Problem> {
        check_criterion(self.task, self.criterion, &self.class_weight)
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let settings = forest::TreeSettings {
            criterion: CriterionParam::resolve(self.criterion, data),
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            min_impurity_decrease: self.min_impurity_decrease,
            max_leaf_nodes: self.max_leaves,
            ccp_alpha: self.ccp_alpha,
            max_features: self.max_features.0,
            thresholds: Thresholds::Best,
            ties: Ties::LowestColumn,
            seed: self.seed,
        };
        let matrix = data.matrix()?;
        let classes = class_codes(data);
        let rows = TrainingRows {
            features: matrix.view(),
            target: target(data, &classes),
            weights: data.weights.as_deref(),
        };
        let tree = DecisionTree::fit(&rows, &settings, &|| fitting.is_cancelled())
            .map_err(|error| failed(error, fitting))?;
        let columns: Vec<String> = data.names().map(str::to_owned).collect();
        let classes: Vec<String> = match &data.target {
            Target::Classes { classes, .. } => classes.iter().map(ToString::to_string).collect(),
            Target::Numbers(_) => Vec::new(),
        };
        let names = TreeNames { columns: &columns, classes: &classes };
        let (n_leaves, depth) = (tree.grown().n_leaves(), tree.grown().depth());
        Ok(Fit {
            metrics: vec![("n_leaves", n_leaves as f64), ("depth", depth as f64)],
            note: format!("{n_leaves} leaves, depth {depth}"),
            gains: Some(tree.importances()),
            drawing: Some(Drawing { text: tree.print_tree(names), dot: tree.to_dot(names) }),
            ..Fit::of(estimator(TreeFamily::Tree, tree.to_ensemble(), data))
        })
    }
}

/// Classes as trees want them; empty for a regression.
pub(super) fn class_codes(data: &TrainingSet) -> Vec<u32> {
    match &data.target {
        Target::Classes { indices, .. } => indices
            .iter()
            .map(|index| u32::try_from(*index).expect("there are fewer classes than rows"))
            .collect(),
        Target::Numbers(_) => Vec::new(),
    }
}

/// The target as trees want it.
pub(super) fn target<'a>(data: &'a TrainingSet, codes: &'a [u32]) -> forest::Target<'a> {
    match &data.target {
        Target::Classes { classes, .. } => {
            forest::Target::Classes { classes: codes, n_classes: classes.len() }
        }
        Target::Numbers(numbers) => forest::Target::Values(numbers),
    }
}

/// The estimator of trees whose leaves have class shares or numbers.
pub(super) fn estimator(
    family: TreeFamily,
    ensemble: sluicegate_model::TreeEnsemble,
    data: &TrainingSet,
) -> Estimator {
    let link = match data.target {
        Target::Classes { .. } => Link::Probability,
        Target::Numbers(_) => Link::Identity,
    };
    Estimator::Trees(Trees::new(family, link, ensemble))
}

/// Why no tree was grown.
pub(super) fn failed(error: FitError, fitting: &Fitting<'_>) -> TaskError {
    match error {
        FitError::Stopped => fitting.cancelled(),
        FitError::NotFinite(what) => TaskError::permanent("no_fit", format!("{what} is not finite")),
        FitError::NoRows => TaskError::permanent("bad_weight", "no row has a weight above zero"),
        FitError::WrongCriterion => {
            TaskError::permanent("bad_target", "the criterion does not fit the target")
        }
    }
}
