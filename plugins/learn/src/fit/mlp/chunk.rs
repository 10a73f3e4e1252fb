//! Forward and backward pass of some rows: what one thread computes alone.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::data::Table;
use super::loss::loss_and_deltas;
use super::shape::{Shape, matrix};
use sluicegate_model::Activation;

/// Rows of a batch, with memory for their values in every layer.
#[derive(Clone)]
pub(super) struct Chunk {
    n_rows: usize,
    /// Features of the rows.
    inputs: Vec<f64>,
    /// Outputs of each layer, row by row.
    activations: Vec<Vec<f64>>,
    /// Derivatives of the loss by each layer's sums.
    deltas: Vec<Vec<f64>>,
    loss: f64,
}

impl Chunk {
    /// Reserves memory for up to `capacity` rows.
    pub(super) fn new(shape: &Shape, capacity: usize) -> Self {
        let layers =
            || (0..shape.n_layers()).map(|layer| Vec::with_capacity(capacity * shape.n_outputs(layer)));
        Self {
            n_rows: 0,
            inputs: Vec::with_capacity(capacity * shape.n_inputs(0)),
            activations: layers().collect(),
            deltas: layers().collect(),
            loss: 0.0,
        }
    }

    /// Loads the rows of `order` and computes the outputs of every layer.
    pub(super) fn forward(&mut self, shape: &Shape, parameters: &[f64], table: &Table, order: &[usize]) {
        self.n_rows = order.len();
        self.inputs.clear();
        for &row in order {
            self.inputs.extend_from_slice(table.row(row));
        }
        for layer in 0..shape.n_layers() {
            let n_outputs = shape.n_outputs(layer);
            let (before, after) = self.activations.split_at_mut(layer);
            let inputs = before.last().unwrap_or(&self.inputs);
            let sums = &mut after[0];
            // The product is added to the biases.
            sums.clear();
            for _ in order {
                sums.extend_from_slice(shape.biases(parameters, layer));
            }
            let inputs = matrix(inputs, order.len(), shape.n_inputs(layer));
            let weights = shape.weights(parameters, layer);
            general_mat_mul(1.0, &inputs, &weights, 1.0, &mut matrix_mut(sums, order.len(), n_outputs));
            if layer + 1 < shape.n_layers() {
                shape.activation.apply(sums);
            } else {
                shape.output.apply(sums, n_outputs);
            }
        }
    }

    /// Computes the derivatives by every layer's sums after [`Self::forward`].
    pub(super) fn backward(&mut self, shape: &Shape, parameters: &[f64], table: &Table, order: &[usize]) {
        let last = shape.n_layers() - 1;
        for (layer, deltas) in self.deltas.iter_mut().enumerate() {
            deltas.resize(self.n_rows * shape.n_outputs(layer), 0.0);
        }
        self.loss = loss_and_deltas(table, order, &self.activations[last], &mut self.deltas[last]);
        for layer in (1..=last).rev() {
            let (before, after) = self.deltas.split_at_mut(layer);
            let deltas = &mut before[layer - 1];
            let next = matrix(&after[0], self.n_rows, shape.n_outputs(layer));
            let weights = shape.weights(parameters, layer);
            let mut product = matrix_mut(deltas, self.n_rows, shape.n_inputs(layer));
            general_mat_mul(1.0, &next, &weights.t(), 0.0, &mut product);
            multiply_by_derivative(shape.activation, &self.activations[layer - 1], deltas);
        }
    }

    /// Sum of the rows' weighted losses.
    pub(super) fn loss(&self) -> f64 {
        self.loss
    }

    /// Outputs of the last layer, row by row.
    pub(super) fn outputs(&self) -> &[f64] {
        self.activations.last().map_or(&[], Vec::as_slice)
    }

    /// Values that enter a layer, rows by inputs.
    pub(super) fn layer_inputs(&self, shape: &Shape, layer: usize) -> ArrayView2<'_, f64> {
        let values = if layer == 0 { &self.inputs } else { &self.activations[layer - 1] };
        matrix(values, self.n_rows, shape.n_inputs(layer))
    }

    /// Derivatives by a layer's sums, rows by outputs.
    pub(super) fn layer_deltas(&self, shape: &Shape, layer: usize) -> ArrayView2<'_, f64> {
        matrix(&self.deltas[layer], self.n_rows, shape.n_outputs(layer))
    }
}

/// Views row-major values as a matrix to write to.
pub(super) fn matrix_mut(values: &mut [f64], n_rows: usize, n_columns: usize) -> ArrayViewMut2<'_, f64> {
    ArrayViewMut2::from_shape((n_rows, n_columns), values)
        .expect("the caller passes n_rows · n_columns values")
}

/// Multiplies deltas by the activation's derivative, which follows from its value.
fn multiply_by_derivative(activation: Activation, values: &[f64], deltas: &mut [f64]) {
    let pairs = deltas.iter_mut().zip(values);
    match activation {
        Activation::Relu => {
            pairs.for_each(|(delta, value)| *delta = if *value == 0.0 { 0.0 } else { *delta });
        }
        Activation::Tanh => pairs.for_each(|(delta, value)| *delta *= 1.0 - value * value),
        Activation::Logistic => pairs.for_each(|(delta, value)| *delta *= value * (1.0 - value)),
        Activation::Identity => {}
    }
}
