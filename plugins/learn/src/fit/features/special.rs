//! Upper tails of the F and chi-squared distributions, and the digamma function.
//!
//! The incomplete beta and gamma functions are continued fractions evaluated by Lentz's method (Lentz, Applied
//! Optics 15, 1976, as modified by Thompson and Barnett, J. Comput. Phys. 64, 1986). Their leading factors use
//! Lanczos's sum for the gamma function (Lanczos, J. SIAM Numer. Anal. 1, 1964) and combine the powers before taking
//! logarithms, which keeps them precise with millions of degrees of freedom.

/// Lanczos's parameter for [`LANCZOS`].
const LANCZOS_SHIFT: f64 = 7.0;
/// Godfrey's coefficients of Lanczos's sum for the parameter 7; the relative error is near 1e-15.
const LANCZOS: [f64; 8] = [
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];
/// The constant term of Lanczos's sum.
const LANCZOS_CONSTANT: f64 = 0.999_999_999_999_809_9;
/// Bounds the terms of a fraction or series; they need a multiple of the root of the parameters.
const MOST_TERMS: u32 = 200_000;
/// Stands in for a zero denominator in Lentz's method.
const TINY: f64 = 1e-300;

/// Returns Lanczos's sum: `gamma(z) = sqrt(2 pi) base^(z - 1/2) exp(-base)` times it, `base = z + 6.5`.
fn lanczos_sum(argument: f64) -> f64 {
    let add = |(sum, place): (f64, f64), factor: &f64| (sum + factor / (argument - 1.0 + place), place + 1.0);
    LANCZOS.iter().fold((LANCZOS_CONSTANT, 1.0), add).0
}

/// Returns `argument + 6.5`, the base of the power in Lanczos's formula.
fn lanczos_base(argument: f64) -> f64 {
    argument + LANCZOS_SHIFT - 0.5
}

/// Returns the logarithm of `1 + excess`, where `ratio` is the same number computed without cancellation.
fn log_ratio(ratio: f64, excess: f64) -> f64 {
    if excess.abs() < 0.5 { excess.ln_1p() } else { ratio.ln() }
}

/// Evaluates a continued fraction `1 / (1 + a1 / (1 + a2 / (1 + ...)))` by the modified Lentz method.
fn lentz(mut numerator: impl FnMut(u32) -> f64) -> f64 {
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut value, mut upper, mut lower) = (1.0, 1.0, 0.0);
    for term in 1..=MOST_TERMS {
        let part = numerator(term);
        lower = 1.0 / guard(1.0 + part * lower);
        upper = guard(1.0 + part / upper);
        let change: f64 = upper * lower;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    1.0 / value
}

/// Returns the regularised incomplete beta function `I_x(a, b)`, given `x` and `y = 1 - x`.
///
/// DLMF 8.17.22 with 8.17.4 for the side where the fraction converges slowly.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if y <= 0.0 {
        1.0
    } else if x > (a + 1.0) / (a + b + 2.0) {
        1.0 - beta_fraction(b, a, y, x)
    } else {
        beta_fraction(a, b, x, y)
    }
}

/// Evaluates the continued fraction DLMF 8.17.22 with its leading factor.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let numerator = |term: u32| {
        let step = f64::from(term / 2);
        let place = a + 2.0 * step;
        if term.is_multiple_of(2) {
            step * (b - step) * x / ((place - 1.0) * place)
        } else {
            -(a + step) * (a + b + step) * x / (place * (place + 1.0))
        }
    };
    beta_power(a, b, x, y) / a * lentz(numerator)
}

