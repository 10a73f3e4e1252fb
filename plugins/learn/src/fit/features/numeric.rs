//! Sums, means and checks that the other modules share.

use super::error::Error;

/// Turns a count into a floating point number.
#[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// Returns the number of rows, or the reason why the columns are not a finite, rectangular, filled matrix.
pub(crate) fn check_columns(columns: &[&[f64]]) -> Result<usize, Error> {
    let rows = check_shape(columns)?;
    if rows == 0 {
        return Err(Error::Empty);
    }
    for (column, values) in columns.iter().enumerate() {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite { column });
        }
    }
    Ok(rows)
}

/// Returns the number of rows, which may be zero, or the reason why the columns are not rectangular.
pub(crate) fn check_shape(columns: &[&[f64]]) -> Result<usize, Error> {
    let expected = columns.first().ok_or(Error::Empty)?.len();
    for (column, values) in columns.iter().enumerate() {
        if values.len() != expected {
            return Err(Error::Ragged { column, expected, found: values.len() });
        }
    }
    Ok(expected)
}

/// Returns an error unless the two lengths agree.
pub(crate) fn check_length(expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::WrongLength { expected, found }) }
}

/// Sums the products of two vectors over four running sums, so that the loop vectorises.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (left_blocks, right_blocks) = (left.chunks_exact(4), right.chunks_exact(4));
    let rest: f64 =
        left_blocks.remainder().iter().zip(right_blocks.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in left_blocks.zip(right_blocks) {
        for lane in 0..4 {
            sums[lane] += one[lane] * other[lane];
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Adds `factor` times `source` to `target`.
pub(crate) fn add_scaled(target: &mut [f64], factor: f64, source: &[f64]) {
    for (entry, value) in target.iter_mut().zip(source) {
        *entry += factor * value;
    }
}

/// Divides each entry.
pub(crate) fn divide(values: &mut [f64], divisor: f64) {
    for value in values {
        *value /= divisor;
    }
}

/// Returns the mean, which for equal values is exactly that value; 0 without values.
///
/// The first value is taken as a provisional mean and corrected twice by the mean of the deviations (the
/// two-pass idea of Chan, Golub and `LeVeque`, "Algorithms for computing the sample variance", 1983).
pub(crate) fn mean(values: &[f64]) -> f64 {
    let Some(&first) = values.first() else { return 0.0 };
    let correct =
        |centre: f64| centre + values.iter().map(|value| value - centre).sum::<f64>() / float(values.len());
    correct(correct(first))
}

/// Sums the squared deviations from `centre`.
pub(crate) fn squared_deviations(values: &[f64], centre: f64) -> f64 {
    values.iter().map(|value| (value - centre) * (value - centre)).sum()
}

/// Returns the population variance (divided by the number of values); 0 without values.
pub(crate) fn population_variance(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { squared_deviations(values, mean(values)) / float(values.len()) }
}

/// Returns the smallest and the largest value; infinities the wrong way round without values.
pub(crate) fn extremes(values: &[f64]) -> (f64, f64) {
    let widen = |(low, high): (f64, f64), &value: &f64| (low.min(value), high.max(value));
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen)
}

/// Returns the power of two at or just below the largest magnitude, by which division is exact; 0 for zeros.
pub(crate) fn binary_scale(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let power = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
    if largest > 0.0 { power.max(f64::MIN_POSITIVE) } else { 0.0 }
}

/// Returns the deviations from the mean, scaled to length 1, or `None` for a column without variance.
///
/// The inner product of two such columns is their Pearson correlation.
pub(crate) fn standardise(values: &[f64]) -> Option<Vec<f64>> {
    let (low, high) = extremes(values);
    if low >= high {
        return None;
    }
    let scale = binary_scale(values.iter().copied());
    let mut result: Vec<f64> = values.iter().map(|value| value / scale).collect();
    let centre = mean(&result);
    for value in &mut result {
        *value -= centre;
    }
    let length = dot(&result, &result).sqrt();
    divide(&mut result, length);
    Some(result)
}

/// Numbers the distinct entries in ascending order; returns each row's number and how many there are.
pub(crate) fn encode<T: Copy>(
    values: &[T],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> (Vec<usize>, usize) {
    let mut distinct = values.to_vec();
    distinct.sort_by(&order);
    distinct.dedup_by(|one, other| order(one, other).is_eq());
    let code = |value: &T| distinct.partition_point(|known| order(known, value).is_lt());
    (values.iter().map(code).collect(), distinct.len())
}

/// Tests of what the public functions do not show.
#[cfg(test)]
mod tests {
    use super::*;

    /// A constant column has exactly no variance.
    #[test]
    fn mean_of_equal_values_is_exact() {
        assert!(population_variance(&[0.1; 7]).abs() < f64::MIN_POSITIVE);
        assert!(standardise(&[0.1; 7]).is_none());
    }

    /// Neither tiny nor huge numbers spoil the scaling.
    #[test]
    fn standardise_survives_the_range_of_numbers() {
        for scale in [1e-310, 1.0, 1e308] {
            let column = standardise(&[scale, -scale, 0.5 * scale]).unwrap();
            assert!((dot(&column, &column) - 1.0).abs() < 1e-14);
        }
    }

    /// Codes follow the order of the values.
    #[test]
    fn encode_numbers_in_order() {
        assert_eq!(encode(&[5, 1, 5, 3], Ord::cmp), (vec![2, 0, 2, 1], 3));
    }
}
