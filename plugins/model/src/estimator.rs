//! Estimators, as far as prediction needs them.

use serde::{Deserialize, Serialize};

use crate::{
    Anomaly, Calibration, Mlp, MlpOutput, NaiveBayes, NeighbourPredictions, Neighbours, Output, Predictions,
    Svm, Svr, Trees, trees::most_probable,
};

/// A fitted estimator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// `x·coefficients + intercept`
    Linear {
        /// One for each feature.
        coefficients: Vec<f64>,
        /// The constant term.
        intercept: f64,
    },
    /// Logistic regression: with one row of coefficients the sigmoid of two classes, with more the softmax of as many.
    Logistic {
        /// A row for each class, or one row for the greater of two classes.
        coefficients: Vec<Vec<f64>>,
        /// One for each row.
        intercepts: Vec<f64>,
    },
    /// Support vector machines.
    Svm(Svm),
    /// Support vector regression.
    Svr(Svr),
    /// A neural network.
    Mlp(Mlp),
    /// Trees: boosted, a forest, or a single one.
    Trees(Trees),
    /// The nearest training rows.
    Neighbours(Neighbours),
    /// Bayes' rule with independent features.
    NaiveBayes(NaiveBayes),
    /// What finds rows unlike the training rows.
    Anomaly(Anomaly),
}

/// The inner product.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

impl Estimator {
    /// The estimator's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear regression",
            Self::Logistic { .. } => "logistic regression",
            Self::Svm(_) => "support vector machine",
            Self::Svr(_) => "support vector regression",
            Self::Mlp(_) => "neural network",
            Self::Trees(trees) => trees.family.name(),
            Self::Neighbours(_) => "nearest neighbours",
            Self::NaiveBayes(_) => "naive Bayes",
            Self::Anomaly(_) => "anomaly detection",
        }
    }

    /// The number of features it wants.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Linear { coefficients, .. } => coefficients.len(),
            Self::Logistic { coefficients, .. } => coefficients.first().map_or(0, Vec::len),
            Self::Svm(svm) => svm.n_features,
            Self::Svr(svr) => svr.n_features,
            Self::Mlp(mlp) => mlp.layers.first().map_or(0, |layer| layer.n_inputs),
            Self::Trees(trees) => trees.ensemble.n_features,
            Self::Neighbours(neighbours) => neighbours.n_features(),
            Self::NaiveBayes(bayes) => bayes.n_features,
            Self::Anomaly(anomaly) => anomaly.n_features(),
        }
    }

    /// Tells what is wrong with an estimator from a file.
    pub(crate) fn verify(&self) -> Result<(), String> {
        match self {
            Self::Trees(trees) => trees.verify(),
            Self::Anomaly(anomaly) => anomaly.verify(),
            Self::Svm(svm) => svm.calibrations.iter().try_for_each(Calibration::verify),
            Self::Svr(svr) => svr.verify(),
            Self::Mlp(mlp) => mlp.verify(),
            Self::NaiveBayes(bayes) => bayes.verify(),
            // Neighbours are verified while they are read.
            Self::Linear { .. } | Self::Logistic { .. } | Self::Neighbours(_) => Ok(()),
        }
    }

    /// Predicts rows of a row-major matrix.
    pub fn predict(&self, matrix: &[f64], n_columns: usize, n_rows: usize) -> Predictions {
        let rows = (0..n_rows).map(|row| &matrix[row * n_columns..(row + 1) * n_columns]);
        match self {
            Self::Linear { coefficients, intercept } => {
                Predictions::of(Output::Values(rows.map(|row| dot(row, coefficients) + intercept).collect()))
            }
            Self::Logistic { coefficients, intercepts } => logistic(rows, coefficients, intercepts),
            Self::Svm(svm) => svm.predict(rows),
            Self::Svr(svr) => Predictions::of(Output::Values(rows.map(|row| svr.decision(row)).collect())),
            Self::Mlp(mlp) => network(mlp, matrix, n_rows),
            Self::Trees(trees) => trees.predict(matrix, n_rows),
            Self::Neighbours(neighbours) => match neighbours.predict(matrix) {
                NeighbourPredictions::Values(values) => Predictions::of(Output::Values(values)),
                NeighbourPredictions::Classes { classes, probabilities } => Predictions {
                    probabilities: Some(probabilities),
                    ..Predictions::of(Output::Classes(classes))
                },
            },
            Self::NaiveBayes(bayes) => {
                let predicted = bayes.predict(matrix);
                Predictions {
                    probabilities: Some(predicted.probabilities),
                    ..Predictions::of(Output::Classes(predicted.classes))
                }
            }
            Self::Anomaly(anomaly) => anomaly.predict(matrix, n_rows),
        }
    }
}

fn logistic<'a>(
    rows: impl Iterator<Item = &'a [f64]>,
    coefficients: &[Vec<f64>],
    intercepts: &[f64],
) -> Predictions {
    if let ([weights], [intercept]) = (coefficients, intercepts) {
        return two_classes(rows.map(|row| dot(row, weights) + intercept).collect());
    }
    let decision = |row: &'a [f64]| {
        let pairs = coefficients.iter().zip(intercepts);
        pairs.map(move |(weights, intercept)| dot(row, weights) + intercept)
    };
    several_classes(rows.flat_map(decision).collect(), intercepts.len())
}

/// What a neural network's outputs say.
fn network(mlp: &Mlp, matrix: &[f64], n_rows: usize) -> Predictions {
    let outputs = mlp.predict(matrix, n_rows);
    match mlp.output {
        MlpOutput::Identity => Predictions::of(Output::Values(outputs)),
        MlpOutput::Logistic => Predictions {
            probabilities: Some(outputs.iter().flat_map(|p| [1.0 - p, *p]).collect()),
            ..Predictions::of(Output::Classes(outputs.iter().map(|p| usize::from(*p > 0.5)).collect()))
        },
        MlpOutput::Softmax => {
            let classes = outputs.chunks_exact(mlp.n_outputs()).map(most_probable).collect();
            Predictions { probabilities: Some(outputs), ..Predictions::of(Output::Classes(classes)) }
        }
    }
}

/// Two classes, from the logits of the second.
pub(crate) fn two_classes(logits: Vec<f64>) -> Predictions {
    let classes = logits.iter().map(|logit| usize::from(*logit > 0.0)).collect();
    let probabilities = logits.iter().map(|logit| sigmoid(*logit)).flat_map(|p| [1.0 - p, p]).collect();
    Predictions {
        probabilities: Some(probabilities),
        scores: Some(logits),
        ..Predictions::of(Output::Classes(classes))
    }
}

/// Several classes, from their logits before the softmax, row after row.
pub(crate) fn several_classes(mut logits: Vec<f64>, n_classes: usize) -> Predictions {
    let mut classes = Vec::with_capacity(logits.len() / n_classes);
    for row in logits.chunks_exact_mut(n_classes) {
        let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        classes.push(row.iter().position(|logit| *logit >= highest).unwrap_or(0));
        for logit in row.iter_mut() {
            *logit = (*logit - highest).exp();
        }
        let sum: f64 = row.iter().sum();
        for power in row {
            *power /= sum;
        }
    }
    Predictions { probabilities: Some(logits), ..Predictions::of(Output::Classes(classes)) }
}

/// The logistic function, without overflow on either side.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let power = x.exp();
        power / (1.0 + power)
    }
}
