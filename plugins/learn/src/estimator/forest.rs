//! Random forests and extra trees.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::TreeFamily;
use sluicegate_plugin::{Column, Problem, TaskError};

use super::{
    Abilities, ClassWeight, Fit, Fitting, Learner, Task,
    settings::{CriterionParam, MaxFeaturesParam, Share, check_criterion},
    tree::{class_codes, estimator, failed, target},
};
use crate::{
    fit::forest::{self, MaxFeatures, RandomForest, Thresholds, Ties, TrainingRows},
    training_set::{Target, TrainingSet},
};

/// Settings of a forest.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForestSettings {
    /// `"classification"` or `"regression"`; by default the target decides, as for `train.boosting`.
    task: Option<Task>,
    /// `"random_forest"` (the best splits, on rows drawn with replacement) or `"extra_trees"` (random thresholds, on
    /// all rows).
    method: Method,
    /// The number of trees.
    #[schemars(range(min = 1, max = 100_000))]
    n_trees: usize,
    /// What a split reduces: `"gini"` (the default) or `"entropy"` for classes, `"squared_error"` (the default) or
    /// `"absolute_error"` for numbers.
    criterion: Option<CriterionParam>,
    /// Levels of splits, at the most; the default sets no limit.
    #[schemars(range(min = 1, max = 1000))]
    max_depth: Option<usize>,
    /// Leaves of a tree, at the most; it then grows where the impurity falls most.
    #[schemars(range(min = 2))]
    max_leaves: Option<usize>,
    /// Rows in a node that may be split, at the least.
    #[schemars(range(min = 2))]
    min_samples_split: usize,
    /// Rows in a leaf, at the least.
    #[schemars(range(min = 1))]
    min_samples_leaf: usize,
    /// Columns tried at each split: `"all"`, `"sqrt"`, `"log2"`, a share such as `0.5`, or a count. The default is
    /// `"sqrt"` for classes and `"all"` for numbers.
    max_features: Option<MaxFeaturesParam>,
    /// Whether each tree sees rows drawn with replacement instead of all rows; the default is that of `method`.
    bootstrap: Option<bool>,
    /// The share of the rows that is drawn for a tree.
    row_sample: Share,
    /// Judges each row by the trees that have not seen it, and reports `oob_score`: the accuracy, or R². Needs
    /// `bootstrap`.
    out_of_bag: bool,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
    /// Decides which rows and columns are drawn.
    seed: u64,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self {
            task: None,
            method: Method::RandomForest,
            n_trees: 100,
            criterion: None,
            max_depth: None,
            max_leaves: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
            bootstrap: None,
            row_sample: Share(1.0),
            out_of_bag: false,
            class_weight: ClassWeight::Even,
            seed: 0,
        }
    }
}

/// How the trees of a forest are made to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// By the rows that they see (Breiman 2001).
    RandomForest,
    /// By random thresholds (Geurts et al. 2006).
    ExtraTrees,
}

impl ForestSettings {
    fn bootstraps(&self) -> bool {
        self.bootstrap.unwrap_or(self.method == Method::RandomForest)
    }

    fn resolve(&self, data: &TrainingSet) -> forest::ForestSettings {
        let max_features = self.max_features.map(|param| param.0);
        let default = match data.target {
            Target::Classes { .. } => MaxFeatures::Sqrt,
            Target::Numbers(_) => MaxFeatures::All,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a share of a count"
        )]
        let n_drawn = ((data.n_rows() as f64 * self.row_sample.0).round() as usize).max(1);
        forest::ForestSettings {
            n_trees: self.n_trees,
            tree: forest::TreeSettings {
                criterion: CriterionParam::resolve(self.criterion, data),
                max_depth: self.max_depth,
                min_samples_split: self.min_samples_split,
                min_samples_leaf: self.min_samples_leaf,
                min_impurity_decrease: 0.0,
                max_leaf_nodes: self.max_leaves,
                ccp_alpha: 0.0,
                max_features: max_features.unwrap_or(default),
                thresholds: if self.method == Method::ExtraTrees {
                    Thresholds::Random
                } else {
                    Thresholds::Best
                },
                ties: Ties::FirstDrawn,
                seed: self.seed,
            },
            bootstrap: self.bootstraps(),
            max_samples: (self.row_sample.0 < 1.0).then_some(n_drawn),
            out_of_bag: self.out_of_bag,
        }
    }
}

impl Learner for ForestSettings {
    fn kind(&self) -> &'static str {
        "train.forest 1"
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
        let mut problems = check_criterion(self.task, self.criterion, &self.class_weight);
        let needs_bootstrap = [("out_of_bag", self.out_of_bag), ("row_sample", self.row_sample.0 < 1.0)];
        for (name, _) in needs_bootstrap.into_iter().filter(|(_, wanted)| *wanted && !self.bootstraps()) {
            let message = format!("`{name}` needs trees that see a part of the rows only");
            problems.push(Problem::new(format!("/{name}"), message).hint("add `bootstrap = true`"));
        }
        problems
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let matrix = data.matrix()?;
        let classes = class_codes(data);
        let rows = TrainingRows {
            features: matrix.view(),
            target: target(data, &classes),
            weights: data.weights.as_deref(),
        };
        let forest = RandomForest::fit(&rows, &self.resolve(data), &|| fitting.is_cancelled())
            .map_err(|error| failed(error, fitting))?;
        let mut metrics = vec![("n_trees", self.n_trees as f64)];
        let mut note = format!("{} trees", self.n_trees);
        if let Some(out_of_bag) = forest.out_of_bag.filter(|out_of_bag| out_of_bag.score.is_finite()) {
            metrics.push(("oob_score", out_of_bag.score));
            note.push_str(&format!(", out-of-bag score {:.4}", out_of_bag.score));
        }
        Ok(Fit {
            metrics,
            note,
            gains: Some(forest.importances),
            ..Fit::of(estimator(TreeFamily::Forest, forest.ensemble, data))
        })
    }
}
