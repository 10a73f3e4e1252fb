//! K nearest neighbours for classification and regression, with scikit-learn's definitions
//! (`KNeighborsClassifier`, `KNeighborsRegressor`).
//!
//! [`Neighbours`] keeps the training rows and predicts from the `k` nearest ones. Of rows at the same
//! distance, the lower row number is nearer. A k-d tree searches tables of few columns, blocks of rows are
//! scanned for the rest; all ways to search find the same rows at the same distances, bit for bit, on any
//! number of threads.

mod blocks;
mod error;
mod expansion;
mod metric;
mod model;
mod nearest;
mod search;
#[cfg(test)]
mod tests;
mod tree;

pub use error::FitError;
pub use metric::{Metric, VoteWeights};
pub use model::{NeighbourOptions, NeighbourPredictions, Neighbours, Targets};
