//! Metrics of scores: how well they rank, and how well they are calibrated.

/// Area under the ROC curve, ties counted half; absent when one of the two classes does not occur.
///
/// Equals the probability that a positive row scores above a negative one (Mann and Whitney).
pub(super) fn roc_auc(positive: &[bool], scores: &[f64]) -> Option<f64> {
    let n_positive = positive.iter().filter(|p| **p).count() as f64;
    let n_negative = positive.len() as f64 - n_positive;
    if n_positive == 0.0 || n_negative == 0.0 {
        return None;
    }
    let (mut below, mut area) = (0.0, 0.0);
    for (n_true, n_false) in groups(positive, scores, false) {
        area += n_true * (below + n_false / 2.0);
        below += n_false;
    }
    Some(area / (n_positive * n_negative))
}

/// Average precision: the sum of precision at each threshold, weighted by the gain in recall.
pub(super) fn average_precision(positive: &[bool], scores: &[f64]) -> Option<f64> {
    let n_positive = positive.iter().filter(|p| **p).count() as f64;
    if n_positive == 0.0 {
        return None;
    }
    let (mut hits, mut said, mut sum) = (0.0, 0.0, 0.0);
    for (n_true, n_false) in groups(positive, scores, true) {
        hits += n_true;
        said += n_true + n_false;
        sum += n_true / n_positive * (hits / said);
    }
    Some(sum)
}

/// Positive and negative rows of each distinct score, in the order of the scores.
fn groups(positive: &[bool], scores: &[f64], descending: bool) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    if descending {
        order.reverse();
    }
    let mut groups: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for row in order {
        if last != Some(scores[row]) {
            groups.push((0.0, 0.0));
            last = Some(scores[row]);
        }
        if let Some(group) = groups.last_mut() {
            if positive[row] { group.0 += 1.0 } else { group.1 += 1.0 }
        }
    }
    groups
}

/// Mean negative logarithm of the true class's probability, probabilities kept within machine epsilon of 0 and 1.
pub(super) fn log_loss(truth: &[usize], probabilities: &[f64], n_classes: usize) -> f64 {
    let rows = probabilities.chunks_exact(n_classes);
    let sum: f64 = truth
        .iter()
        .zip(rows)
        .map(|(class, row)| {
            // Rows are taken as they are; scikit-learn warns when they do not sum to 1.
            -row[*class].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
        })
        .sum();
    sum / truth.len() as f64
}

/// Brier score: in [0, 1] for two classes, in [0, 2] for more.
pub(super) fn brier(truth: &[usize], probabilities: &[f64], n_classes: usize) -> f64 {
    let rows = probabilities.chunks_exact(n_classes);
    let sum: f64 = truth
        .iter()
        .zip(rows)
        .map(|(class, row)| {
            let squares = row
                .iter()
                .enumerate()
                .map(|(k, p)| (p - f64::from(u8::from(k == *class))).powi(2))
                .sum::<f64>();
            if n_classes == 2 { squares / 2.0 } else { squares }
        })
        .sum();
    sum / truth.len() as f64
}

/// Areas of each class against the rest, with the number of its rows.
pub(super) fn one_versus_rest(
    truth: &[usize],
    probabilities: &[f64],
    n_classes: usize,
) -> Option<Vec<(f64, f64)>> {
    (0..n_classes)
        .map(|class| {
            let positive: Vec<bool> = truth.iter().map(|t| *t == class).collect();
            let scores: Vec<f64> = probabilities.chunks_exact(n_classes).map(|row| row[class]).collect();
            let n_rows = positive.iter().filter(|p| **p).count() as f64;
            Some((roc_auc(&positive, &scores)?, n_rows))
        })
        .collect()
}

/// Areas of each pair of classes, both ways averaged (Hand and Till), with the share of rows in the pair.
pub(super) fn one_versus_one(
    truth: &[usize],
    probabilities: &[f64],
    n_classes: usize,
) -> Option<Vec<(f64, f64)>> {
    let mut pairs = Vec::new();
    for a in 0..n_classes {
        for b in a + 1..n_classes {
            let rows: Vec<usize> =
                (0..truth.len()).filter(|row| truth[*row] == a || truth[*row] == b).collect();
            let area = |class: usize| {
                let positive: Vec<bool> = rows.iter().map(|row| truth[*row] == class).collect();
                let scores: Vec<f64> =
                    rows.iter().map(|row| probabilities[row * n_classes + class]).collect();
                roc_auc(&positive, &scores)
            };
            pairs.push((f64::midpoint(area(a)?, area(b)?), rows.len() as f64));
        }
    }
    Some(pairs)
}

/// Plain and weighted mean.
pub(super) fn means(values: &[(f64, f64)]) -> (f64, f64) {
    let plain = values.iter().map(|(value, _)| value).sum::<f64>() / values.len() as f64;
    let weight: f64 = values.iter().map(|(_, weight)| weight).sum();
    (plain, values.iter().map(|(value, weight)| value * weight).sum::<f64>() / weight)
}
