//! Why a fit ended without a result.

use std::fmt;

/// Why a support vector machine could not be fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FitError {
    /// The caller asked the fit to stop.
    Stopped,
    /// A number left the range of `f64`; the text says which.
    NotFinite(String),
    /// No row has a penalty above zero.
    NoRows,
    /// All rows with a penalty above zero belong to one class.
    OneClass,
}

impl fmt::Display for FitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the fit was stopped"),
            Self::NotFinite(what) => write!(formatter, "{what} not finite; standardize the features"),
            Self::NoRows => formatter.write_str("no row has a weight above zero"),
            Self::OneClass => formatter.write_str("all rows with a weight above zero belong to one class"),
        }
    }
}

impl std::error::Error for FitError {}
