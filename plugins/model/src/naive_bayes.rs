//! Prediction by Bayes' rule, with features that are independent given the class.

use serde::{Deserialize, Serialize};

/// A fitted naive Bayes classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NaiveBayes {
    /// The number of features.
    pub n_features: usize,
    /// The prior probability of each class.
    pub class_priors: Vec<f64>,
    /// How probable a feature's values are in each class.
    pub likelihood: Likelihood,
}

/// The distribution of each feature in each class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Normal distributions.
    Gaussian {
        /// For each class, the mean of each feature.
        means: Vec<Vec<f64>>,
        /// For each class, the variance of each feature, above 0.
        variances: Vec<Vec<f64>>,
    },
    /// One multinomial distribution of counts over all features.
    Multinomial {
        /// For each class, the logarithm of each feature's probability.
        log_probabilities: Vec<Vec<f64>>,
    },
    /// Features that are present or absent.
    Bernoulli {
        /// Above it, a feature is present.
        threshold: f64,
        /// For each class, the logarithm of the probability that a feature is present.
        log_present: Vec<Vec<f64>>,
        /// For each class, the logarithm of the probability that a feature is absent.
        log_absent: Vec<Vec<f64>>,
    },
    /// Categories, numbered from 0. A category that was unknown in training says nothing about the class.
    Categorical {
        /// For each class and feature, the logarithm of each category's probability.
        log_probabilities: Vec<Vec<Vec<f64>>>,
    },
}

/// What was predicted for some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct NaiveBayesPredictions {
    /// The class of each row: the first of the most probable ones.
    pub classes: Vec<usize>,
    /// Probabilities, one for each class, row after row.
    pub probabilities: Vec<f64>,
}

impl NaiveBayes {
    /// Tells what is wrong with a classifier from a file.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let n_classes = self.class_priors.len();
        let is_table = |rows: &[Vec<f64>]| {
            rows.len() == n_classes && rows.iter().all(|row| row.len() == self.n_features)
        };
        let fits = match &self.likelihood {
            Likelihood::Gaussian { means, variances } => is_table(means) && is_table(variances),
            Likelihood::Multinomial { log_probabilities } => is_table(log_probabilities),
            Likelihood::Bernoulli { log_present, log_absent, .. } => {
                is_table(log_present) && is_table(log_absent)
            }
            Likelihood::Categorical { log_probabilities } => {
                log_probabilities.len() == n_classes
                    && log_probabilities.iter().all(|own| own.len() == self.n_features)
            }
        };
        if fits { Ok(()) } else { Err("its tables do not fit its classes and features".into()) }
    }

    /// Predicts rows, given row after row.
    pub fn predict(&self, rows: &[f64]) -> NaiveBayesPredictions {
        let n_classes = self.class_priors.len();
        let constants = self.constants();
        let n_rows = rows.len() / self.n_features.max(1);
        let mut classes = Vec::with_capacity(n_rows);
        let mut probabilities = Vec::with_capacity(n_rows * n_classes);
        let mut joint = vec![0.0; n_classes];
        for row in rows.chunks_exact(self.n_features.max(1)) {
            for (class, joint) in joint.iter_mut().enumerate() {
                *joint = constants[class] + self.likelihood.log_likelihood(class, row);
            }
            let is_explained = joint.iter().all(|joint| !joint.is_nan())
                && joint.iter().copied().fold(f64::NEG_INFINITY, f64::max).is_finite();
            if is_explained {
                classes.push(first_highest(&joint));
                probabilities.extend(normalized(&joint));
            } else {
                classes.push(first_highest(&self.class_priors));
                probabilities.extend(&self.class_priors);
            }
        }
        NaiveBayesPredictions { classes, probabilities }
    }

    /// For each class, what its joint logarithms have in common for all rows.
    fn constants(&self) -> Vec<f64> {
        let priors = self.class_priors.iter().map(|prior| prior.ln());
        match &self.likelihood {
            Likelihood::Gaussian { variances, .. } => {
                let log_scales = variances
                    .iter()
                    .map(|own| own.iter().map(|variance| (std::f64::consts::TAU * variance).ln()).sum());
                priors.zip(log_scales).map(|(prior, log_scale): (f64, f64)| prior - 0.5 * log_scale).collect()
            }
            _ => priors.collect(),
        }
    }
}

impl Likelihood {
    /// The logarithm of a row's probability in a class, without what is the same for all rows.
    fn log_likelihood(&self, class: usize, row: &[f64]) -> f64 {
        match self {
            Self::Gaussian { means, variances } => {
                let features = row.iter().zip(&means[class]).zip(&variances[class]);
                let squares = features.map(|((value, mean), variance)| (value - mean).powi(2) / variance);
                -0.5 * squares.sum::<f64>()
            }
            Self::Multinomial { log_probabilities } => {
                row.iter().zip(&log_probabilities[class]).map(|(count, log)| count * log).sum()
            }
            Self::Bernoulli { threshold, log_present, log_absent } => {
                let features = row.iter().zip(&log_present[class]).zip(&log_absent[class]);
                features
                    .map(|((value, present), absent)| if value > threshold { present } else { absent })
                    .sum()
            }
            Self::Categorical { log_probabilities } => {
                let features = row.iter().zip(&log_probabilities[class]);
                features.filter_map(|(value, logs)| logs.get(category(*value)?)).sum()
            }
        }
    }
}

/// The number of a category; `None` if the value is not a whole number from 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and not negative")]
pub fn category(value: f64) -> Option<usize> {
    (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)
}

/// Probabilities in proportion to the exponentials.
fn normalized(joint: &[f64]) -> Vec<f64> {
    // Relative to the highest, no exponential overflows and one of them is 1.
    let highest = joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = joint.iter().map(|joint| (joint - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn first_highest(values: &[f64]) -> usize {
    let mut highest = 0;
    for (idx, value) in values.iter().enumerate() {
        if *value > values[highest] {
            highest = idx;
        }
    }
    highest
}
