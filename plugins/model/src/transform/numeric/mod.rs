//! Three transforms of one numeric column, fitted on one set of rows and applied to any other.
//!
//! Each module has a function `fit`, which reads a column and returns a plain `Fitted`, and `Fitted::apply`, which
//! rewrites a column in place. NaN means a missing value: `fit` ignores it and `apply` keeps it. Nothing panics.
//!
//! - [`power`] follows `PowerTransformer` of scikit-learn 1.9,
//! - [`quantile`] follows `QuantileTransformer`,
//! - [`bins`] follows `KBinsDiscretizer`.

pub mod bins;
mod error;
mod kmeans;
mod minimize;
pub mod normal;
pub mod power;
pub mod quantile;
mod sums;

pub use error::FitError;
pub use sums::percentile;
