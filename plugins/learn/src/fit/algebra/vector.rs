//! Inner products and scaled sums of slices, written so that the compiler vectorizes them.

/// Independent partial sums: enough to hide the latency of an addition with two-lane registers.
const LANES: usize = 8;

/// Returns the inner product of two slices of equal length.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    (((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))) + rest
}

/// Adds `scale · x` to `y`.
pub(crate) fn add_scaled(y: &mut [f64], scale: f64, x: &[f64]) {
    for (target, value) in y.iter_mut().zip(x) {
        *target += scale * value;
    }
}

/// Returns the greatest absolute value, zero for an empty slice.
pub(crate) fn max_abs(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |greatest, value| value.abs().max(greatest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_product_counts_every_element_whatever_the_length() {
        for length in 0..40 {
            let values: Vec<f64> = (1..=length).map(f64::from).collect();
            let n = f64::from(length);
            let expected = n * (n + 1.0) * (2.0 * n + 1.0) / 6.0;
            assert!((dot(&values, &values) - expected).abs() < 1e-9);
        }
    }
}
