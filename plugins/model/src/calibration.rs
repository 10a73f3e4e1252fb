//! Calibration: from a score to a probability.

use serde::{Deserialize, Serialize};

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// `1 / (1 + exp(slope · score + intercept))` (Platt 1999).
    Sigmoid {
        /// The factor of the score.
        slope: f64,
        /// Added to the product.
        intercept: f64,
    },
    /// A function that never falls, by linear interpolation; beyond the known scores it stays.
    Isotonic {
        /// Where it bends, ascending.
        scores: Vec<f64>,
        /// The probabilities there.
        probabilities: Vec<f64>,
    },
}

impl Calibration {
    /// The probability of a score.
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Self::Sigmoid { slope, intercept } => {
                let z = slope * score + intercept;
                if z > 0.0 { (-z).exp() / (1.0 + (-z).exp()) } else { 1.0 / (1.0 + z.exp()) }
            }
            Self::Isotonic { scores, probabilities } => {
                let above = scores.partition_point(|known| *known <= score);
                let Some(below) = above.checked_sub(1) else {
                    return probabilities.first().copied().unwrap_or(0.5);
                };
                if above == scores.len() {
                    return probabilities[below];
                }
                let rise = probabilities[above] - probabilities[below];
                let share = (score - scores[below]) / (scores[above] - scores[below]);
                (probabilities[below] + share * rise).min(probabilities[above])
            }
        }
    }

    pub(crate) fn verify(&self) -> Result<(), String> {
        match self {
            Self::Isotonic { scores, probabilities } if scores.len() != probabilities.len() => {
                Err("a calibration has not as many probabilities as scores".into())
            }
            _ => Ok(()),
        }
    }
}
