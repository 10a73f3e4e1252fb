//! Metrics of regressions.

use std::collections::BTreeMap;

/// Computes `r2`, `mae`, `mse`, `rmse`, `mape` (a fraction), `median_absolute_error`, `max_error` and `explained_variance`.
///
/// A constant truth gives an `r2` and an explained variance of 1 when it is met exactly and of 0 otherwise, as in scikit-learn; `r2` is absent
/// for fewer than two rows.
pub fn regression_metrics(truth: &[f64], predicted: &[f64]) -> BTreeMap<String, f64> {
    let n = truth.len() as f64;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
    let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| t - p).collect();
    let mut absolute: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    let mae = mean(&mut absolute.iter().copied());
    let mse = mean(&mut errors.iter().map(|e| e * e));
    let mape = mean(&mut truth.iter().zip(&absolute).map(|(t, e)| e / t.abs().max(f64::EPSILON)));
    let truth_mean = mean(&mut truth.iter().copied());
    let error_mean = mean(&mut errors.iter().copied());
    let total: f64 = truth.iter().map(|t| (t - truth_mean).powi(2)).sum();
    let residual: f64 = errors.iter().map(|e| e * e).sum();
    let unexplained: f64 = errors.iter().map(|e| (e - error_mean).powi(2)).sum();
    absolute.sort_by(f64::total_cmp);
    let mut metrics = BTreeMap::from([
        ("mae".to_owned(), mae),
        ("mse".to_owned(), mse),
        ("rmse".to_owned(), mse.sqrt()),
        ("mape".to_owned(), mape),
        ("max_error".to_owned(), absolute.last().copied().unwrap_or_default()),
        ("median_absolute_error".to_owned(), median(&absolute)),
        ("explained_variance".to_owned(), share(unexplained, total)),
    ]);
    if truth.len() >= 2 {
        metrics.insert("r2".to_owned(), share(residual, total));
    }
    metrics
}

/// 1 − rest/total, with scikit-learn's answers for a total of zero.
fn share(rest: f64, total: f64) -> f64 {
    match (rest == 0.0, total == 0.0) {
        (_, false) => 1.0 - rest / total,
        (true, true) => 1.0,
        (false, true) => 0.0,
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
