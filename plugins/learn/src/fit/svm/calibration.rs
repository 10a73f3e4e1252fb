//! Calibration: from scores to probabilities of the positive class.

mod isotonic;
mod sigmoid;

pub(crate) use isotonic::IsotonicCalibration;
pub(crate) use sigmoid::SigmoidCalibration;

/// Sixty rows whose scores say something, but not all, about their class.
#[cfg(test)]
fn wave() -> (Vec<f64>, Vec<bool>, Vec<f64>) {
    let numbers = (0..60).map(f64::from);
    let scores = numbers.clone().map(|i| (i * 1.3).sin() * 3.0 + 0.02 * i).collect();
    let is_positive = numbers.map(|i| (i * 1.3).sin() + 0.8 * (i * 2.7).cos() > 0.1).collect();
    (scores, is_positive, (0..60).map(|i| f64::from(1 + i % 3)).collect())
}
