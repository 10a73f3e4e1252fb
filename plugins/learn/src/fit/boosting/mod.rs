//! Histogram gradient boosting.

mod bins;
mod export;
mod fit;
mod grow;
mod histogram;
mod loss;
mod split;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use bins::{Column, MISSING};
pub(crate) use export::to_trees;
pub(crate) use fit::{Boosted, Options, Rows, fit};
pub(crate) use grow::Growth;
pub(crate) use loss::Loss;
pub(crate) use split::Monotone;

/// Why no model was fitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FitError {
    /// It was asked to stop.
    Stopped,
    /// There are more rows than can be counted.
    TooManyRows {
        /// The rows.
        n_rows: usize,
        /// The most.
        most: usize,
    },
}
