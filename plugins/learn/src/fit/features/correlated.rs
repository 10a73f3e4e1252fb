//! Finds columns that repeat what an earlier column says.

use super::{
    error::Error,
    numeric::{check_columns, dot, standardise},
};

/// Returns the indices, ascending, of the columns to drop so that no two kept ones correlate above `bound`.
///
/// Columns are taken in order; one is dropped if the absolute value of its Pearson correlation with an earlier
/// kept column exceeds `bound`. Columns without variance correlate with nothing and are kept. Correlations are
/// at most 1, so a bound of 1 drops nothing. Pearson, "Notes on regression and inheritance in the case of two
/// parents", Proc. R. Soc. Lond. 58, 1895.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; `bound` is not between 0 and 1.
pub(crate) fn correlated(columns: &[&[f64]], bound: f64) -> Result<Vec<usize>, Error> {
    check_columns(columns)?;
    if !(0.0..=1.0).contains(&bound) {
        return Err(Error::Bound(bound));
    }
    let mut kept: Vec<Vec<f64>> = Vec::new();
    let mut dropped = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let Some(standard) = standardise(column) else { continue };
        if kept.iter().any(|earlier| dot(earlier, &standard).abs().min(1.0) > bound) {
            dropped.push(index);
        } else {
            kept.push(standard);
        }
    }
    Ok(dropped)
}
