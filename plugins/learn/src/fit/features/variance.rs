//! Finds columns that hardly vary, as scikit-learn's `VarianceThreshold`.

use super::{
    error::Error,
    numeric::{check_columns, extremes, population_variance},
};

/// Returns the population variance (divided by the number of rows) of each column.
///
/// # Errors
///
/// The columns are empty, uneven or not finite.
pub(crate) fn variances(columns: &[&[f64]]) -> Result<Vec<f64>, Error> {
    check_columns(columns)?;
    Ok(columns.iter().map(|column| population_variance(column)).collect())
}

/// Returns the indices, ascending, of the columns to drop because their variance is at most `threshold`.
///
/// At threshold 0 the smaller of the variance and the difference between the largest and smallest value counts,
/// as in scikit-learn, so that rounding does not keep a constant column. scikit-learn refuses data of which it
/// would drop every column; here the indices of all columns come back.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; `threshold` is negative or NaN.
pub(crate) fn low_variance(columns: &[&[f64]], threshold: f64) -> Result<Vec<usize>, Error> {
    if threshold.is_nan() || threshold < 0.0 {
        return Err(Error::Bound(threshold));
    }
    let mut measures = variances(columns)?;
    if threshold <= 0.0 {
        for (measure, column) in measures.iter_mut().zip(columns) {
            let (low, high) = extremes(column);
            *measure = measure.min(high - low);
        }
    }
    Ok((0..measures.len()).filter(|&index| measures[index] <= threshold).collect())
}
