//! Sums, moments, grids and percentiles that the transforms share.

/// Length up to which a sum is not split any further.
const SUM_BLOCK: usize = 128;

/// Number of running sums within a block.
const SUM_LANES: usize = 8;

/// Converts a count to a float.
#[expect(clippy::cast_precision_loss, reason = "a column has far fewer than 2^53 rows")]
pub(crate) fn as_float(count: usize) -> f64 {
    count as f64
}

/// Returns the values that are not missing, in their order.
pub(crate) fn known_values(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}

/// Returns the least and the greatest value, or `None` for an empty slice.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let minimum = values.iter().copied().min_by(f64::total_cmp)?;
    let maximum = values.iter().copied().max_by(f64::total_cmp)?;
    Some((minimum, maximum))
}

/// Adds the values pairwise, which keeps the rounding error at the logarithm of the length.
///
/// Source: Higham (1993), The accuracy of floating point summation, SIAM Journal on Scientific Computing 14(4). Blocks
/// and lanes are those of `NumPy`, so that a sum agrees with `numpy.sum` to the last bit.
pub(crate) fn pairwise_sum(values: &[f64]) -> f64 {
    if values.len() <= SUM_BLOCK {
        return block_sum(values);
    }
    let half = values.len() / 2;
    let (left, right) = values.split_at(half - half % SUM_LANES);
    pairwise_sum(left) + pairwise_sum(right)
}

/// Adds a short slice in eight running sums.
fn block_sum(values: &[f64]) -> f64 {
    let chunks = values.chunks_exact(SUM_LANES);
    let rest = chunks.remainder();
    if rest.len() == values.len() {
        return rest.iter().sum();
    }
    let mut lanes = [0.0; SUM_LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    let whole =
        ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    rest.iter().fold(whole, |sum, value| sum + value)
}

/// Returns the arithmetic mean; NaN for an empty slice.
pub(crate) fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / as_float(values.len())
}

/// Returns the population variance by the two-pass algorithm; NaN for an empty slice.
///
/// Source: Chan, Golub and `LeVeque` (1983), Algorithms for computing the sample variance, The American Statistician
/// 37(3).
pub(crate) fn population_variance(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - center) * (value - center)).collect();
    mean(&squares)
}

/// Tells whether a variance is within the rounding error of a constant column.
///
/// Source: the error bound of the two-pass algorithm in Chan, Golub and `LeVeque` (1983).
pub(crate) fn is_constant(variance: f64, mean: f64, count: usize) -> bool {
    let rounding = as_float(count) * f64::EPSILON;
    variance <= rounding * variance + (as_float(count) * mean * f64::EPSILON).powi(2)
}

/// Returns `count` evenly spaced numbers from `first` to `last`, both included; `first` alone for a count of 1.
pub(crate) fn grid(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / as_float(count.saturating_sub(1));
    let mut numbers: Vec<f64> = (0..count).map(|position| as_float(position) * step + first).collect();
    match numbers.as_mut_slice() {
        [] => {}
        [only] => *only = first,
        [.., end] => *end = last,
    }
    numbers
}

/// Returns the percentile of a sorted slice by linear interpolation; NaN for an empty slice.
///
/// Source: definition 7 in Hyndman and Fan (1996), Sample quantiles in statistical packages, The American Statistician
/// 50(4).
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let virtual_position = as_float(sorted.len().saturating_sub(1)) * (percent / 100.0);
    let position = floor_position(virtual_position);
    let (lower, upper) = match sorted.get(position..) {
        Some([lower, upper, ..]) => (*lower, *upper),
        _ => return sorted.last().copied().unwrap_or(f64::NAN),
    };
    let weight = virtual_position - as_float(position);
    if weight >= 0.5 { upper - (upper - lower) * (1.0 - weight) } else { lower + (upper - lower) * weight }
}

/// Rounds a position down to an index; a negative position or NaN becomes 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates and NaN becomes 0"
)]
fn floor_position(position: f64) -> usize {
    position.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::{grid, pairwise_sum, percentile};

    #[test]
    fn a_pairwise_sum_of_any_length_adds_every_value_once() {
        for count in 0_u32..600 {
            let values: Vec<f64> = (0..count).map(f64::from).collect();
            let expected = f64::from(count) * (f64::from(count) - 1.0) / 2.0;
            assert!((pairwise_sum(&values) - expected).abs() < 1e-9, "{count}");
        }
    }

    #[test]
    fn a_grid_of_one_point_is_the_start() {
        assert_eq!(grid(2.0, 9.0, 1), [2.0]);
        assert!(grid(2.0, 9.0, 0).is_empty());
    }

    #[test]
    fn a_percentile_interpolates_between_neighbours() {
        assert!((percentile(&[1.0, 2.0, 4.0], 75.0) - 3.0).abs() < 1e-15);
        assert!((percentile(&[1.0, 2.0, 4.0], 100.0) - 4.0).abs() < 1e-15);
        assert!(percentile(&[], 50.0).is_nan());
    }
}
