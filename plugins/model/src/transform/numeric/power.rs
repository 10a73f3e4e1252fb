//! Power transforms that make a column more normal, standardised afterwards.
//!
//! The meaning is that of `PowerTransformer(standardize=True)` in scikit-learn.

use serde::{Deserialize, Serialize};

use super::{
    FitError,
    minimize::{minimize_bounded, minimize_downhill},
    sums::{as_float, is_constant, known_values, mean, pairwise_sum, population_variance},
};

/// Exponent from which `exp` overflows.
const GREATEST_EXPONENT: f64 = 709.78;

/// Magnitude below which the power of Box-Cox is a logarithm to the last bit.
const LEAST_BOX_COX_POWER: f64 = 1e-19;

/// Positions from which the search for the power of Box-Cox goes downhill.
const BOX_COX_START: (f64, f64) = (-2.0, 2.0);

/// How often the greatest magnitude of the fitted rows a value may be before its Yeo-Johnson transform overflows.
const YEO_JOHNSON_MARGIN: f64 = 20.0;

/// The family of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Powers of any number.
    YeoJohnson,
    /// Powers of numbers above zero.
    BoxCox,
}

/// A power and the standardisation that follows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The family of powers.
    pub method: Method,
    /// The power, lambda in the literature.
    pub lambda: f64,
    /// The mean of the fitted rows after the power.
    pub mean: f64,
    /// The population standard deviation of the fitted rows after the power; 1 if they are constant then.
    pub scale: f64,
}

/// Fits the power of greatest likelihood and the standardisation after it.
///
/// Missing values are ignored. One known value and a constant column (within rounding error) give lambda 1, the value
/// as mean and scale 1 with Yeo-Johnson, so that `apply` subtracts the value; Box-Cox refuses both. A column that the
/// power makes constant to the last bit has scale 1 too.
///
/// # Errors
///
/// - [`FitError::NotPositive`] if Box-Cox meets a value that is not above zero,
/// - [`FitError::NoKnownValues`] if no value is known,
/// - [`FitError::Constant`] if Box-Cox meets one value or a constant column,
/// - [`FitError::NoMaximum`] if the likelihood of Box-Cox has no maximum that can be bracketed,
/// - [`FitError::Overflow`] if the mean or the variance after the power exceeds the range of `f64`.
pub fn fit(values: &[f64], method: Method) -> Result<Fitted, FitError> {
    if method == Method::BoxCox
        && let Some(row) = first_not_positive(values)
    {
        return Err(FitError::NotPositive { row });
    }
    let known = known_values(values);
    if known.is_empty() {
        return Err(FitError::NoKnownValues);
    }
    let lambda = match method {
        Method::YeoJohnson => yeo_johnson_lambda(&known),
        Method::BoxCox => box_cox_lambda(&known)?,
    };
    let powers: Vec<f64> = values.iter().map(|&value| power(method, value, lambda)).collect();
    if values.iter().zip(&powers).any(|(value, power)| !value.is_nan() && !power.is_finite()) {
        return Err(FitError::Overflow);
    }
    let (mean, scale) = standardization(&powers, known.len())?;
    Ok(Fitted { method, lambda, mean, scale })
}

impl Fitted {
    /// Transforms every known value in place; missing values stay missing.
    ///
    /// # Errors
    ///
    /// Returns the first row whose value has no transform and leaves the column as it is. That is a value not above
    /// zero with Box-Cox, and a value so far beyond the fitted rows that its power exceeds the range of `f64`.
    pub fn apply(&self, values: &mut [f64]) -> Result<(), usize> {
        let transformed: Vec<f64> = values.iter().map(|value| self.transform(*value)).collect();
        let is_refused = |(input, output): (&f64, &f64)| !input.is_nan() && !output.is_finite();
        if let Some(row) = values.iter().zip(&transformed).position(is_refused) {
            return Err(row);
        }
        values.copy_from_slice(&transformed);
        Ok(())
    }

    /// Returns the standardised power of a value, which is not finite if it does not exist.
    fn transform(&self, value: f64) -> f64 {
        if self.method == Method::BoxCox && value <= 0.0 {
            return f64::NEG_INFINITY;
        }
        (power(self.method, value, self.lambda) - self.mean) / self.scale
    }
}

