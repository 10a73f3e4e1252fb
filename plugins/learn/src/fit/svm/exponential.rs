//! The exponential function over lanes of `f32`, written so that the compiler vectorises it.
//!
//! `exp(x) = 2ⁿ · exp(r)` with `n` the integer nearest to `x / ln 2` and `|r| ≤ ½ ln 2`, where seven terms of
//! the series are exact to 5·10⁻⁹.

use super::kernel_rows::LANES;

/// Below this the result would be subnormal.
const LOWEST: f32 = -87.3;

/// Adding and subtracting it rounds to an integer, which then sits in the lowest bits of the sum: 1.5 · 2²³.
const ROUND: f32 = 12_582_912.0;

/// The first bits of ln 2, few enough that products with `n` are exact.
const LN_2_HIGH: f32 = 0.693_359_4;

/// What is left of ln 2.
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Computes `exp` of each lane to about one unit in the last place; arguments must not be positive, and below
/// −87.3 they count as −87.3.
#[inline]
pub(super) fn exp_of_lanes(arguments: [f32; LANES]) -> [f32; LANES] {
    arguments.map(|argument| {
        let x = if argument > LOWEST { argument } else { LOWEST };
        let rounded = x * std::f32::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
        let mut series = 1.0 / 5040.0;
        for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            series = series * r + coefficient;
        }
        let power_of_two = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
        series * power_of_two
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for step in 0..200_000_u32 {
            let argument = -87.0 * (step as f32 / 200_000.0);
            let exact = f64::from(argument).exp();
            let relative = (f64::from(exp_of_lanes([argument; LANES])[0]) - exact).abs() / exact;
            worst = worst.max(relative);
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "{worst}");
    }

    #[test]
    fn exp_of_zero_is_one_and_of_far_arguments_nearly_zero() {
        let found = exp_of_lanes([0.0, -0.0, -1e-12, -100.0, -1e30, f32::NEG_INFINITY, -1.0, -2.0]);
        assert_eq!(&found[..3], &[1.0, 1.0, 1.0]);
        assert!(found[3..6].iter().all(|value| (0.0..1e-37).contains(value)), "{found:?}");
    }
}
