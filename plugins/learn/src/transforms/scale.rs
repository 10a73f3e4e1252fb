//! Fitting what moves and stretches columns of numbers.
//!
//! Formulas and the treatment of constant columns are those of scikit-learn's `StandardScaler` (population variance),
//! `MinMaxScaler`, `RobustScaler` (percentiles by linear interpolation) and `MaxAbsScaler`.

use std::borrow::Cow;

use sluicegate_model::{FittedTransform, Frame, numeric::percentile};

use super::params::ClipSettings;

/// How a column is scaled.
#[derive(Clone, Copy)]
pub(super) enum Scaler {
    Standardize,
    MinMax,
    Robust,
    MaxAbs,
}

/// Fits a scaler.
pub(super) fn scale(scaler: Scaler, frame: &Frame, columns: Vec<String>) -> FittedTransform {
    let (mut offset, mut scale) = (Vec::new(), Vec::new());
    for column in &columns {
        let values = known(frame.numbers(column).unwrap_or_default());
        let (centre, width) = match scaler {
            _ if values.is_empty() => (0.0, 1.0),
            Scaler::Standardize => standard(&values),
            Scaler::MinMax => min_max(&values),
            Scaler::Robust => robust(&values),
            Scaler::MaxAbs => {
                (0.0, nonzero(values.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()))))
            }
        };
        offset.push(centre);
        scale.push(width);
    }
    FittedTransform::Scale { columns, offset, scale, factor: 1.0, shift: 0.0 }
}

/// Finds the bounds of columns.
pub(super) fn clip(settings: &ClipSettings, frame: &Frame, columns: Vec<String>) -> FittedTransform {
    let bounded = columns.into_iter().map(|column| {
        let mut sorted = known(frame.numbers(&column).unwrap_or_default()).into_owned();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| percentile(&sorted, 100.0 * share);
        let least = settings.min.or(settings.lower.map(quantile)).unwrap_or(f64::NAN);
        let greatest = settings.max.or(settings.upper.map(quantile)).unwrap_or(f64::NAN);
        (column, least, greatest)
    });
    FittedTransform::Clip { columns: bounded.collect() }
}

/// The values that are not missing.
pub(super) fn known(values: &[f64]) -> Cow<'_, [f64]> {
    if values.iter().any(|value| value.is_nan()) {
        Cow::Owned(values.iter().copied().filter(|value| !value.is_nan()).collect())
    } else {
        Cow::Borrowed(values)
    }
}

/// Mean and population standard deviation; 1 for a column that is constant up to rounding.
fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // The second term takes back what rounding left in the mean (Chan, Golub and LeVeque).
    let (squares, rest) =
        values.iter().fold((0.0, 0.0), |(s, r), x| (s + (x - mean) * (x - mean), r + (x - mean)));
    let variance = (squares - rest * rest / n) / n;
    let floor = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
    (mean, if variance <= floor { 1.0 } else { variance.sqrt() })
}

fn min_max(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, nonzero(greatest - least))
}

fn robust(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (percentile(&sorted, 50.0), nonzero(percentile(&sorted, 75.0) - percentile(&sorted, 25.0)))
}

/// A width of zero would divide by zero; such a column stays as it is.
fn nonzero(width: f64) -> f64 {
    if width < 10.0 * f64::EPSILON { 1.0 } else { width }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalers_follow_their_formulas_and_leave_constant_columns_alone() {
        assert_eq!(standard(&[1.0, 2.0, 3.0, 4.0]), (2.5, 1.25_f64.sqrt()));
        assert_eq!(standard(&[7.0, 7.0, 7.0]), (7.0, 1.0));
        assert_eq!(min_max(&[2.0, 6.0]), (2.0, 4.0));
        assert_eq!(robust(&[1.0, 2.0, 3.0, 4.0, 10.0]), (3.0, 2.0));
        assert_eq!(robust(&[5.0, 5.0]), (5.0, 1.0));
    }
}
