//! The one error type of the crate.

use std::fmt;

/// Says why a fit, a projection or a score is not defined for the input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Error {
    /// The data has no column or no row.
    Empty,
    /// A column has another length than the first one.
    Ragged {
        /// Index of the column.
        column: usize,
        /// Length of the first column.
        expected: usize,
        /// Length of this column.
        found: usize,
    },
    /// A column holds a NaN or an infinite number.
    NotFinite {
        /// Index of the column.
        column: usize,
    },
    /// The target holds a NaN or an infinite number.
    TargetNotFinite,
    /// The target (or the mask of discrete columns) has the wrong length.
    WrongLength {
        /// Length that fits the columns.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// The method needs more rows.
    TooFewRows {
        /// Least number of rows.
        needed: usize,
        /// Number of rows found.
        found: usize,
    },
    /// The method needs more columns.
    TooFewColumns {
        /// Least number of columns.
        needed: usize,
        /// Number of columns found.
        found: usize,
    },
    /// The target has fewer than two classes.
    TooFewClasses,
    /// The number of components is zero, or above the smaller of the numbers of rows and columns.
    ComponentCount {
        /// Number of components asked for.
        asked: usize,
        /// Largest number the data allows.
        largest: usize,
    },
    /// The share of variance lies outside the open interval from 0 to 1.
    Share(f64),
    /// The bound or threshold lies outside its range.
    Bound(f64),
    /// No column varies.
    NoVariance,
    /// A column of counts holds a negative number.
    Negative {
        /// Index of the column.
        column: usize,
    },
    /// A result is beyond the range of `f64`.
    Overflow,
}

impl fmt::Display for Error {
    /// Writes the reason as one plain sentence.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the data has no column or no row"),
            Self::Ragged { column, expected, found } => {
                write!(out, "column {column} has {found} rows where the first has {expected}")
            }
            Self::NotFinite { column } => write!(out, "column {column} holds a number that is not finite"),
            Self::TargetNotFinite => write!(out, "the target holds a number that is not finite"),
            Self::WrongLength { expected, found } => {
                write!(out, "expected {expected} entries, found {found}")
            }
            Self::TooFewRows { needed, found } => write!(out, "needs {needed} rows, found {found}"),
            Self::TooFewColumns { needed, found } => write!(out, "needs {needed} columns, found {found}"),
            Self::TooFewClasses => write!(out, "the target has fewer than two classes"),
            Self::ComponentCount { asked, largest } => {
                write!(out, "{asked} components asked for where 1 to {largest} are possible")
            }
            Self::Share(share) => write!(out, "the share of variance {share} is not between 0 and 1"),
            Self::Bound(bound) => write!(out, "the bound {bound} is out of range"),
            Self::NoVariance => write!(out, "no column varies"),
            Self::Negative { column } => write!(out, "column {column} holds a negative number"),
            Self::Overflow => write!(out, "a result is beyond the range of 64-bit numbers"),
        }
    }
}

impl std::error::Error for Error {}
