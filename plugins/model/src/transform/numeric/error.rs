//! The reasons why a column cannot be fitted.

use std::{
    error::Error,
    fmt::{Display, Formatter, Result},
};

/// Says why a transform cannot be fitted to a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitError {
    /// The column has no row, or every row is missing.
    NoKnownValues,
    /// Box-Cox needs values above zero; `row` is the first row that breaks this.
    NotPositive {
        /// The number of the row, counted from 0.
        row: usize,
    },
    /// Box-Cox needs two different values.
    Constant,
    /// The likelihood has no maximum that the search can bracket.
    NoMaximum,
    /// The fitted parameters do not fit into an `f64`.
    Overflow,
    /// The number of quantiles is 0.
    NoQuantiles,
    /// The number of bins is below 2.
    TooFewBins {
        /// The number that was asked for.
        n_bins: usize,
    },
    /// The number of bins is above [`super::bins::MAXIMUM_BINS`].
    TooManyBins {
        /// The number that was asked for.
        n_bins: usize,
    },
    /// The k-means strategy needs as many known values as bins.
    FewerValuesThanBins {
        /// The number of known values in the column.
        n_values: usize,
        /// The number of bins that was asked for.
        n_bins: usize,
    },
}

impl Display for FitError {
    /// Writes what is wrong with the column and, where it helps, what to change.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::NoKnownValues => write!(formatter, "the column has no known value"),
            Self::NotPositive { row } => {
                write!(formatter, "row {} is not above 0, which Box-Cox needs", row + 1)
            }
            Self::Constant => write!(formatter, "the column is constant, which Box-Cox refuses"),
            Self::NoMaximum => write!(formatter, "the likelihood of the power has no maximum"),
            Self::Overflow => write!(formatter, "the fitted parameters exceed the range of numbers"),
            Self::NoQuantiles => write!(formatter, "the number of quantiles must be at least 1"),
            Self::TooFewBins { n_bins } => write!(formatter, "{n_bins} bins asked for, at least 2 needed"),
            Self::TooManyBins { n_bins } => write!(formatter, "{n_bins} bins asked for, which is too many"),
            Self::FewerValuesThanBins { n_values, n_bins } => {
                write!(formatter, "{n_values} known values are too few for {n_bins} k-means bins")
            }
        }
    }
}

impl Error for FitError {}
