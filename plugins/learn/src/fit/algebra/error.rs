//! Why a fit gives no model.

use std::fmt;

/// The reason that a linear or logistic model could not be fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FitError {
    /// The caller's `stop` said true.
    Stopped,
    /// A number of the result overflowed; the text names it.
    NotFinite(String),
    /// There is no row with a positive weight.
    NoRows,
    /// The rows with a positive weight hold fewer than two classes.
    OneClass,
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the fit was stopped"),
            Self::NotFinite(what) => write!(f, "{what} is not finite"),
            Self::NoRows => f.write_str("no row has a positive weight"),
            Self::OneClass => f.write_str("the rows with a positive weight hold fewer than two classes"),
        }
    }
}

impl std::error::Error for FitError {}

impl FitError {
    /// Turns a stop request into an error.
    pub(crate) fn check(stop: super::Stop) -> Result<(), Self> {
        if stop() { Err(Self::Stopped) } else { Ok(()) }
    }

    /// Fails if one of the values is infinite or not a number.
    pub(crate) fn check_finite(what: &str, values: &[f64]) -> Result<(), Self> {
        if values.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err(Self::NotFinite(what.to_owned()))
        }
    }
}
