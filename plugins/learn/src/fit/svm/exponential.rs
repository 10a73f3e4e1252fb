//! The exponential function over lanes, written so that the compiler vectorises it.
//!
//! `exp(x) = 2ⁿ · exp(r)` with `n` the integer nearest to `x / ln 2` and `|r| ≤ ½ ln 2`, where the series
//! up to the twelfth power is exact to 2·10⁻¹⁶.

use super::kernel_rows::LANES;

/// Below this the result would be subnormal.
const LOWEST: f64 = -708.0;

/// Adding and subtracting it rounds to an integer, which then sits in the lowest bits of the sum: 1.5 · 2⁵².
const ROUND: f64 = 6_755_399_441_055_744.0;

/// The first 32 bits of ln 2, few enough that products with `n` are exact.
const LN_2_HIGH: f64 = f64::from_bits(std::f64::consts::LN_2.to_bits() & (!0 << 21));

/// What is left of ln 2 in `f64`, and what `f64` leaves of it.
const LN_2_LOW: f64 = (std::f64::consts::LN_2 - LN_2_HIGH) + 2.319_046_813_846_299_6e-17;

/// `1 / k!` from `k = 12` down to 0.
const SERIES: [f64; 13] = inverse_factorials();

/// Computes `exp` of each lane with a relative error below 10⁻¹⁵; arguments must not be positive, and below
/// −708 they count as −708.
#[inline]
pub(super) fn exp_of_lanes(arguments: [f64; LANES]) -> [f64; LANES] {
    arguments.map(|argument| {
        let x = if argument > LOWEST { argument } else { LOWEST };
        let rounded = x * std::f64::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
        let mut sum = SERIES[0];
        for coefficient in &SERIES[1..] {
            sum = sum * r + coefficient;
        }
        let power_of_two = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
        sum * power_of_two
    })
}

const fn inverse_factorials() -> [f64; 13] {
    let mut inverses = [1.0; 13];
    let (mut factorial, mut k) = (1.0, 1);
    while k < 13 {
        factorial *= k as f64;
        inverses[12 - k] = 1.0 / factorial;
        k += 1;
    }
    inverses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_has_fifteen_digits() {
        let mut worst = 0.0_f64;
        for step in 0..200_000 {
            let argument = -707.0 * (f64::from(step) / 200_000.0).powi(3);
            let exact = argument.exp();
            worst = worst.max((exp_of_lanes([argument; LANES])[0] - exact).abs() / exact);
        }
        assert!(worst < 1e-15, "{worst}");
    }

    #[test]
    fn exp_of_zero_is_one_and_of_far_arguments_nearly_zero() {
        let found = exp_of_lanes([0.0, -0.0, -1e-20, -800.0, -1e300, f64::NEG_INFINITY, -1.0, -2.0]);
        assert_eq!(
            found[..3].iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
            [1.0_f64.to_bits(); 3]
        );
        assert!(found[3..6].iter().all(|value| (0.0..1e-300).contains(value)), "{found:?}");
    }
}
