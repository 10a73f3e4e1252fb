//! Fitting estimators to a matrix of features.

pub(crate) mod algebra;
pub(crate) mod boosting;
pub(crate) mod features;
pub(crate) mod forest;
pub(crate) mod linear;
pub(crate) mod logistic;
pub(crate) mod mlp;
pub(crate) mod naive_bayes;
pub(crate) mod one_class;
pub(crate) mod svm;

use ndarray::Array2;

/// Row-major numbers as a matrix.
pub(crate) fn matrix(values: Vec<f64>, n_columns: usize) -> Array2<f64> {
    let n_rows = values.len() / n_columns.max(1);
    Array2::from_shape_vec((n_rows, n_columns), values).expect("the numbers fill whole rows")
}
