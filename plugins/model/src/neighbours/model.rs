//! The fitted model and its predictions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error::FitError;
use super::metric::{Metric, VoteWeights};
use super::search::{Search, Space};

/// How the nearest neighbours predict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeighbourOptions {
    /// The number of neighbours.
    pub k: usize,
    /// How much each neighbour counts.
    pub weights: VoteWeights,
    /// How far apart two rows are.
    pub metric: Metric,
}

impl Default for NeighbourOptions {
    fn default() -> Self {
        Self { k: 5, weights: VoteWeights::Uniform, metric: Metric::Euclidean }
    }
}

impl NeighbourOptions {
    /// The search for the nearest of some points.
    fn space(self, n_features: usize, points: &[f64]) -> Space<'_> {
        let n_columns = self.metric.n_columns(n_features);
        Space { k: self.k, metric: self.metric, points, n_columns }
    }
}

/// What is known of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Classes as indices.
    Classes {
        /// The number of classes.
        n_classes: usize,
        /// The class of each row.
        classes: Vec<usize>,
    },
    /// One number for each row.
    Values(Vec<f64>),
}

impl Targets {
    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => classes.len(),
            Self::Values(values) => values.len(),
        }
    }
}

/// What was predicted for some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum NeighbourPredictions {
    /// Of the classification.
    Classes {
        /// The class of each row: the first of those with the highest probability.
        classes: Vec<usize>,
        /// The shares of the votes, one for each class, row after row.
        probabilities: Vec<f64>,
    },
    /// Of the regression: the mean of the neighbours' values, weighted by their votes.
    Values(Vec<f64>),
}

/// The training rows, ready to be searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Neighbours {
    options: NeighbourOptions,
    n_features: usize,
    targets: Targets,
    /// Row after row, as the metric wants them: for the cosine, of length 1.
    points: Vec<f64>,
    #[serde(skip)]
    search: Search,
}

/// What is written of the model; the search is prepared again when it is read.
#[derive(Deserialize)]
struct Stored {
    options: NeighbourOptions,
    n_features: usize,
    targets: Targets,
    points: Vec<f64>,
}

impl TryFrom<Stored> for Neighbours {
    type Error = FitError;

    fn try_from(stored: Stored) -> Result<Self, FitError> {
        Self::prepared(stored, &|| false)
    }
}

impl Neighbours {
    /// Keeps training rows, given row after row, for prediction.
    pub fn new(
        options: NeighbourOptions,
        n_features: usize,
        targets: Targets,
        rows: Vec<f64>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, FitError> {
        if let Some(idx) = rows.iter().position(|value| !value.is_finite()) {
            let (row, column) = (idx / n_features.max(1), idx % n_features.max(1));
            return Err(FitError::NotFinite(format!("row {row}, column {column}")));
        }
        let points = options.metric.points(n_features, Cow::Owned(rows)).into_owned();
        Self::prepared(Stored { options, n_features, targets, points }, stop)
    }

    /// Checks that all fits together and prepares the search.
    fn prepared(stored: Stored, stop: &(dyn Fn() -> bool + Sync)) -> Result<Self, FitError> {
        stored.check()?;
        let Stored { mut options, n_features, targets, points } = stored;
        options.metric = options.metric.simplified();
        let search = Search::fastest(options.space(n_features, &points), stop).ok_or(FitError::Stopped)?;
        Ok(Self { options, n_features, targets, points, search })
    }

    /// The settings.
    pub fn options(&self) -> NeighbourOptions {
        self.options
    }

    /// The number of features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The `k` nearest training rows of each of some rows, nearest first, as distances and row numbers.
    pub fn nearest(&self, rows: &[f64]) -> Vec<Vec<(f64, usize)>> {
        self.nearest_until(rows, &|| false).unwrap_or_default()
    }

    /// Predicts rows, given row after row.
    pub fn predict(&self, rows: &[f64]) -> NeighbourPredictions {
        self.predict_until(rows, &|| false).unwrap_or_else(|| self.combine(&[]))
    }

    /// Predicts rows as [`Self::predict`] does; `None` when told to stop.
    pub fn predict_until(
        &self,
        rows: &[f64],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<NeighbourPredictions> {
        self.nearest_until(rows, stop).map(|nearest| self.combine(&nearest))
    }

    fn nearest_until(
        &self,
        rows: &[f64],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Vec<Vec<(f64, usize)>>> {
        let queries = self.options.metric.points(self.n_features, Cow::Borrowed(rows));
        let space = self.options.space(self.n_features, &self.points);
        self.search.nearest(space, &queries, stop)
    }

    /// The same model with another way to search.
    #[cfg(test)]
    pub(super) fn with_search(mut self, prepare: impl Fn(Space<'_>) -> Option<Search>) -> Option<Self> {
        self.search = prepare(self.options.space(self.n_features, &self.points))?;
        Some(self)
    }

    fn combine(&self, nearest: &[Vec<(f64, usize)>]) -> NeighbourPredictions {
        let votes = nearest.iter().map(|nearest| (nearest, self.options.weights.votes(nearest)));
        match &self.targets {
            Targets::Values(values) => NeighbourPredictions::Values(
                votes.map(|(nearest, votes)| weighted_mean(values, nearest, &votes)).collect(),
            ),
            Targets::Classes { n_classes, classes } => {
                let mut predicted = Vec::with_capacity(nearest.len());
                let mut probabilities = vec![0.0; nearest.len() * n_classes];
                for ((nearest, votes), shares) in votes.zip(probabilities.chunks_exact_mut(*n_classes)) {
                    for ((_, row), vote) in nearest.iter().zip(&votes) {
                        shares[classes[*row]] += vote;
                    }
                    predicted.push(first_highest(shares));
                    let sum: f64 = shares.iter().sum();
                    for share in shares {
                        *share /= sum;
                    }
                }
                NeighbourPredictions::Classes { classes: predicted, probabilities }
            }
        }
    }
}

impl Stored {
    fn check(&self) -> Result<(), FitError> {
        let Self { options, n_features, targets, points } = self;
        let n_rows = targets.n_rows();
        let inconsistent = |problem: &str| Err(FitError::Inconsistent(problem.into()));
        if *n_features == 0 {
            return inconsistent("no features");
        }
        if options.k == 0 {
            return inconsistent("`k` is 0");
        }
        if matches!(options.metric, Metric::Minkowski { p } if p.is_nan() || p <= 0.0) {
            return inconsistent("`p` is not above 0");
        }
        if n_rows.checked_mul(options.metric.n_columns(*n_features)) != Some(points.len()) {
            return inconsistent("the number of targets is not the number of rows");
        }
        if let Targets::Classes { n_classes, classes } = targets
            && classes.iter().any(|class| class >= n_classes)
        {
            return inconsistent("a row's class is not below the number of classes");
        }
        if n_rows < options.k {
            return Err(FitError::TooFewRows { n_rows, k: options.k });
        }
        Ok(())
    }
}

fn weighted_mean(values: &[f64], nearest: &[(f64, usize)], votes: &[f64]) -> f64 {
    let sum: f64 = nearest.iter().zip(votes).map(|((_, row), vote)| values[*row] * vote).sum();
    sum / votes.iter().sum::<f64>()
}

/// The first of the highest shares.
fn first_highest(shares: &[f64]) -> usize {
    let mut highest = 0;
    for (class, share) in shares.iter().enumerate() {
        if *share > shares[highest] {
            highest = class;
        }
    }
    highest
}
