//! Median, median absolute deviation, and how far a value is from them.

/// The 0.75 quantile of the standard normal distribution.
const NORMAL: f64 = 0.6745;

/// Where a column is, and how wide.
pub struct Scale {
    pub median: f64,
    pub mad: f64,
}

impl Scale {
    /// Of finite values; without any, everything is at the median.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let median = median(&mut values);
        let mut deviations: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        Self { median, mad: crate::score::median(&mut deviations) }
    }

    /// The modified z-score.
    pub fn score(&self, value: f64) -> f64 {
        let deviation = value - self.median;
        // A column that is mostly one value has no width: whatever differs from it is infinitely far out.
        if deviation == 0.0 { 0.0 } else { NORMAL * deviation / self.mad }
    }
}

/// The middle value, or the mean of the two middle ones; zero without values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (n_values, middle) if n_values % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_that_stand_far_out_are_found() {
        // Two values stand far from the rest; deviations from 2.45 are 0.05, 0.05, 0.15, 0.15, 0.15, 0.15, 0.35, 0.35, 5.75, 5.85.
        let sample = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3];
        let scale = Scale::of(sample.into_iter());
        assert!((scale.median - 2.45).abs() < 1e-12);
        assert!((scale.mad - 0.15).abs() < 1e-9, "{}", scale.mad);
        assert!(scale.score(8.3) > 3.5 && scale.score(2.1).abs() < 3.5);
    }

    #[test]
    fn a_column_of_one_value_has_no_outliers_and_any_other_value_is_one() {
        let scale = Scale::of([5.0, 5.0, 5.0, 9.0].into_iter());
        assert_eq!((scale.score(5.0), scale.score(9.0)), (0.0, f64::INFINITY));
        assert_eq!(Scale::of([].into_iter()).score(0.0), 0.0);
    }
}
