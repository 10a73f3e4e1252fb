//! Linear regression: least squares, ridge, lasso and elastic net, with scikit-learn's objectives.
//!
//! Rows may have weights; the intercept is fitted by centring and is never penalised. Least squares and
//! ridge go through a QR decomposition of the centred rows, block by block, so that the matrix is not
//! copied unless it is wide.

mod centred;
mod elastic_net;
mod fit;
mod gram;
mod least_squares;
mod reduce;
#[cfg(test)]
mod tests;

pub(crate) use centred::Regression;
pub(crate) use elastic_net::{ElasticNetOptions, elastic_net};
pub(crate) use fit::LinearFit;
pub(crate) use least_squares::{least_squares, ridge};