/// Returns `x^a y^b / B(a, b)` through Lanczos's sums, in which the powers pair off to bases near 1.
fn beta_power(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let (base_a, base_b, base_c) = (lanczos_base(a), lanczos_base(b), lanczos_base(a + b));
    let log_a = log_ratio(x * base_c / base_a, (x * b - y * base_a) / base_a);
    let log_b = log_ratio(y * base_c / base_b, (y * a - x * base_b) / base_b);
    let sums = lanczos_sum(a + b) / (lanczos_sum(a) * lanczos_sum(b));
    let roots = (base_a * base_b / base_c / std::f64::consts::TAU).sqrt();
    sums * roots * (a * log_a + b * log_b + LANCZOS_SHIFT - 0.5).exp()
}

/// Returns the regularised upper incomplete gamma function `Q(a, x)`.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        1.0
    } else if x.is_infinite() {
        0.0
    } else if x < a + 1.0 {
        1.0 - gamma_power(a, x) * gamma_series(a, x)
    } else {
        gamma_power(a, x) * gamma_fraction(a, x)
    }
}

/// Returns `x^a exp(-x) / gamma(a)` through Lanczos's sum.
fn gamma_power(a: f64, x: f64) -> f64 {
    let base = lanczos_base(a);
    let log = log_ratio(x / base, (x - base) / base);
    let root = (base / std::f64::consts::TAU).sqrt();
    (a * log + base - x).exp() * root / lanczos_sum(a)
}

/// Sums the series DLMF 8.11.4 of the lower function, without its leading factor.
fn gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for place in 1..=MOST_TERMS {
        term *= x / (a + f64::from(place));
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

/// Evaluates the even part of the continued fraction DLMF 8.9.2, without its leading factor.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let denominator = |term: u32| x + 2.0 * f64::from(term) + 1.0 - a;
    let numerator = |term: u32| {
        let place = f64::from(term);
        place * (a - place) / (denominator(term - 1) * denominator(term))
    };
    lentz(numerator) / denominator(0)
}

/// Returns the chance that an F variable with these degrees of freedom exceeds `statistic`.
///
/// The relative error is below 1e-9 for results above 1e-12. A NaN argument gives NaN.
#[must_use]
pub(crate) fn f_survival(statistic: f64, numerator_freedom: f64, denominator_freedom: f64) -> f64 {
    let ratio = numerator_freedom * statistic / denominator_freedom;
    if ratio.is_nan() {
        return f64::NAN;
    }
    if ratio.is_infinite() {
        return if ratio > 0.0 { 0.0 } else { 1.0 };
    }
    if ratio <= 0.0 {
        return 1.0;
    }
    let (x, y) = (1.0 / (1.0 + ratio), ratio / (1.0 + ratio));
    incomplete_beta(denominator_freedom / 2.0, numerator_freedom / 2.0, x, y)
}

/// Returns the chance that a chi-squared variable with these degrees of freedom exceeds `statistic`.
///
/// The relative error is below 1e-9 for results above 1e-12. A NaN argument gives NaN.
#[must_use]
pub(crate) fn chi_squared_survival(statistic: f64, freedom: f64) -> f64 {
    if statistic.is_nan() || freedom.is_nan() {
        f64::NAN
    } else {
        upper_gamma(freedom / 2.0, statistic / 2.0)
    }
}

/// Returns the digamma function of a positive argument; minus infinity at 0, NaN below.
///
/// The recurrence raises the argument to 10 (Bernardo, "Algorithm AS 103: psi (digamma) function", Applied
/// Statistics 25, 1976), then the asymptotic series DLMF 5.11.2 is used.
#[must_use]
pub(crate) fn digamma(mut argument: f64) -> f64 {
    if argument < 0.0 {
        return f64::NAN;
    }
    let mut result = 0.0;
    while argument < 10.0 {
        result -= 1.0 / argument;
        argument += 1.0;
    }
    let square = 1.0 / (argument * argument);
    let terms = [691.0 / 32760.0, -1.0 / 132.0, 1.0 / 240.0, -1.0 / 252.0, 1.0 / 120.0, -1.0 / 12.0];
    let series = terms.iter().fold(0.0, |sum, term| (sum + term) * square);
    result + argument.ln() - 0.5 / argument + series
}
