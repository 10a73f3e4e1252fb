//! Why training rows cannot be used.

use std::error::Error;
use std::fmt;

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitError {
    /// The caller asked to stop.
    Stopped,
    /// A training row holds a number that is not finite; the text says where.
    NotFinite(String),
    /// There are fewer training rows than neighbours to look for.
    TooFewRows {
        /// The number of training rows.
        n_rows: usize,
        /// The number of neighbours.
        k: usize,
    },
    /// Lengths, classes or settings that do not fit together; the text says which.
    Inconsistent(String),
}

impl fmt::Display for FitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => write!(formatter, "stopped before the model was fitted"),
            Self::NotFinite(place) => write!(formatter, "not a finite number: {place}"),
            Self::TooFewRows { n_rows, k } => {
                write!(formatter, "{n_rows} training rows do not have {k} nearest neighbours: lower `k`")
            }
            Self::Inconsistent(problem) => write!(formatter, "{problem}"),
        }
    }
}

impl Error for FitError {}
