//! Isotonic regression: the probability is a non-decreasing function of the score.
//!
//! Fitted by pooling adjacent violators; between known scores the probability is interpolated and beyond them
//! it stays, as in scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.

use sluicegate_model::Calibration;

/// A fitted non-decreasing function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IsotonicCalibration {
    /// Where the function bends, in ascending order.
    pub(crate) scores: Vec<f64>,
    /// The probabilities there.
    pub(crate) probabilities: Vec<f64>,
}

/// Rows next to each other that share a probability.
struct Pool {
    first_score: f64,
    last_score: f64,
    weight: f64,
    positive_weight: f64,
}

impl Pool {
    fn probability(&self) -> f64 {
        (self.positive_weight / self.weight).clamp(0.0, 1.0)
    }

    fn absorb(&mut self, next: &Self) {
        self.last_score = next.last_score;
        self.weight += next.weight;
        self.positive_weight += next.positive_weight;
    }
}

impl IsotonicCalibration {
    /// Fits the function to rows with a score, a class and a weight each; rows of weight zero do not count.
    pub(crate) fn fit(scores: &[f64], is_positive: &[bool], weights: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).filter(|row| weights[*row] > 0.0).collect();
        order.sort_by(|first, second| scores[*first].total_cmp(&scores[*second]).then(first.cmp(second)));
        let rows = order.into_iter().map(|row| Pool {
            first_score: scores[row],
            last_score: scores[row],
            weight: weights[row],
            positive_weight: if is_positive[row] { weights[row] } else { 0.0 },
        });
        let mut fitted = Self { scores: Vec::new(), probabilities: Vec::new() };
        for pool in pool_violators(pool_equal_scores(rows)) {
            fitted.scores.push(pool.first_score);
            fitted.probabilities.push(pool.probability());
            if pool.last_score > pool.first_score {
                fitted.scores.push(pool.last_score);
                fitted.probabilities.push(pool.probability());
            }
        }
        fitted
    }

    /// The function as the bundle has it.
    pub(crate) fn to_model(&self) -> Calibration {
        Calibration::Isotonic { scores: self.scores.clone(), probabilities: self.probabilities.clone() }
    }

    #[cfg(test)]
    fn probability(&self, score: f64) -> f64 {
        self.to_model().apply(score)
    }
}

/// Rows of one score get one probability, whatever their order.
fn pool_equal_scores(rows: impl Iterator<Item = Pool>) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for row in rows {
        match pools.last_mut() {
            Some(last) if last.last_score >= row.first_score => last.absorb(&row),
            _ => pools.push(row),
        }
    }
    pools
}

fn pool_violators(rows: Vec<Pool>) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for mut next in rows {
        while let Some(mut last) = pools.pop_if(|last| last.probability() >= next.probability()) {
            last.absorb(&next);
            next = last;
        }
        pools.push(next);
    }
    pools
}

#[cfg(test)]
mod tests {
    use super::{super::wave, *};

    #[test]
    fn the_function_is_that_of_scikit_learn() {
        let (scores, is_positive, weights) = wave();
        let fitted = IsotonicCalibration::fit(&scores, &is_positive, &weights);
        let expected = [
            (-4.0, 0.0),
            (-2.0, 0.0),
            (-1.0, 0.1875),
            (0.0, 0.315_789_473_684_210_5),
            (1.0, 0.583_333_333_333_333_3),
            (2.0, 0.6875),
            (3.3, 0.857_142_857_142_857_1),
            (5.0, 1.0),
        ];
        for (score, probability) in expected {
            assert!((fitted.probability(score) - probability).abs() < 1e-12, "{score}");
        }
    }

    #[test]
    fn violators_share_the_mean_of_their_pool() {
        let scores = [3.0, 1.0, 2.0, 4.0, 5.0, 6.0];
        let is_positive = [false, false, true, true, false, true];
        let fitted = IsotonicCalibration::fit(&scores, &is_positive, &[1.0; 6]);
        assert_eq!(fitted.scores, [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(fitted.probabilities, [0.0, 0.5, 0.5, 1.0]);
    }

    #[test]
    fn probabilities_are_interpolated_between_scores_and_constant_beyond() {
        let fitted = IsotonicCalibration::fit(&[0.0, 1.0, 1.0], &[false, true, false], &[1.0, 3.0, 1.0]);
        let found = [-9.0, 0.0, 0.5, 1.0, 9.0].map(|score| fitted.probability(score));
        assert_eq!(found.map(f64::to_bits), [0.0, 0.0, 0.375, 0.75, 0.75].map(f64::to_bits));
    }

    #[test]
    fn rows_of_weight_zero_and_no_rows_are_no_evidence() {
        let fitted = IsotonicCalibration::fit(&[0.0, 1.0], &[true, false], &[1.0, 0.0]);
        assert_eq!((fitted.scores.as_slice(), fitted.probability(7.0)), (&[0.0][..], 1.0));
        let fitted = IsotonicCalibration::fit(&[], &[], &[]);
        assert_eq!(fitted.probability(7.0).to_bits(), 0.5_f64.to_bits());
    }
}
