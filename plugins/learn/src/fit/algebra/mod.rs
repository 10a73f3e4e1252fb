//! Dense linear algebra that the linear and the logistic models share.
//!
//! Everything works on plain slices, gives the same bits for any number of threads, and asks `stop` often
//! enough to end within a fraction of a second.

mod cholesky;
mod chunks;
mod error;
mod householder;
mod least_norm;
mod quadratic;
mod rank_update;
mod vector;
mod working_set;

pub(crate) use cholesky::Cholesky;
pub(crate) use chunks::{Chunks, row_block};
pub(crate) use error::FitError;
pub(crate) use householder::{Columns, Reflectors, triangularize};
pub(crate) use least_norm::{LeastNorm, least_norm};
pub(crate) use quadratic::{PenalizedQuadratic, kkt_violation};
pub(crate) use rank_update::{add_cross_product, mirror_upper};
pub(crate) use vector::{add_scaled, dot, max_abs};
pub(crate) use working_set::next_features;

/// Says whether the caller wants the fit to end early.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);
