//! Losses, residuals and probabilities of a block of rows.

/// What a block of rows gives beside its gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockLoss {
    /// `Σ w·loss`.
    pub(super) loss: f64,
    /// Whether every row with a weight lies strictly on its class's side.
    pub(super) separated: bool,
}

/// Replaces the linear predictors of two classes by weighted residuals `w·(p − y)`; writes `w·p·(1 − p)` to
/// `curvatures`.
pub(super) fn binary(
    predictors: &mut [f64],
    classes: &[usize],
    weight: impl Fn(usize) -> f64,
    curvatures: &mut [f64],
) -> BlockLoss {
    let mut total = BlockLoss { loss: 0.0, separated: true };
    for (at, (predictor, curvature)) in predictors.iter_mut().zip(curvatures).enumerate() {
        let weight = weight(at);
        let is_second = classes[at] == 1;
        let margin = if is_second { *predictor } else { -*predictor };
        // Of the smaller of the two odds, which cannot overflow.
        let odds = (-margin.abs()).exp();
        let small = odds / (1.0 + odds);
        let wrong = if margin > 0.0 { small } else { 1.0 - small };
        total.loss += weight * ((-margin).max(0.0) + (1.0 + odds).ln());
        total.separated &= margin > 0.0 || weight == 0.0;
        *predictor = weight * if is_second { -wrong } else { wrong };
        *curvature = weight * small * (1.0 - small);
    }
    total
}

/// Replaces the linear predictors of each row's classes by weighted residuals; writes probabilities to
/// `probabilities`.
pub(super) fn multinomial(
    predictors: &mut [f64],
    n_outputs: usize,
    classes: &[usize],
    weight: impl Fn(usize) -> f64,
    probabilities: &mut [f64],
) -> BlockLoss {
    let mut total = BlockLoss { loss: 0.0, separated: true };
    let rows = predictors.chunks_exact_mut(n_outputs).zip(probabilities.chunks_exact_mut(n_outputs));
    for (at, (row, probabilities)) in rows.enumerate() {
        let (class, weight) = (classes[at], weight(at));
        let own = row[class];
        let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let n_at_least = row.iter().filter(|value| **value >= own).count();
        let mut sum = 0.0;
        for (probability, value) in probabilities.iter_mut().zip(&*row) {
            *probability = (value - greatest).exp();
            sum += *probability;
        }
        total.loss += weight * (sum.ln() + greatest - own);
        total.separated &= n_at_least == 1 || weight == 0.0;
        for (value, probability) in row.iter_mut().zip(probabilities) {
            *probability /= sum;
            *value = weight * *probability;
        }
        row[class] -= weight;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_predictors_stay_finite() {
        let mut predictors = [800.0, -800.0, 0.0];
        let mut curvatures = [0.0; 3];
        let block = binary(&mut predictors, &[0, 0, 1], |_| 1.0, &mut curvatures);
        assert!((block.loss - 800.0 - 2.0_f64.ln()).abs() < 1e-9);
        let expected = [[1.0, 0.0, -0.5], [0.0, 0.0, 0.25]];
        for (found, expected) in [predictors, curvatures].concat().iter().zip(expected.concat()) {
            assert!((found - expected).abs() < 1e-15);
        }
        assert!(!block.separated);
    }

    #[test]
    fn two_outputs_of_a_softmax_agree_with_the_sigmoid() {
        let mut one = [1.3];
        let mut curvature = [0.0];
        let binary = binary(&mut one, &[1], |_| 2.0, &mut curvature);
        let mut two = [0.0, 1.3];
        let mut probabilities = [0.0; 2];
        let both = multinomial(&mut two, 2, &[1], |_| 2.0, &mut probabilities);
        assert!((binary.loss - both.loss).abs() < 1e-15);
        assert!((one[0] - two[1]).abs() < 1e-15);
        assert!((curvature[0] - 2.0 * probabilities[0] * probabilities[1]).abs() < 1e-15);
        assert!(both.separated);
    }
}
