//! Fitting estimators to a matrix of features.

pub(crate) mod boosting;
pub(crate) mod forest;
mod linear;
mod logistic;
pub(crate) mod mlp;
pub(crate) mod naive_bayes;
pub(crate) mod one_class;
pub(crate) mod svm;

pub(crate) use linear::linear;
pub(crate) use logistic::{LogisticOptions, logistic};

use std::panic::{AssertUnwindSafe, catch_unwind};

use ndarray::Array2;
use sluicegate_plugin::TaskError;

/// Runs a solver that may panic.
fn guarded<T>(solver: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, TaskError> {
    let failed =
        |reason: String| TaskError::permanent("no_fit", format!("{solver} did not find a model: {reason}"));
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(failed("the solver panicked".into())),
    }
}

/// Row-major numbers as a matrix.
pub(crate) fn matrix(values: Vec<f64>, n_columns: usize) -> Array2<f64> {
    let n_rows = values.len() / n_columns.max(1);
    Array2::from_shape_vec((n_rows, n_columns), values).expect("the numbers fill whole rows")
}
