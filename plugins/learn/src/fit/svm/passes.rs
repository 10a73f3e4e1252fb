//! The passes over all active variables that an iteration makes, written so that the compiler vectorises
//! them.

use super::kernel_rows::LANES;

/// Variables whose values are computed before their largest is looked for; they stay in the fastest cache.
const BLOCK: usize = 256;

/// Stands for a curvature that is not positive, as in LIBSVM.
const LEAST_CURVATURE: f64 = 1e-12;

/// The largest of some values, and the last position that has it, which is LIBSVM's choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Largest {
    /// Negative infinity if there is none.
    pub(super) value: f64,
    /// Where it is.
    pub(super) position: usize,
}

impl Largest {
    const NONE: Self = Self { value: f64::NEG_INFINITY, position: 0 };

    fn look_at(&mut self, values: &[f64], start: usize) {
        let largest = largest_of(values);
        if largest >= self.value && largest > f64::NEG_INFINITY {
            let offset = values.iter().rposition(|value| *value >= largest).unwrap_or(0);
            *self = Self { value: largest, position: start + offset };
        }
    }
}

/// What the second variable of a working set is chosen from.
pub(super) struct LowerCandidates<'a> {
    /// Targets minus outputs.
    pub(super) residual: &'a [f64],
    /// Added to a residual it gives the slope downwards.
    pub(super) low_offset: &'a [f64],
    /// The kernel of each variable with itself.
    pub(super) diagonal: &'a [f64],
    /// The kernel row of the first variable.
    pub(super) row: &'a [f64],
}

impl LowerCandidates<'_> {
    /// The variable that promises the largest gain with the first, whose slope upwards is `up` and whose
    /// kernel with itself is `own`; and the largest violation of the optimality conditions.
    pub(super) fn best(&self, up: f64, own: f64) -> (Largest, f64) {
        let mut best = Largest::NONE;
        let mut violation = f64::NEG_INFINITY;
        let (mut gains, mut violations) = ([0.0; BLOCK], [0.0; BLOCK]);
        for (start, residual) in blocks(self.residual) {
            let end = start + residual.len();
            let inputs = residual.iter().zip(&self.low_offset[start..end]);
            let curvatures = self.diagonal[start..end].iter().zip(&self.row[start..end]);
            let outputs = gains.iter_mut().zip(&mut violations);
            for ((output, (residual, offset)), (diagonal, kernel)) in outputs.zip(inputs).zip(curvatures) {
                let violation = up - (residual + offset);
                let slope = if violation > 0.0 { violation } else { 0.0 };
                let curvature = curvature(own, *diagonal, *kernel);
                *output.0 = slope * slope / curvature;
                *output.1 = violation;
            }
            best.look_at(&gains[..residual.len()], start);
            violation = larger(violation, largest_of(&violations[..residual.len()]));
        }
        (best, violation)
    }
}

/// How much the slope between two variables changes with their step.
#[inline]
pub(super) fn curvature(first: f64, second: f64, kernel: f64) -> f64 {
    let curvature = first + second - 2.0 * kernel;
    if curvature > 0.0 { curvature } else { LEAST_CURVATURE }
}

/// A change of a coefficient and the kernel row that it acts through.
pub(super) struct Step<'a> {
    /// The change.
    pub(super) change: f64,
    /// The kernel row.
    pub(super) row: &'a [f64],
}

/// Takes two steps off the residuals and finds the largest slope upwards for the next iteration.
pub(super) fn update(
    residual: &mut [f64],
    up_offset: &[f64],
    first: &Step<'_>,
    second: &Step<'_>,
) -> Largest {
    let mut best = Largest::NONE;
    let mut slopes = [0.0; BLOCK];
    let mut start = 0;
    for residual in residual.chunks_mut(BLOCK) {
        let end = start + residual.len();
        let rows = first.row[start..end].iter().zip(&second.row[start..end]);
        let outputs = residual.iter_mut().zip(&mut slopes);
        for ((output, (one, two)), offset) in outputs.zip(rows).zip(&up_offset[start..end]) {
            *output.0 -= first.change * one + second.change * two;
            *output.1 = *output.0 + offset;
        }
        best.look_at(&slopes[..residual.len()], start);
        start = end;
    }
    best
}

/// The largest sum of residual and offset.
pub(super) fn largest_sum(residual: &[f64], offset: &[f64]) -> Largest {
    let mut best = Largest::NONE;
    let mut sums = [0.0; BLOCK];
    for (start, residual) in blocks(residual) {
        let end = start + residual.len();
        for ((sum, residual), offset) in sums.iter_mut().zip(residual).zip(&offset[start..end]) {
            *sum = residual + offset;
        }
        best.look_at(&sums[..residual.len()], start);
    }
    best
}

fn blocks(values: &[f64]) -> impl Iterator<Item = (usize, &[f64])> {
    values.chunks(BLOCK).enumerate().map(|(block, values)| (block * BLOCK, values))
}

/// As the machine's instruction, which `f64::max` is not for the sake of NaN.
#[inline]
fn larger(first: f64, second: f64) -> f64 {
    if first > second { first } else { second }
}

fn largest_of(values: &[f64]) -> f64 {
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut lanes = [f64::NEG_INFINITY; LANES];
    for chunk in whole {
        for (largest, value) in lanes.iter_mut().zip(chunk) {
            *largest = larger(*value, *largest);
        }
    }
    lanes.into_iter().chain(rest.iter().copied()).fold(f64::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_largest_values_is_found_in_any_block() {
        for (n, places) in [(5, vec![1, 3]), (1000, vec![7, 300, 998]), (1, vec![0])] {
            let mut residual = vec![0.5; n];
            for place in &places {
                residual[*place] = 2.0;
            }
            let mut offset = vec![0.0; n];
            assert_eq!(Some(&largest_sum(&residual, &offset).position), places.last());
            offset[places[places.len() - 1]] = f64::NEG_INFINITY;
            let found = largest_sum(&residual, &offset);
            assert_eq!(found.value > 1.0, places.len() > 1);
            assert_eq!(found.value.is_finite(), n > 1);
        }
    }

    #[test]
    fn no_variable_gives_no_gain() {
        let candidates =
            LowerCandidates { residual: &[1.0], low_offset: &[f64::INFINITY], diagonal: &[1.0], row: &[1.0] };
        let (best, violation) = candidates.best(1.0, 1.0);
        assert!(best.value <= 0.0 && violation == f64::NEG_INFINITY);
    }
}
