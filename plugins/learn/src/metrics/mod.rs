//! Metrics in f64, to scikit-learn 1.9's definitions.

mod classification;
mod confusion;
mod curve;
mod ranking;
mod regression;

pub use classification::{Classification, classification_metrics, score_curve};
pub use curve::ScoreCurve;
pub use regression::regression_metrics;

pub(crate) use classification::ByClass;

/// A fraction that is 0 where nothing was counted, as scikit-learn's `zero_division` is by default.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

/// Tells whether more of a metric is better.
pub(crate) fn higher_is_better(metric: &str) -> bool {
    const LOWER: [&str; 8] =
        ["log_loss", "brier", "mae", "mse", "rmse", "mape", "median_absolute_error", "max_error"];
    let base = metric.split(['[', ' ']).next().unwrap_or(metric);
    let base = base.strip_suffix("_mean").unwrap_or(base);
    !LOWER.contains(&base) && !base.ends_with("_std")
}
