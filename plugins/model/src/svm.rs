//! Prediction by support vectors: one machine for each pair of classes, the class with most votes wins.

use serde::{Deserialize, Serialize};

use crate::{Calibration, Output, Predictions, dot, trees::most_probable};

/// A kernel with its parameters, in scikit-learn's terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// `x·y`
    Linear,
    /// `exp(−gamma · ‖x − y‖²)`
    Rbf {
        /// The inverse of the squared reach.
        gamma: f64,
    },
    /// `(gamma · x·y + coef0)^degree`
    Polynomial {
        /// The factor of the inner product.
        gamma: f64,
        /// The constant term.
        coef0: f64,
        /// The degree.
        degree: f64,
    },
    /// `tanh(gamma · x·y + coef0)`
    Sigmoid {
        /// The factor of the inner product.
        gamma: f64,
        /// The constant term.
        coef0: f64,
    },
}

impl Kernel {
    fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        match *self {
            Self::Linear => dot(x, y),
            Self::Rbf { gamma } => {
                let distance: f64 = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum();
                (-gamma * distance).exp()
            }
            Self::Polynomial { gamma, coef0, degree } => (gamma * dot(x, y) + coef0).powf(degree),
            Self::Sigmoid { gamma, coef0 } => (gamma * dot(x, y) + coef0).tanh(),
        }
    }
}

/// The machine that tells two classes apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The class of positive decisions, as an index.
    pub first: usize,
    /// The other class.
    pub second: usize,
    /// Support vectors by index, with their dual coefficients.
    pub coefficients: Vec<(u32, f64)>,
    /// Subtracted from the sum.
    pub rho: f64,
}

/// Support vector machines for all pairs of classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Svm {
    /// The kernel.
    pub kernel: Kernel,
    /// The number of classes.
    pub n_classes: usize,
    /// The number of features.
    pub n_features: usize,
    /// Support vectors, row after row.
    pub vectors: Vec<f64>,
    /// One for each pair of classes, in the order (0, 1), (0, 2), …, (1, 2), …
    pub pairs: Vec<Pair>,
    /// What turns decisions into probabilities: one for two classes, else one for each class; none when there are no probabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibrations: Vec<Calibration>,
}

/// A machine that predicts numbers: `Σ coefficient · K(vector, x) − rho`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Svr {
    /// The kernel.
    pub kernel: Kernel,
    /// The number of features.
    pub n_features: usize,
    /// Support vectors, row after row.
    #[serde(with = "crate::packed")]
    pub vectors: Vec<f64>,
    /// The dual coefficient of each.
    #[serde(with = "crate::packed")]
    pub coefficients: Vec<f64>,
    /// Subtracted from the sum.
    pub rho: f64,
}

impl Svr {
    /// The number of support vectors.
    pub fn n_support(&self) -> usize {
        self.coefficients.len()
    }

    /// The decision for a row: the prediction of a regression.
    pub fn decision(&self, row: &[f64]) -> f64 {
        let vectors = self.vectors.chunks_exact(self.n_features.max(1));
        let values =
            vectors.zip(&self.coefficients).map(|(vector, alpha)| alpha * self.kernel.value(vector, row));
        values.sum::<f64>() - self.rho
    }

    pub(crate) fn verify(&self) -> Result<(), String> {
        let fits = self.vectors.len() == self.coefficients.len() * self.n_features;
        if fits { Ok(()) } else { Err("its support vectors and coefficients do not fit together".into()) }
    }
}

impl Svm {
    /// The number of support vectors.
    pub fn n_support(&self) -> usize {
        self.vectors.len() / self.n_features.max(1)
    }

    /// Predicts rows of a row-major matrix.
    pub(crate) fn predict<'a>(&self, rows: impl Iterator<Item = &'a [f64]>) -> Predictions {
        let mut kernel_values = Vec::with_capacity(self.n_support());
        let (mut classes, mut scores, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let decisions = self.decisions(row, &mut kernel_values);
            if self.n_classes == 2 {
                // Positive for the second (greater) class.
                scores.push(-decisions[0]);
            }
            if self.calibrations.is_empty() {
                classes.push(self.most_votes(&decisions));
            } else {
                let own = self.probabilities(&decisions);
                classes.push(most_probable(&own));
                probabilities.extend(own);
            }
        }
        Predictions {
            scores: (self.n_classes == 2).then_some(scores),
            probabilities: (!self.calibrations.is_empty()).then_some(probabilities),
            ..Predictions::of(Output::Classes(classes))
        }
    }

    /// The decision of each pair's machine.
    pub fn decisions(&self, row: &[f64], kernel_values: &mut Vec<f64>) -> Vec<f64> {
        kernel_values.clear();
        kernel_values.extend(
            self.vectors.chunks_exact(self.n_features.max(1)).map(|vector| self.kernel.value(vector, row)),
        );
        let decision = |pair: &Pair| {
            let terms = pair.coefficients.iter().map(|(idx, alpha)| alpha * kernel_values[*idx as usize]);
            terms.sum::<f64>() - pair.rho
        };
        self.pairs.iter().map(decision).collect()
    }

    /// Votes and ties as in LIBSVM: the first of the classes with most votes.
    fn most_votes(&self, decisions: &[f64]) -> usize {
        let mut votes = vec![0_u32; self.n_classes];
        for (pair, decision) in self.pairs.iter().zip(decisions) {
            votes[if *decision > 0.0 { pair.first } else { pair.second }] += 1;
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        votes.iter().position(|n| *n == most).unwrap_or(0)
    }

    /// One score for each class, or for two classes one that grows with the second: votes, and between equal votes how
    /// clear the decisions were, as scikit-learn's `decision_function` with `ovr`.
    pub fn class_scores(&self, decisions: &[f64]) -> Vec<f64> {
        if self.n_classes == 2 {
            return vec![-decisions[0]];
        }
        let (mut votes, mut clarity) = (vec![0.0; self.n_classes], vec![0.0; self.n_classes]);
        for (pair, decision) in self.pairs.iter().zip(decisions) {
            votes[if *decision > 0.0 { pair.first } else { pair.second }] += 1.0;
            clarity[pair.first] += decision;
            clarity[pair.second] -= decision;
        }
        votes
            .iter()
            .zip(&clarity)
            .map(|(votes, sum): (&f64, &f64)| votes + sum / (3.0 * (sum.abs() + 1.0)))
            .collect()
    }

    fn probabilities(&self, decisions: &[f64]) -> Vec<f64> {
        let scores = self.class_scores(decisions);
        let calibrated =
            self.calibrations.iter().zip(&scores).map(|(calibration, score)| calibration.apply(*score));
        let mut probabilities: Vec<f64> = calibrated.collect();
        if let [positive] = probabilities[..] {
            return vec![1.0 - positive, positive];
        }
        let sum: f64 = probabilities.iter().sum();
        let n_classes = probabilities.len() as f64;
        for probability in &mut probabilities {
            *probability = if sum > 0.0 { *probability / sum } else { 1.0 / n_classes };
        }
        probabilities
    }
}