/// Returns the first row with a known value that is not above zero.
fn first_not_positive(values: &[f64]) -> Option<usize> {
    values.iter().position(|&value| value <= 0.0)
}

/// Raises a value to a power of the family.
fn power(method: Method, value: f64, lambda: f64) -> f64 {
    match method {
        Method::YeoJohnson => yeo_johnson(value, lambda),
        Method::BoxCox => box_cox(value, lambda),
    }
}

/// Returns the Yeo-Johnson transform of a value.
///
/// Source: Yeo and Johnson (2000), A new family of power transformations to improve normality or symmetry, Biometrika
/// 87(4), written with `exp_m1` and `ln_1p` to keep the digits of small powers.
fn yeo_johnson(value: f64, lambda: f64) -> f64 {
    let (magnitude, exponent, sign) =
        if value >= 0.0 { (value, lambda, 1.0) } else { (-value, 2.0 - lambda, -1.0) };
    let logarithm = magnitude.ln_1p();
    let is_logarithm =
        if value >= 0.0 { exponent.abs() < f64::EPSILON } else { exponent.abs() <= f64::EPSILON };
    if is_logarithm { sign * logarithm } else { sign * (exponent * logarithm).exp_m1() / exponent }
}

/// Returns the Box-Cox transform of a value above zero.
///
/// Source: Box and Cox (1964), An analysis of transformations, Journal of the Royal Statistical Society B 26(2),
/// written with `exp_m1` to keep the digits of small powers.
fn box_cox(value: f64, lambda: f64) -> f64 {
    let logarithm = value.ln();
    let exponent = lambda * logarithm;
    if lambda.abs() < LEAST_BOX_COX_POWER {
        logarithm
    } else if exponent < GREATEST_EXPONENT {
        exponent.exp_m1() / lambda
    } else {
        (exponent - lambda.abs().ln()).exp().copysign(lambda) - 1.0 / lambda
    }
}

/// Returns the Yeo-Johnson power of greatest likelihood; 1, the identity, for a constant column.
fn yeo_johnson_lambda(known: &[f64]) -> f64 {
    if is_constant(population_variance(known), mean(known), known.len()) {
        return 1.0;
    }
    let signed_logarithms: Vec<f64> =
        known.iter().map(|value| value.abs().ln_1p().copysign(*value)).collect();
    let jacobian = pairwise_sum(&signed_logarithms);
    let (low, high) = yeo_johnson_bounds(known);
    minimize_bounded(&|lambda| yeo_johnson_cost(known, jacobian, lambda), low, high)
}

/// Returns the negative log-likelihood of a Yeo-Johnson power; infinity where the variance leaves the range of `f64`.
///
/// Source: Yeo and Johnson (2000), with the variance at its maximum. `jacobian` is the sum of
/// `sign(x) ln(1 + |x|)`.
fn yeo_johnson_cost(known: &[f64], jacobian: f64, lambda: f64) -> f64 {
    let powers: Vec<f64> = known.iter().map(|&value| yeo_johnson(value, lambda)).collect();
    let variance = population_variance(&powers);
    if variance < f64::MIN_POSITIVE || variance.is_infinite() {
        return f64::INFINITY;
    }
    as_float(known.len()) / 2.0 * variance.ln() - (lambda - 1.0) * jacobian
}

/// Returns the least and the greatest power whose transforms have a variance within the range of `f64`.
///
/// Source: the bounds of `scipy.stats.yeojohnson_normmax`, which invert the transform at half of the range of
/// exponents.
fn yeo_johnson_bounds(known: &[f64]) -> (f64, f64) {
    let greatest = known.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()));
    let logarithm = (YEO_JOHNSON_MARGIN * greatest).ln_1p();
    let low = (f64::MIN_POSITIVE.ln() - f64::EPSILON.ln()) / 2.0 / logarithm;
    let high = f64::midpoint(f64::MAX.ln(), f64::EPSILON.ln()) / logarithm;
    if known.iter().all(|value| *value < 0.0) {
        (2.0 - high, 2.0 - low)
    } else if known.iter().any(|value| *value < 0.0) {
        (low.max(2.0 - high), high.min(2.0 - low))
    } else {
        (low, high)
    }
}

