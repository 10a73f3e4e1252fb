//! Why a fit ended without a model.

use std::fmt;

/// Reason why a multi-layer perceptron was not fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FitError {
    /// The caller asked to stop.
    Stopped,
    /// The loss or a weight is no longer finite.
    NotFinite(String),
    /// There are too few rows to train on, or to stop early by.
    TooFewRows(String),
    /// The given starting weights do not fit the data and settings.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests start from given weights"))]
    StartingWeights(String),
}

impl FitError {
    /// Training diverged at the given place ("iteration 3").
    pub(super) fn diverged(place: &str) -> Self {
        Self::NotFinite(format!(
            "the loss diverged in {place}; lower the learning rate, or standardize the features"
        ))
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the fit was stopped"),
            Self::NotFinite(message) | Self::TooFewRows(message) | Self::StartingWeights(message) => {
                formatter.write_str(message)
            }
        }
    }
}

impl std::error::Error for FitError {}
