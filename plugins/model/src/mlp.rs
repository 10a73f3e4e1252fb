//! Prediction with a multi-layer perceptron: fully connected layers, one activation for all hidden layers,
//! and a link at the output (scikit-learn's `MLPClassifier` and `MLPRegressor`).
//!
//! Each sum runs over the inputs in their order, whatever the number of rows, so a row's outputs have the
//! same bits alone and in a batch.
use serde::{Deserialize, Serialize};

/// Function that a hidden layer applies to each of its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(0, z)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-z))`.
    Logistic,
    /// `z` itself.
    Identity,
}

/// Link between the last layer's sums and the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MlpOutput {
    /// One probability a class; they sum to one.
    Softmax,
    /// One unit: the probability of class 1.
    Logistic,
    /// One unit: the predicted value.
    Identity,
}

/// Fully connected layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Number of values that enter.
    pub n_inputs: usize,
    /// Number of units, one value each.
    pub n_outputs: usize,
    /// `n_inputs` by `n_outputs`, row by row: the weights of one input lie together.
    #[serde(with = "crate::packed")]
    pub weights: Vec<f64>,
    /// One bias a unit.
    #[serde(with = "crate::packed")]
    pub biases: Vec<f64>,
}

/// Fitted multi-layer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mlp {
    /// Layers from the features to the output; at least one.
    pub layers: Vec<Layer>,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Link of the last layer.
    pub output: MlpOutput,
}

/// Rows that pass through all layers together: their values stay in the cache.
const ROWS_PER_PASS: usize = 128;
/// Rows and units of one tile, whose sums stay in registers.
const TILE_ROWS: usize = 4;
const TILE_UNITS: usize = 4;

impl Activation {
    /// Applies the function to each value; a NaN stays one.
    pub fn apply(self, values: &mut [f64]) {
        match self {
            // Not `max`, which would turn a NaN into zero and hide that training diverged.
            Self::Relu => values.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
            Self::Tanh => values.iter_mut().for_each(|z| *z = z.tanh()),
            Self::Logistic => values.iter_mut().for_each(|z| *z = logistic(*z)),
            Self::Identity => {}
        }
    }
}

impl MlpOutput {
    /// Turns each row's `n_outputs` sums into outputs.
    pub fn apply(self, values: &mut [f64], n_outputs: usize) {
        match self {
            Self::Softmax => values.chunks_exact_mut(n_outputs).for_each(softmax),
            Self::Logistic => values.iter_mut().for_each(|z| *z = logistic(*z)),
            Self::Identity => {}
        }
    }
}

impl Mlp {
    /// Tells what is wrong with a network from a file.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let mut n_values = self.layers.first().ok_or("it has no layers")?.n_inputs;
        for (number, layer) in (1..).zip(&self.layers) {
            let fits = layer.n_inputs == n_values
                && layer.weights.len() == layer.n_inputs * layer.n_outputs
                && layer.biases.len() == layer.n_outputs;
            if !fits {
                return Err(format!("the sizes of its layer {number} do not fit"));
            }
            n_values = layer.n_outputs;
        }
        Ok(())
    }

    /// Number of outputs a row: the classes for softmax, else one.
    pub fn n_outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.n_outputs)
    }

    /// Returns the outputs of `n_rows` rows (row-major, the first layer's inputs each), row by row:
    /// probabilities of all classes, the probability of class 1, or the value.
    pub fn predict(&self, rows: &[f64], n_rows: usize) -> Vec<f64> {
        let n_features = self.layers.first().map_or(0, |layer| layer.n_inputs);
        let mut outputs = Vec::with_capacity(n_rows * self.n_outputs());
        let (mut inputs, mut sums, mut panel) = (Vec::new(), Vec::new(), Vec::new());
        for start in (0..n_rows).step_by(ROWS_PER_PASS) {
            let end = n_rows.min(start + ROWS_PER_PASS);
            let features = &rows[start * n_features..end * n_features];
            for (layer_idx, layer) in self.layers.iter().enumerate() {
                let values = if layer_idx == 0 { features } else { inputs.as_slice() };
                sums.clear();
                sums.resize((end - start) * layer.n_outputs, 0.0);
                layer.sums(values, &mut sums, &mut panel);
                if layer_idx + 1 < self.layers.len() {
                    self.activation.apply(&mut sums);
                } else {
                    self.output.apply(&mut sums, layer.n_outputs);
                    outputs.extend_from_slice(&sums);
                }
                std::mem::swap(&mut inputs, &mut sums);
            }
        }
        outputs
    }
}

impl Layer {
    /// Writes `values · weights + biases` into `sums`, which holds zeros; `panel` is scratch memory.
    fn sums(&self, values: &[f64], sums: &mut [f64], panel: &mut Vec<f64>) {
        let n_rows = sums.len() / self.n_outputs;
        let n_tiled_rows = n_rows / TILE_ROWS * TILE_ROWS;
        let n_tiled_units = if n_tiled_rows == 0 { 0 } else { self.n_outputs / TILE_UNITS * TILE_UNITS };
        for first_unit in (0..n_tiled_units).step_by(TILE_UNITS) {
            self.copy_panel(first_unit, panel);
            for first_row in (0..n_tiled_rows).step_by(TILE_ROWS) {
                let tile = &values[first_row * self.n_inputs..][..TILE_ROWS * self.n_inputs];
                for (row, unit_sums) in (first_row..).zip(tile_product(tile, self.n_inputs, panel)) {
                    sums[row * self.n_outputs + first_unit..][..TILE_UNITS].copy_from_slice(&unit_sums);
                }
            }
        }
        for (row, row_sums) in sums.chunks_exact_mut(self.n_outputs).enumerate() {
            let first_unit = if row < n_tiled_rows { n_tiled_units } else { 0 };
            let row_values = &values[row * self.n_inputs..][..self.n_inputs];
            self.row_product(row_values, first_unit, &mut row_sums[first_unit..]);
            row_sums.iter_mut().zip(&self.biases).for_each(|(sum, bias)| *sum += bias);
        }
    }

