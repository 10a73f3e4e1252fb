//! Maps a column to a uniform or a normal distribution through its quantiles.
//!
//! The meaning is that of `QuantileTransformer(subsample=None)` in scikit-learn.

use serde::{Deserialize, Serialize};

use super::{
    FitError,
    normal::normal_quantile,
    sums::{grid, known_values, percentile},
};

/// Distance from the range of the fitted rows, and from the probabilities 0 and 1, within which a normal output is
/// clipped.
const BOUND: f64 = 1e-7;

/// The distribution of the transformed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputDistribution {
    /// Uniform between 0 and 1.
    Uniform,
    /// Standard normal, clipped at about ±5.2.
    Normal,
}

/// The quantiles of a column at evenly spaced probabilities from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The quantiles in rising order; empty if no value was known.
    pub quantiles: Vec<f64>,
    /// The distribution of the transformed column.
    pub output: OutputDistribution,
}

/// Computes `min(n_quantiles, values.len())` quantiles of the known values.
///
/// Missing values are ignored, but their rows count in the number of quantiles. A column without any known value has no
/// quantiles, and `apply` makes every value of any column missing. A constant column has equal quantiles: a value up to
/// the constant becomes 0 and a greater one 1, or the clipped ends of the normal distribution, where the step is 1e-7
/// above the constant. A column of one row has one quantile and the same outcome, but the uniform output is 0
/// everywhere.
///
/// # Errors
///
/// - [`FitError::NoQuantiles`] if `n_quantiles` is 0,
/// - [`FitError::Overflow`] if a difference of two values exceeds the range of `f64`.
pub fn fit(values: &[f64], n_quantiles: usize, output: OutputDistribution) -> Result<Fitted, FitError> {
    if n_quantiles == 0 {
        return Err(FitError::NoQuantiles);
    }
    let mut known = known_values(values);
    if known.is_empty() {
        return Ok(Fitted { quantiles: Vec::new(), output });
    }
    known.sort_unstable_by(f64::total_cmp);
    let mut greatest = f64::NEG_INFINITY;
    let mut quantiles = Vec::new();
    for probability in grid(0.0, 1.0, n_quantiles.min(values.len())) {
        greatest = percentile(&known, probability * 100.0).max(greatest);
        quantiles.push(greatest);
    }
    let is_finite = quantiles.iter().all(|quantile| quantile.is_finite());
    if is_finite { Ok(Fitted { quantiles, output }) } else { Err(FitError::Overflow) }
}

impl Fitted {
    /// Transforms every known value in place; missing values stay missing.
    ///
    /// A value outside the range of the fitted rows maps to the nearer end of the output distribution.
    pub fn apply(&self, values: &mut [f64]) {
        let curve = Curve::new(&self.quantiles);
        for value in values.iter_mut().filter(|value| !value.is_nan()) {
            let probability = match self.quantiles.as_slice() {
                [] => f64::NAN,
                [first, .., last] => self.probability(&curve, *value, *first, *last),
                [only] => self.probability(&curve, *value, *only, *only),
            };
            *value = match self.output {
                OutputDistribution::Uniform => probability,
                OutputDistribution::Normal => clipped_normal_quantile(probability),
            };
        }
    }

    /// Returns the probability of a value, with the ends of the fitted range at exactly 0 and 1.
    #[expect(clippy::float_cmp, reason = "the uniform output singles out the very ends of the fitted range")]
    fn probability(&self, curve: &Curve, value: f64, first: f64, last: f64) -> f64 {
        let (is_first, is_last) = match self.output {
            OutputDistribution::Uniform => (value == first, value == last),
            OutputDistribution::Normal => (value - BOUND < first, value + BOUND > last),
        };
        if is_first {
            0.0
        } else if is_last {
            1.0
        } else {
            curve.at(value)
        }
    }
}

/// Returns the normal quantile, clipped at the probabilities that are just short of [`BOUND`] from 0 and 1.
fn clipped_normal_quantile(probability: f64) -> f64 {
    let bound = BOUND - f64::EPSILON;
    normal_quantile(probability).clamp(normal_quantile(bound), normal_quantile(1.0 - bound))
}

/// The cumulative distribution function through the quantiles, once upwards and once downwards.
struct Curve {
    /// The quantiles with their probabilities.
    upwards: (Vec<f64>, Vec<f64>),
    /// The negative of both in reverse order.
    downwards: (Vec<f64>, Vec<f64>),
}

impl Curve {
    /// Pairs the quantiles with evenly spaced probabilities.
    fn new(quantiles: &[f64]) -> Self {
        let probabilities = grid(0.0, 1.0, quantiles.len());
        let reversed = |numbers: &[f64]| numbers.iter().rev().map(|number| -number).collect();
        let downwards = (reversed(quantiles), reversed(&probabilities));
        Self { upwards: (quantiles.to_vec(), probabilities), downwards }
    }

    /// Returns the probability of a value, which is the middle one where several quantiles are equal.
    fn at(&self, value: f64) -> f64 {
        let upwards = interpolate(&self.upwards.0, &self.upwards.1, value);
        let downwards = interpolate(&self.downwards.0, &self.downwards.1, -value);
        0.5 * (upwards - downwards)
    }
}

/// Interpolates linearly between points in rising order and keeps the ends outside of them, as `numpy.interp` does.
fn interpolate(positions: &[f64], heights: &[f64], position: f64) -> f64 {
    let n_below = positions.partition_point(|other| *other <= position);
    let Some(index) = n_below.checked_sub(1) else {
        return heights.first().copied().unwrap_or(f64::NAN);
    };
    let (Some([left, right, ..]), Some([low, high, ..])) = (positions.get(index..), heights.get(index..))
    else {
        return heights.last().copied().unwrap_or(f64::NAN);
    };
    let slope = (high - low) / (right - left);
    let height = slope * (position - left) + low;
    if height.is_nan() { slope * (position - right) + high } else { height }
}
