//! Loss of a row and its derivative: log loss for classes, half the squared error for values (scikit-learn's
//! `log_loss`, `binary_log_loss` and `squared_loss`).
//!
//! With the link that belongs to each loss, the derivative by the last layer's sums is `output - target`.

use super::data::{Table, Targets};

/// Turns each row's outputs into derivatives, times the row's weight, and returns the rows' weighted loss.
pub(super) fn loss_and_deltas(table: &Table, order: &[usize], outputs: &[f64], deltas: &mut [f64]) -> f64 {
    let n_outputs = outputs.len() / order.len();
    deltas.copy_from_slice(outputs);
    let mut total = 0.0;
    for (row_deltas, &row) in deltas.chunks_exact_mut(n_outputs).zip(order) {
        let loss = match table.targets {
            Targets::Values(values) => squared_error(row_deltas, values[row]),
            Targets::Classes { classes, .. } if n_outputs == 1 => binary_log_loss(row_deltas, classes[row]),
            Targets::Classes { classes, .. } => log_loss(row_deltas, classes[row]),
        };
        let weight = table.weight(row);
        for delta in row_deltas.iter_mut() {
            *delta *= weight;
        }
        total += weight * loss;
    }
    total
}

fn squared_error(deltas: &mut [f64], value: f64) -> f64 {
    deltas[0] -= value;
    0.5 * deltas[0] * deltas[0]
}

fn binary_log_loss(deltas: &mut [f64], class: usize) -> f64 {
    let probability = clip(deltas[0]);
    deltas[0] -= if class == 1 { 1.0 } else { 0.0 };
    -(if class == 1 { probability } else { 1.0 - probability }).ln()
}

fn log_loss(deltas: &mut [f64], class: usize) -> f64 {
    let loss = -clip(deltas[class]).ln();
    deltas[class] -= 1.0;
    loss
}

/// Keeps the logarithm finite, as scikit-learn does; a NaN stays one.
fn clip(probability: f64) -> f64 {
    probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON)
}