/// Returns the Box-Cox power of greatest likelihood.
fn box_cox_lambda(known: &[f64]) -> Result<f64, FitError> {
    if known.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq()) {
        return Err(FitError::Constant);
    }
    let logarithms: Vec<f64> = known.iter().map(|value| value.ln()).collect();
    let jacobian = pairwise_sum(&logarithms);
    let cost = |lambda| box_cox_cost(&logarithms, jacobian, lambda);
    minimize_downhill(&cost, BOX_COX_START.0, BOX_COX_START.1).ok_or(FitError::NoMaximum)
}

/// Returns the negative log-likelihood of a Box-Cox power.
///
/// Source: Box and Cox (1964), with the variance taken in logarithms as `scipy.stats.boxcox_llf` does, so
/// that no power overflows. `jacobian` is the sum of the logarithms.
fn box_cox_cost(logarithms: &[f64], jacobian: f64, lambda: f64) -> f64 {
    let log_variance = if lambda == 0.0 {
        population_variance(logarithms).ln()
    } else {
        let exponents: Vec<f64> = logarithms.iter().map(|logarithm| lambda * logarithm).collect();
        log_variance_of_exponentials(&exponents) - 2.0 * lambda.abs().ln()
    };
    as_float(logarithms.len()) / 2.0 * log_variance - (lambda - 1.0) * jacobian
}

/// Returns the logarithm of the population variance of `exp(exponent)`.
fn log_variance_of_exponentials(exponents: &[f64]) -> f64 {
    let log_count = as_float(exponents.len()).ln();
    let log_mean = log_sum_of_exponentials(exponents) - log_count;
    let log_squares: Vec<f64> =
        exponents.iter().map(|exponent| 2.0 * log_difference_of_exponentials(*exponent, log_mean)).collect();
    log_sum_of_exponentials(&log_squares) - log_count
}

/// Returns the logarithm of the sum of `exp(exponent)`, with the greatest terms taken out.
///
/// Source: Blanchard, Higham and Higham (2021), Accurately computing the log-sum-exp and softmax functions, IMA Journal
/// of Numerical Analysis 41(4).
fn log_sum_of_exponentials(exponents: &[f64]) -> f64 {
    let greatest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let count = exponents.iter().filter(|exponent| **exponent >= greatest).count();
    let term = |exponent: &f64| {
        if *exponent >= greatest { 0.0 } else { (exponent - greatest).exp() }
    };
    let rest: Vec<f64> = exponents.iter().map(term).collect();
    let multiplicity = as_float(count);
    let logarithm = (pairwise_sum(&rest) / multiplicity).ln_1p() + multiplicity.ln() + greatest;
    if logarithm.is_finite() {
        return logarithm;
    }
    let terms: Vec<f64> = exponents.iter().map(|exponent| exponent.exp()).collect();
    pairwise_sum(&terms).ln()
}

/// Returns the logarithm of the magnitude of `exp(first) - exp(second)`.
fn log_difference_of_exponentials(first: f64, second: f64) -> f64 {
    let greater = first.max(second);
    let lesser = first.min(second);
    let logarithm = (-(lesser - greater).exp()).ln_1p() + greater;
    if logarithm.is_finite() { logarithm } else { (first.exp() - second.exp()).abs().ln() }
}

/// Returns the mean and the population standard deviation of the known values; constant ones have the deviation 1.
///
/// A missing value adds 0 to each sum, so that the sums agree with `numpy.nansum` to the last bit. This matters where
/// the power leaves only few digits of difference between the values.
///
/// Source: the corrected two-pass algorithm in Chan, Golub and `LeVeque` (1983), Algorithms for computing the sample
/// variance, The American Statistician 37(3).
fn standardization(powers: &[f64], n_known: usize) -> Result<(f64, f64), FitError> {
    let count = as_float(n_known);
    let center = sum_of_known(powers) / count;
    let deviations: Vec<f64> = powers.iter().map(|power| power - center).collect();
    let squares: Vec<f64> = deviations.iter().map(|deviation| deviation * deviation).collect();
    let variance = (sum_of_known(&squares) - sum_of_known(&deviations).powi(2) / count) / count;
    if !center.is_finite() || !variance.is_finite() {
        return Err(FitError::Overflow);
    }
    let scale = if is_constant(variance, center, n_known) { 1.0 } else { variance.sqrt() };
    Ok((center, scale))
}

/// Adds the values, with 0 for a missing one.
fn sum_of_known(values: &[f64]) -> f64 {
    let filled: Vec<f64> = values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
    pairwise_sum(&filled)
}
