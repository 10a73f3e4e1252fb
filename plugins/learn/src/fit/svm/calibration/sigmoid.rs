//! Platt's sigmoid: `P(positive) = 1 / (1 + exp(slope · score + intercept))`.
//!
//! The objective is Platt's, with his smoothed targets, as in scikit-learn's `CalibratedClassifierCV`; rows
//! may have weights. It is minimised by Newton's method with a line search (Lin, Lin, Weng 2007, "A Note on
//! Platt's Probabilistic Outputs for Support Vector Machines").

use sluicegate_model::Calibration;

/// Newton's method needs about ten iterations.
const MAX_ITER: usize = 100;

/// The largest gradient at the end, for each unit of weight.
const TOLERANCE: f64 = 1e-10;

/// Added to the diagonal of the Hessian, for each unit of weight, so that it can be inverted.
const RIDGE: f64 = 1e-12;

/// The share of the expected decrease that a step must bring.
const SUFFICIENT_DECREASE: f64 = 1e-4;

/// Shorter steps than this share of Newton's are not tried.
const LEAST_STEP: f64 = 1e-10;

/// A fitted sigmoid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SigmoidCalibration {
    /// The factor of the score; negative if high scores mean the positive class.
    pub(crate) slope: f64,
    /// Added to the product.
    pub(crate) intercept: f64,
    /// Iterations done.
    pub(crate) n_iter: usize,
    /// Whether the gradient vanishes to the tolerance.
    pub(crate) converged: bool,
}

impl SigmoidCalibration {
    /// Fits the sigmoid to rows with a score, a class and a weight each.
    pub(crate) fn fit(scores: &[f64], is_positive: &[bool], weights: &[f64]) -> Self {
        let objective = Objective::new(scores, is_positive, weights);
        let mut point = [0.0, objective.first_intercept];
        let mut state = objective.derivatives(point);
        let tolerance = TOLERANCE * objective.total_weight;
        let is_optimal = |state: &Derivatives| state.gradient.iter().all(|slope| slope.abs() <= tolerance);
        let mut n_iter = 0;
        while !is_optimal(&state) && n_iter < MAX_ITER {
            n_iter += 1;
            let Some(next) = objective.line_search(point, &state) else { break };
            point = next;
            state = objective.derivatives(point);
        }
        let slope = point[0] / objective.spread;
        Self { slope, intercept: point[1] - slope * objective.center, n_iter, converged: is_optimal(&state) }
    }

    /// The sigmoid as the bundle has it.
    pub(crate) fn to_model(self) -> Calibration {
        Calibration::Sigmoid { slope: self.slope, intercept: self.intercept }
    }

    #[cfg(test)]
    fn probability(self, score: f64) -> f64 {
        self.to_model().apply(score)
    }
}

/// The negative log-likelihood in the slope and the intercept of centered scores within ±1 or so.
struct Objective {
    rows: Vec<Row>,
    center: f64,
    spread: f64,
    total_weight: f64,
    first_intercept: f64,
}

struct Row {
    score: f64,
    target: f64,
    weight: f64,
}

struct Derivatives {
    value: f64,
    gradient: [f64; 2],
    /// Second derivatives: by the slope, by both, by the intercept.
    hessian: [f64; 3],
}

impl Objective {
    fn new(scores: &[f64], is_positive: &[bool], weights: &[f64]) -> Self {
        let weight_of = |side: bool| -> f64 {
            is_positive.iter().zip(weights).filter(|(positive, _)| **positive == side).map(|(_, w)| w).sum()
        };
        let (positive_weight, negative_weight) = (weight_of(true), weight_of(false));
        let total_weight = positive_weight + negative_weight;
        let largest = scores.iter().fold(0.0_f64, |largest, score| largest.max(score.abs()));
        let spread = if largest > 0.0 { largest } else { 1.0 };
        let share = |weight: f64| if total_weight > 0.0 { weight / total_weight } else { 0.0 };
        let center: f64 =
            scores.iter().zip(weights).map(|(score, weight)| share(*weight) * (score / spread)).sum();
        let targets = [1.0 / (negative_weight + 2.0), (positive_weight + 1.0) / (positive_weight + 2.0)];
        let rows = scores.iter().zip(is_positive).zip(weights).map(|((score, positive), weight)| Row {
            score: score / spread - center,
            target: targets[usize::from(*positive)],
            weight: *weight,
        });
        Self {
            rows: rows.collect(),
            center: center * spread,
            spread,
            total_weight,
            first_intercept: ((negative_weight + 1.0) / (positive_weight + 1.0)).ln(),
        }
    }

    fn value(&self, [slope, intercept]: [f64; 2]) -> f64 {
        self.rows.iter().map(|row| row.weight * loss(slope * row.score + intercept, row.target)).sum()
    }