    /// Copies the weights of `TILE_UNITS` units side by side, input by input.
    fn copy_panel(&self, first_unit: usize, panel: &mut Vec<f64>) {
        panel.clear();
        for input_weights in self.weights.chunks_exact(self.n_outputs) {
            panel.extend_from_slice(&input_weights[first_unit..first_unit + TILE_UNITS]);
        }
    }

    /// Adds one row's products with the weights of the units from `first_unit` on, whose sums `sums` holds.
    fn row_product(&self, values: &[f64], first_unit: usize, sums: &mut [f64]) {
        let n_sums = sums.len();
        let weights = |input: usize| &self.weights[input * self.n_outputs + first_unit..][..n_sums];
        let n_passes = values.len() / 4;
        // Four inputs a pass: each sum is loaded and stored once for four additions, whose order stays.
        for (pass, x) in values.chunks_exact(4).enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|offset| weights(4 * pass + offset));
            for (unit, sum) in sums.iter_mut().enumerate() {
                *sum = (((*sum + x[0] * a[unit]) + x[1] * b[unit]) + x[2] * c[unit]) + x[3] * d[unit];
            }
        }
        for (input, value) in values.iter().enumerate().skip(4 * n_passes) {
            sums.iter_mut().zip(weights(input)).for_each(|(sum, weight)| *sum += value * weight);
        }
    }
}

/// Multiplies `TILE_ROWS` rows with the weights of `TILE_UNITS` units.
fn tile_product(rows: &[f64], n_inputs: usize, panel: &[f64]) -> [[f64; TILE_UNITS]; TILE_ROWS] {
    let mut sums = [[0.0; TILE_UNITS]; TILE_ROWS];
    let [a, b, c, d] = [0, 1, 2, 3].map(|row| &rows[row * n_inputs..][..n_inputs]);
    for (input, weights) in panel.chunks_exact(TILE_UNITS).enumerate().take(n_inputs) {
        let values = [a[input], b[input], c[input], d[input]];
        for (row_sums, value) in sums.iter_mut().zip(values) {
            row_sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
        }
    }
    sums
}

/// `1 / (1 + exp(-z))`; the exponential of a large `-z` is infinite, the result 0.
fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Softmax of one row; the greatest sum is subtracted first, so that no exponential overflows.
fn softmax(row: &mut [f64]) {
    let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for z in row.iter_mut() {
        *z = (*z - greatest).exp();
    }
    let total: f64 = row.iter().sum();
    for z in row {
        *z /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(sizes: &[usize], activation: Activation, output: MlpOutput) -> Mlp {
        let value = |i: usize| (1.7 * i as f64 + 0.3).sin();
        let layers = sizes.windows(2).map(|pair| Layer {
            n_inputs: pair[0],
            n_outputs: pair[1],
            weights: (0..pair[0] * pair[1]).map(value).collect(),
            biases: (0..pair[1]).map(|i| value(i + 5)).collect(),
        });
        Mlp { layers: layers.collect(), activation, output }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_a_batch() {
        let model = network(&[7, 13, 6, 3], Activation::Tanh, MlpOutput::Softmax);
        let n_rows = 2 * ROWS_PER_PASS + 7;
        let rows: Vec<f64> = (0..n_rows * 7).map(|i| (0.37 * i as f64).cos()).collect();
        let batch = model.predict(&rows, n_rows);
        let alone: Vec<f64> = rows.chunks_exact(7).flat_map(|row| model.predict(row, 1)).collect();
        assert_eq!(batch, alone);
        assert_eq!(batch.len(), n_rows * 3);
    }

    #[test]
    fn the_outputs_follow_the_definition() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Logistic, Activation::Identity] {
            let model = network(&[2, 5, 1], activation, MlpOutput::Identity);
            let row = [0.4, -1.1];
            let mut expected = model.layers[1].biases[0];
            for unit in 0..5 {
                let layer = &model.layers[0];
                let sum =
                    layer.biases[unit] + row[0] * layer.weights[unit] + row[1] * layer.weights[5 + unit];
                let value = match activation {
                    Activation::Relu => sum.max(0.0),
                    Activation::Tanh => sum.tanh(),
                    Activation::Logistic => 1.0 / (1.0 + (-sum).exp()),
                    Activation::Identity => sum,
                };
                expected += value * model.layers[1].weights[unit];
            }
            assert!((model.predict(&row, 1)[0] - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn large_sums_give_probabilities_of_zero_and_one() {
        let mut sums = [-800.0, 0.0, 800.0];
        MlpOutput::Softmax.apply(&mut sums, 3);
        assert_eq!(sums.map(f64::to_bits), [0.0, 0.0, 1.0].map(f64::to_bits));
        let mut sums = [-800.0, 0.0, 800.0];
        MlpOutput::Logistic.apply(&mut sums, 1);
        assert_eq!(sums.map(f64::to_bits), [0.0, 0.5, 1.0].map(f64::to_bits));
    }

    #[test]
    fn no_rows_give_no_outputs() {
        let model = network(&[2, 3, 1], Activation::Relu, MlpOutput::Logistic);
        assert_eq!(model.predict(&[], 0), Vec::<f64>::new());
    }
}
