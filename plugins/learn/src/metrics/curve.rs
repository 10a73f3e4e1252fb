//! How a classifier of two classes does at every threshold of its score.

use serde::{Deserialize, Serialize};

/// A curve keeps so many points at most, so that a report stays small whatever the number of rows.
const MOST_POINTS: usize = 400;

/// What each threshold would do: from "no row is positive" to "every row is". The points are those of scikit-learn's `roc_curve`, as
/// counts, so that precision and recall can be told from them too; points on a straight line between others are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreCurve {
    /// Rows of the positive class.
    pub n_positive: f64,
    /// Rows of the other class.
    pub n_negative: f64,
    /// Rows with this score or a greater one count as positive; descending, and absent for the first point, which is above every score.
    pub thresholds: Vec<Option<f64>>,
    /// Rows of the other class that are then taken for positive ones.
    pub false_positives: Vec<f64>,
    /// Rows of the positive class that are then found.
    pub true_positives: Vec<f64>,
}

impl ScoreCurve {
    /// The curve of scores that grow with the positive class; absent when one of the two classes does not occur, or a score is no number.
    pub(super) fn of(positive: &[bool], scores: &[f64]) -> Option<Self> {
        let n_positive = positive.iter().filter(|p| **p).count() as f64;
        let n_negative = positive.len() as f64 - n_positive;
        if n_positive == 0.0 || n_negative == 0.0 || scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let points = thinned(without_straight(counts(positive, scores)));
        Some(Self {
            n_positive,
            n_negative,
            thresholds: points.iter().map(|point| point.threshold).collect(),
            false_positives: points.iter().map(|point| point.n_false).collect(),
            true_positives: points.iter().map(|point| point.n_true).collect(),
        })
    }
}

/// What a threshold counts as positive.
#[derive(Clone, Copy, Debug)]
struct Point {
    threshold: Option<f64>,
    n_false: f64,
    n_true: f64,
}

/// A point for each distinct score, greatest first; rows with equal scores are one step.
fn counts(positive: &[bool], scores: &[f64]) -> Vec<Point> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut point = Point { threshold: None, n_false: 0.0, n_true: 0.0 };
    let mut points = vec![point];
    #[expect(clippy::float_cmp, reason = "rows are one step when their scores are the very same")]
    for step in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let n_true = step.iter().filter(|row| positive[**row]).count() as f64;
        point = Point {
            threshold: step.first().map(|row| scores[*row]),
            n_false: point.n_false + step.len() as f64 - n_true,
            n_true: point.n_true + n_true,
        };
        points.push(point);
    }
    points
}

/// Leaves out points at which both counts go on as they came, as `drop_intermediate` of scikit-learn does: those whose second
/// differences are zero.
fn without_straight(points: Vec<Point>) -> Vec<Point> {
    let turns = |window: &[Point]| {
        let [a, b, c] = window else { return true };
        let bend = |of: fn(&Point) -> f64| of(c) - 2.0 * of(b) + of(a) != 0.0;
        bend(|point| point.n_false) || bend(|point| point.n_true)
    };
    let last = points.len() - 1;
    let kept = (0..points.len()).filter(|at| {
        // The first point is artificial for scikit-learn: it is put before the curve when that has been thinned.
        *at <= 1 || *at == last || turns(&points[at - 1..=at + 1])
    });
    kept.map(|at| points[at]).collect()
}

/// Keeps the ends and the points that are nearest to even steps along the curve.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let last = points[points.len() - 1];
    let along = |point: &Point| point.n_false / last.n_false + point.n_true / last.n_true;
    let pitch = 2.0 / (MOST_POINTS - 2) as f64;
    let (mut kept, mut wanted) = (vec![points[0]], pitch);
    for point in &points[1..points.len() - 1] {
        if along(point) >= wanted {
            kept.push(*point);
            wanted = along(point) + pitch;
        }
    }
    kept.push(last);
    kept
}

#[cfg(test)]
mod tests {
    use super::{MOST_POINTS, ScoreCurve};

    fn rates(curve: &ScoreCurve) -> Vec<(f64, f64)> {
        let pairs = curve.false_positives.iter().zip(&curve.true_positives);
        pairs.map(|(n_false, n_true)| (n_false / curve.n_negative, n_true / curve.n_positive)).collect()
    }

    fn area(curve: &ScoreCurve) -> f64 {
        rates(curve)
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0) * f64::midpoint(pair[0].1, pair[1].1))
            .sum()
    }

    /// Five thousand rows of two overlapping classes, the same in every language: a linear congruential generator.
    fn overlapping() -> (Vec<bool>, Vec<f64>) {
        let mut state = 7u64;
        let mut random = move || {
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            state as f64 / 2_147_483_648.0
        };
        let row = |_| {
            let (class, noise) = (random(), random());
            (class < 0.4, noise * 0.7 + if class < 0.4 { 0.3 } else { 0.0 })
        };
        (0..5000).map(row).unzip()
    }

    #[test]
    fn points_and_thresholds_are_those_of_scikit_learn() {
        let truth = [0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0].map(|class| class == 1);
        let scores = [0.1, 0.4, 0.35, 0.8, 0.8, 0.8, 0.9, 0.2, 0.4, 0.95, 0.05, 0.4];
        let curve = ScoreCurve::of(&truth, &scores).expect("both classes occur");
        let thresholds = [None, Some(0.95), Some(0.9), Some(0.8), Some(0.4), Some(0.35), Some(0.05)];
        assert_eq!(curve.thresholds, thresholds);
        assert_eq!(curve.false_positives, [0.0, 0.0, 0.0, 1.0, 3.0, 3.0, 6.0]);
        assert_eq!(curve.true_positives, [0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 6.0]);
        assert!((area(&curve) - 0.833_333_333_333_333_3).abs() < 1e-12);
    }

    #[test]
    fn ties_and_straight_stretches_are_treated_as_scikit_learn_does() {
        let (truth, scores) = overlapping();
        let tied: Vec<f64> = scores.iter().map(|score| (score * 50.0).floor()).collect();
        let curve = ScoreCurve::of(&truth, &tied).expect("both classes occur");
        // len(roc_curve(y, s)[0]), and its points 20 and -3, as counts.
        assert_eq!((curve.thresholds.len(), curve.n_positive), (51, 1970.0));
        let point = |at: usize| (curve.thresholds[at], curve.false_positives[at], curve.true_positives[at]);
        assert_eq!(point(20), (Some(30.0), 408.0, 1101.0));
        assert_eq!(point(48), (Some(2.0), 2851.0, 1970.0));
        assert!((area(&curve) - 0.839_460_890_251_466_1).abs() < 1e-12);
    }

    #[test]
    fn many_points_become_few_and_the_area_hardly_changes() {
        let (truth, scores) = overlapping();
        let curve = ScoreCurve::of(&truth, &scores).expect("both classes occur");
        assert!(curve.thresholds.len() <= MOST_POINTS, "{}", curve.thresholds.len());
        // roc_auc_score(y, s)
        assert!((area(&curve) - 0.839_496_741_552_327_8).abs() < 1e-3, "{}", area(&curve));
        assert_eq!(rates(&curve).last(), Some(&(1.0, 1.0)));
    }

    #[test]
    fn one_class_alone_and_scores_that_are_no_numbers_have_no_curve() {
        assert!(ScoreCurve::of(&[true, true], &[0.1, 0.2]).is_none());
        assert!(ScoreCurve::of(&[true, false], &[0.1, f64::NAN]).is_none());
    }
}
