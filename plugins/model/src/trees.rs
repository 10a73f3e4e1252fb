//! Models of trees: what their sums mean.

use serde::{Deserialize, Serialize};

use crate::{
    Output, Predictions, TreeEnsemble,
    ensemble::LazyRowScorer,
    estimator::{several_classes, two_classes},
};

/// How the trees came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeFamily {
    /// One after the other, each on what the earlier ones left.
    Boosting,
    /// Independently, on resampled rows.
    Forest,
    /// A single one.
    Tree,
}

impl TreeFamily {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boosting => "gradient boosting",
            Self::Forest => "forest",
            Self::Tree => "decision tree",
        }
    }
}

/// What the trees' sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The prediction.
    Identity,
    /// The logarithm of the prediction.
    Log,
    /// The logit of the second of two classes.
    Logit,
    /// One for each class, before the softmax.
    Softmax,
    /// The probability of each class.
    Probability,
}

/// A model of trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    /// How they came about.
    pub family: TreeFamily,
    /// What their sums are.
    pub link: Link,
    /// The trees.
    pub ensemble: TreeEnsemble,
    #[serde(skip)]
    scorer: LazyRowScorer,
}

impl Trees {
    /// A model of trees.
    pub fn new(family: TreeFamily, link: Link, ensemble: TreeEnsemble) -> Self {
        Self { family, link, ensemble, scorer: LazyRowScorer::default() }
    }

    pub(crate) fn verify(&self) -> Result<(), String> {
        self.ensemble.check()?;
        let n_outputs = self.ensemble.n_outputs;
        let fits = match self.link {
            Link::Identity | Link::Log | Link::Logit => n_outputs == 1,
            Link::Softmax | Link::Probability => n_outputs >= 2,
        };
        if fits { Ok(()) } else { Err(format!("{n_outputs} outputs do not fit the link {:?}", self.link)) }
    }

    /// Predicts rows of a row-major matrix; NaN is a missing value.
    pub(crate) fn predict(&self, matrix: &[f64], n_rows: usize) -> Predictions {
        let n_outputs = self.ensemble.n_outputs;
        let mut sums = vec![0.0; n_rows * n_outputs];
        if n_rows == 1 {
            self.scorer.predict_row(&self.ensemble, matrix, &mut sums);
        } else {
            self.ensemble.predict(matrix, &mut sums);
        }
        match self.link {
            Link::Identity => Predictions::of(Output::Values(sums)),
            Link::Log => Predictions::of(Output::Values(sums.into_iter().map(f64::exp).collect())),
            Link::Logit => two_classes(sums),
            Link::Softmax => several_classes(sums, n_outputs),
            Link::Probability => {
                let classes = sums.chunks_exact(n_outputs).map(most_probable).collect();
                Predictions { probabilities: Some(sums), ..Predictions::of(Output::Classes(classes)) }
            }
        }
    }
}

/// The class with the greatest probability; of equal ones the first.
pub(crate) fn most_probable(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}
