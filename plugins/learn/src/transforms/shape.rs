//! Fitting what changes the shape of a column's distribution.

use sluicegate_model::{
    FittedTransform, Frame,
    numeric::{FitError, bins, power, quantile},
};
use sluicegate_plugin::TaskError;

use super::params::{BinSettings, PowerSettings, QuantileSettings};

/// Finds the power of each column.
pub(super) fn power(
    settings: PowerSettings,
    frame: &Frame,
    columns: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let columns = each("power", frame, columns, |values| power::fit(values, settings.method))?;
    Ok(FittedTransform::Power { columns })
}

/// Finds the quantiles of each column.
pub(super) fn quantile(
    settings: QuantileSettings,
    frame: &Frame,
    columns: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let fit = |values: &[f64]| quantile::fit(values, settings.n_quantiles, settings.output);
    Ok(FittedTransform::Quantile { columns: each("quantile", frame, columns, fit)? })
}

/// Finds the bins of each column.
pub(super) fn bin(
    settings: BinSettings,
    frame: &Frame,
    columns: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let columns = each("bin", frame, columns, |values| bins::fit(values, settings.n_bins, settings.by))?;
    Ok(FittedTransform::Bin { columns, one_hot: settings.one_hot })
}

/// Fits each column by itself.
fn each<T>(
    transform: &str,
    frame: &Frame,
    columns: Vec<String>,
    fit: impl Fn(&[f64]) -> Result<T, FitError>,
) -> Result<Vec<(String, T)>, TaskError> {
    let one = |column: String| match fit(frame.numbers(&column).unwrap_or_default()) {
        Ok(fitted) => Ok((column, fitted)),
        Err(error) => {
            Err(TaskError::permanent("transform", format!("`{transform}` of column `{column}`: {error}")))
        }
    };
    columns.into_iter().map(one).collect()
}
