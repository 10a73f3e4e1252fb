//! Projections of columns, and scores by which columns are chosen, with scikit-learn's numbers.
//!
//! Data is given as columns, `&[&[f64]]`, of equal lengths and finite numbers. No function panics: what the method does
//! not define comes back as an [`Error`] or, for one column of many, as `None`.

pub(crate) mod correlated;
mod decompose;
mod error;
mod mutual;
mod neighbours;
mod numeric;
pub(crate) mod pca;
pub(crate) mod scores;
mod special;
pub(crate) mod svd;
#[cfg(test)]
mod tests;
pub(crate) mod variance;

pub(crate) use error::Error;
