//! Statistics of a column's present values.

/// The arithmetic mean. Zero values have none.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The population standard deviation (divisor n).
pub(super) fn population_std(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / values.len() as f64).sqrt()
}

/// The quantile at `q` from 0 to 1 of sorted values, interpolated linearly between the two nearest, which is the
/// default of `numpy.quantile` (method 7 of Hyndman and Fan). Zero values have none.
pub(super) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = position.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let t = position - below as f64;
    // The two forms keep both ends exact, as NumPy does.
    Some(if t < 0.5 { a + (b - a) * t } else { b - (b - a) * (1.0 - t) })
}

/// The median.
pub(super) fn median(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    match n {
        0 => None,
        _ if n.is_multiple_of(2) => Some(f64::midpoint(sorted[n / 2 - 1], sorted[n / 2])),
        _ => Some(sorted[n / 2]),
    }
}

/// Sorts finite values.
pub(super) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 3, 4], [0.25, 0.5, 0.75]) = [1.75, 2.5, 3.25]
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!([0.25, 0.5, 0.75].map(|q| quantile(&values, q)), [Some(1.75), Some(2.5), Some(3.25)]);
        assert_eq!(quantile(&[7.0], 0.25), Some(7.0));
        assert_eq!(quantile(&[], 0.25), None);
    }

    #[test]
    fn the_standard_deviation_divides_by_n() {
        // numpy.std([1, 2, 3, 4]) = 1.118033988749895
        assert!((population_std(&[1.0, 2.0, 3.0, 4.0], 2.5) - 1.118_033_988_749_895).abs() < 1e-15);
    }
}