    fn derivatives(&self, point: [f64; 2]) -> Derivatives {
        let mut derivatives = Derivatives { value: self.value(point), gradient: [0.0; 2], hessian: [0.0; 3] };
        for row in &self.rows {
            let probability = probability(point[0] * row.score + point[1]);
            let first = row.weight * (row.target - probability);
            let second = row.weight * probability * (1.0 - probability);
            derivatives.gradient[0] += first * row.score;
            derivatives.gradient[1] += first;
            derivatives.hessian[0] += second * row.score * row.score;
            derivatives.hessian[1] += second * row.score;
            derivatives.hessian[2] += second;
        }
        derivatives
    }

    /// The first of Newton's step, its half, its quarter, … that decreases the objective enough.
    fn line_search(&self, point: [f64; 2], at: &Derivatives) -> Option<[f64; 2]> {
        let ridge = RIDGE * self.total_weight;
        let [by_slope, by_both, by_intercept] = at.hessian;
        let (by_slope, by_intercept) = (by_slope + ridge, by_intercept + ridge);
        let determinant = by_slope * by_intercept - by_both * by_both;
        let direction = [
            -(by_intercept * at.gradient[0] - by_both * at.gradient[1]) / determinant,
            -(by_slope * at.gradient[1] - by_both * at.gradient[0]) / determinant,
        ];
        let descent = at.gradient[0] * direction[0] + at.gradient[1] * direction[1];
        let mut step = 1.0;
        while step >= LEAST_STEP {
            let next = [point[0] + step * direction[0], point[1] + step * direction[1]];
            // Near the optimum the decrease drowns in rounding.
            let rounding = f64::EPSILON * at.value.abs();
            if self.value(next) <= at.value + SUFFICIENT_DECREASE * step * descent + rounding {
                return Some(next);
            }
            step /= 2.0;
        }
        None
    }
}

/// `1 / (1 + exp(exponent))` without overflow.
fn probability(exponent: f64) -> f64 {
    let small = (-exponent.abs()).exp();
    if exponent >= 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

/// The negative log-likelihood of a target under `probability(exponent)`, without cancellation.
fn loss(exponent: f64, target: f64) -> f64 {
    let linear = if exponent >= 0.0 { target * exponent } else { (target - 1.0) * exponent };
    linear + (-exponent.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::{super::wave, *};

    fn is_near(found: f64, expected: f64, tolerance: f64) -> bool {
        (found - expected).abs() <= tolerance * expected.abs()
    }

    #[test]
    fn slope_and_intercept_are_those_of_scikit_learn() {
        let (scores, is_positive, weights) = wave();
        let fitted = SigmoidCalibration::fit(&scores, &is_positive, &weights);
        assert!(is_near(fitted.slope, -0.769_286_672_6, 1e-6), "{fitted:?}");
        assert!(is_near(fitted.intercept, 0.756_313_446_1, 1e-6), "{fitted:?}");
        assert!(is_near(fitted.probability(2.0), 0.686_166_97, 1e-6));
        assert!(fitted.converged && fitted.n_iter < 15, "{fitted:?}");
    }

    #[test]
    fn the_scale_of_scores_does_not_matter() {
        let (scores, is_positive, weights) = wave();
        let fitted = SigmoidCalibration::fit(&scores, &is_positive, &weights);
        for factor in [1e-6, 1e9] {
            let scaled: Vec<f64> = scores.iter().map(|score| score * factor).collect();
            let other = SigmoidCalibration::fit(&scaled, &is_positive, &weights);
            assert!(is_near(other.slope * factor, fitted.slope, 1e-8), "{other:?}");
            assert!(is_near(other.intercept, fitted.intercept, 1e-8), "{other:?}");
        }
    }

    #[test]
    fn equal_scores_give_the_share_of_the_positive_class() {
        let fitted = SigmoidCalibration::fit(
            &[2.0; 8],
            &[true, true, true, true, true, true, false, false],
            &[1.0; 8],
        );
        let (positive, negative) = (7.0 / 8.0, 1.0 / 4.0);
        assert!(is_near(fitted.probability(2.0), (6.0 * positive + 2.0 * negative) / 8.0, 1e-9));
    }

    #[test]
    fn separable_scores_and_no_rows_give_finite_results() {
        let scores: Vec<f64> = (0..100).map(f64::from).collect();
        let is_positive: Vec<bool> = scores.iter().map(|score| *score >= 50.0).collect();
        let fitted = SigmoidCalibration::fit(&scores, &is_positive, &[1.0; 100]);
        assert!(fitted.converged && fitted.probability(99.0) > 0.95 && fitted.probability(0.0) < 0.05);
        let fitted = SigmoidCalibration::fit(&[], &[], &[]);
        assert!(is_near(fitted.probability(3.0), 0.5, 1e-15) && fitted.converged);
    }
}
