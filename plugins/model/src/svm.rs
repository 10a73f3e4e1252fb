//! Prediction by support vectors: one machine for each pair of classes, the class with most votes wins.

use serde::{Deserialize, Serialize};

use crate::dot;

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
}

impl Svm {
    /// The number of support vectors.
    pub fn n_support(&self) -> usize {
        self.vectors.len() / self.n_features.max(1)
    }

    /// The class of a row, as an index, and for two classes the decision value, positive for the second (greater) class.
    /// Votes and ties as in libsvm: the first of the classes with most votes.
    pub(crate) fn predict(&self, row: &[f64], kernel_values: &mut Vec<f64>) -> (usize, Option<f64>) {
        kernel_values.clear();
        kernel_values.extend(
            self.vectors.chunks_exact(self.n_features.max(1)).map(|vector| self.kernel.value(vector, row)),
        );
        let mut votes = vec![0_u32; self.n_classes];
        let mut score = None;
        for pair in &self.pairs {
            let sum: f64 =
                pair.coefficients.iter().map(|(idx, alpha)| alpha * kernel_values[*idx as usize]).sum();
            let decision = sum - pair.rho;
            votes[if decision > 0.0 { pair.first } else { pair.second }] += 1;
            score = Some(-decision);
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        let class = votes.iter().position(|n| *n == most).unwrap_or(0);
        (class, score.filter(|_| self.n_classes == 2))
    }
}
