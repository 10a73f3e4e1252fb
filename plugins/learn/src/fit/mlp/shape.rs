//! Where each layer's weights lie in the one vector that the solvers work on.
//!
//! Layer by layer, each is a row-major matrix with one row an input and one more for the biases, so that a
//! range of rows is a range of the vector.

use std::ops::Range;

use ndarray::ArrayView2;

use sluicegate_model::{Activation, Layer, Mlp, MlpOutput};

/// Least number of weights of a block, as far as the layer has so many.
const WEIGHTS_PER_BLOCK: usize = 11_000;
/// The kernel of `matrixmultiply` computes eight rows at once.
const KERNEL_ROWS: usize = 8;

/// Sizes and functions of a network.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Features, then units of each layer.
    sizes: Vec<usize>,
    /// Start of each layer in the vector, and its end.
    offsets: Vec<usize>,
    /// Activation of the hidden layers.
    pub(super) activation: Activation,
    /// Link of the last layer.
    pub(super) output: MlpOutput,
}

/// Rows of a layer's matrix that are computed together.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Index of the layer.
    pub(super) layer: usize,
    /// Inputs whose weights the block holds.
    pub(super) inputs: Range<usize>,
    /// Whether the biases follow.
    pub(super) has_biases: bool,
    /// Place in the vector.
    pub(super) range: Range<usize>,
}

impl Shape {
    /// Makes the shape from `sizes`: the number of features and the units of each layer.
    pub(super) fn new(sizes: Vec<usize>, activation: Activation, output: MlpOutput) -> Self {
        let mut offsets = vec![0];
        for pair in sizes.windows(2) {
            offsets.push(offsets[offsets.len() - 1] + (pair[0] + 1) * pair[1]);
        }
        Self { sizes, offsets, activation, output }
    }

    /// Number of layers, the output's counted.
    pub(super) fn n_layers(&self) -> usize {
        self.sizes.len() - 1
    }

    /// Number of weights and biases.
    pub(super) fn n_parameters(&self) -> usize {
        self.offsets[self.n_layers()]
    }

    /// Values that enter a layer.
    pub(super) fn n_inputs(&self, layer: usize) -> usize {
        self.sizes[layer]
    }

    /// Units of a layer.
    pub(super) fn n_outputs(&self, layer: usize) -> usize {
        self.sizes[layer + 1]
    }

    /// Multiplications and additions that one row takes, forward and backward.
    pub(super) fn operations_per_row(&self) -> usize {
        6 * self.n_parameters()
    }

    /// Weights of a layer, inputs by outputs.
    pub(super) fn weights<'a>(&self, parameters: &'a [f64], layer: usize) -> ArrayView2<'a, f64> {
        let (n_inputs, n_outputs) = (self.n_inputs(layer), self.n_outputs(layer));
        matrix(&parameters[self.offsets[layer]..][..n_inputs * n_outputs], n_inputs, n_outputs)
    }

    /// Biases of a layer.
    pub(super) fn biases<'a>(&self, parameters: &'a [f64], layer: usize) -> &'a [f64] {
        let end = self.offsets[layer + 1];
        &parameters[end - self.n_outputs(layer)..end]
    }

    /// Divides the vector into blocks, in order; the division depends on the sizes alone.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for layer in 0..self.n_layers() {
            let (n_inputs, n_outputs) = (self.n_inputs(layer), self.n_outputs(layer));
            let n_rows = WEIGHTS_PER_BLOCK.div_ceil(n_outputs).next_multiple_of(KERNEL_ROWS);
            // A layer without inputs still has biases.
            for start in (0..n_inputs.max(1)).step_by(n_rows) {
                let end = n_inputs.min(start + n_rows);
                let has_biases = end == n_inputs;
                let offset = self.offsets[layer];
                let range = offset + start * n_outputs..offset + (end + usize::from(has_biases)) * n_outputs;
                blocks.push(Block { layer, inputs: start..end, has_biases, range });
            }
        }
        blocks
    }

    #[cfg(test)]
    /// Puts layers into one vector.
    pub(super) fn pack(layers: &[Layer]) -> Vec<f64> {
        layers.iter().flat_map(|layer| layer.weights.iter().chain(&layer.biases).copied()).collect()
    }

    /// Makes the network whose weights the vector holds.
    pub(super) fn unpack(&self, parameters: &[f64]) -> Mlp {
        let layers = (0..self.n_layers()).map(|layer| Layer {
            n_inputs: self.n_inputs(layer),
            n_outputs: self.n_outputs(layer),
            weights: self.weights(parameters, layer).iter().copied().collect(),
            biases: self.biases(parameters, layer).to_vec(),
        });
        Mlp { layers: layers.collect(), activation: self.activation, output: self.output }
    }
}

/// Views row-major values as a matrix.
pub(super) fn matrix(values: &[f64], n_rows: usize, n_columns: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((n_rows, n_columns), values).expect("the caller passes n_rows · n_columns values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_cover_the_vector_once() {
        for sizes in [vec![784, 100, 10], vec![4, 3], vec![0, 5, 1], vec![3, 500, 500, 1]] {
            let shape = Shape::new(sizes, Activation::Relu, MlpOutput::Identity);
            let mut end = 0;
            for block in shape.blocks() {
                assert_eq!(block.range.start, end);
                let n_rows = block.inputs.len() + usize::from(block.has_biases);
                assert_eq!(block.range.len(), n_rows * shape.n_outputs(block.layer));
                end = block.range.end;
            }
            assert_eq!(end, shape.n_parameters());
        }
    }

    #[test]
    fn unpacking_inverts_packing() {
        let shape = Shape::new(vec![3, 4, 2], Activation::Tanh, MlpOutput::Softmax);
        let parameters: Vec<f64> = (0..shape.n_parameters()).map(|i| i as f64).collect();
        let model = shape.unpack(&parameters);
        assert_eq!(model.layers[0].biases, [12.0, 13.0, 14.0, 15.0]);
        assert_eq!(model.layers[1].weights[..2], [16.0, 17.0]);
        assert_eq!(Shape::pack(&model.layers), parameters);
    }
}
