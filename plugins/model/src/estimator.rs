//! Estimators, as far as prediction needs them.

use serde::{Deserialize, Serialize};

use crate::{Output, Predictions, Svm};

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
        }
    }

    /// The number of features it wants.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Linear { coefficients, .. } => coefficients.len(),
            Self::Logistic { coefficients, .. } => coefficients.first().map_or(0, Vec::len),
            Self::Svm(svm) => svm.n_features,
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
            Self::Svm(svm) => {
                let mut kernel_values = Vec::with_capacity(svm.n_support());
                let (classes, scores): (Vec<_>, Vec<_>) =
                    rows.map(|row| svm.predict(row, &mut kernel_values)).unzip();
                let scores = scores.into_iter().collect::<Option<Vec<f64>>>();
                Predictions { scores, ..Predictions::of(Output::Classes(classes)) }
            }
        }
    }
}

fn logistic<'a>(
    rows: impl Iterator<Item = &'a [f64]>,
    coefficients: &[Vec<f64>],
    intercepts: &[f64],
) -> Predictions {
    let mut classes = Vec::new();
    let mut probabilities = Vec::new();
    let mut scores = Vec::new();
    for row in rows {
        let decisions =
            coefficients.iter().zip(intercepts).map(|(weights, intercept)| dot(row, weights) + intercept);
        if let [intercept] = intercepts {
            let decision = dot(row, &coefficients[0]) + intercept;
            let positive = sigmoid(decision);
            probabilities.extend([1.0 - positive, positive]);
            classes.push(usize::from(decision > 0.0));
            scores.push(decision);
        } else {
            let decisions: Vec<f64> = decisions.collect();
            let highest = decisions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = decisions.iter().map(|decision| (decision - highest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            classes.push(decisions.iter().position(|decision| *decision >= highest).unwrap_or(0));
            probabilities.extend(powers.iter().map(|power| power / sum));
        }
    }
    let scores = (intercepts.len() == 1).then_some(scores);
    Predictions { probabilities: Some(probabilities), scores, ..Predictions::of(Output::Classes(classes)) }
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
