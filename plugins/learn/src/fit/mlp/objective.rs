//! Loss of a batch with its penalty, its gradient, and the solver's step.
//!
//! A pass has two phases. In the first, chunks of rows run forward and backward, each alone. In the second,
//! blocks of weights get their gradient from all chunks and take their step while they lie in the cache.
//! Chunks and blocks depend on the sizes alone, and sums over them run in their order, so the number of
//! threads changes no bit.

use ndarray::linalg::general_mat_mul;
use ndarray::s;
use rayon::prelude::*;

use super::chunk::{Chunk, matrix_mut};
use super::data::Table;
use super::error::FitError;
use super::shape::{Block, Shape};
use super::step::{Span, State, Step};

/// Rows of one pass; larger batches take several, so that their values need little memory.
const ROWS_PER_PASS: usize = 2048;
/// Chunks that a pass is divided into where it has rows enough.
const CHUNKS_PER_PASS: usize = 8;
/// Least and greatest number of rows of a chunk. Each chunk packs all weights for its product: few rows do
/// not pay.
const ROWS_PER_CHUNK: (usize, usize) = (100, 256);
/// Operations of a pass from which on threads save more than it takes to wake them.
const PARALLEL_OPERATIONS: usize = 2_000_000;

/// Caller's question whether to stop.
pub(super) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// Loss over the rows of a table as a function of the weights.
pub(super) struct Objective<'a> {
    /// Rows to train on.
    pub(super) table: &'a Table<'a>,
    /// Sizes and functions of the network.
    pub(super) shape: &'a Shape,
    alpha: f64,
    stop: Stop<'a>,
    blocks: Vec<Block>,
    chunks: Vec<Chunk>,
    rows_per_chunk: usize,
}

/// How a pass adds to the gradient.
#[derive(Clone, Copy)]
struct Contribution {
    /// Whether it replaces what the gradient held.
    is_first: bool,
    /// One over the batch's total row weight.
    scale: f64,
    /// Step to take after the batch's last pass.
    step: Option<Step>,
}

impl<'a> Objective<'a> {
    /// Reserves memory for batches of `batch_size` rows.
    pub(super) fn new(
        table: &'a Table<'a>,
        shape: &'a Shape,
        alpha: f64,
        batch_size: usize,
        stop: Stop<'a>,
    ) -> Self {
        let n_rows = batch_size.min(ROWS_PER_PASS);
        let rows_per_chunk = rows_per_chunk(n_rows);
        let chunks = vec![Chunk::new(shape, rows_per_chunk); n_rows.div_ceil(rows_per_chunk)];
        Self { table, shape, alpha, stop, blocks: shape.blocks(), chunks, rows_per_chunk }
    }

    /// Returns the loss of the batch `order`, stores the gradient and takes the step.
    pub(super) fn advance(
        &mut self,
        state: &mut State,
        order: &[usize],
        step: Step,
    ) -> Result<f64, FitError> {
        let total_weight = self.table.total_weight(order);
        if total_weight <= 0.0 {
            // Rows without weight teach nothing, and their mean loss is not defined.
            state.gradient.fill(0.0);
            return Ok(0.0);
        }
        let (mut loss, mut squares) = (0.0, 0.0);
        let n_passes = order.len().div_ceil(ROWS_PER_PASS);
        for (pass, rows) in order.chunks(ROWS_PER_PASS).enumerate() {
            if (self.stop)() {
                return Err(FitError::Stopped);
            }
            let is_parallel = is_parallel(self.shape, rows.len());
            loss += self.run_chunks(&state.weights, rows, is_parallel);
            let step = (pass + 1 == n_passes).then_some(step);
            let contribution = Contribution { is_first: pass == 0, scale: 1.0 / total_weight, step };
            let n_chunks = rows.len().div_ceil(self.rows_per_chunk);
            let run = |block: &Block, span: Span| self.run_block(block, span, n_chunks, contribution);
            squares = over_blocks(&self.blocks, state.span(), is_parallel, &run);
        }
        Ok((loss + 0.5 * self.alpha * squares) / total_weight)
    }

    /// Runs the rows forward and backward; returns their weighted loss.
    fn run_chunks(&mut self, parameters: &[f64], order: &[usize], is_parallel: bool) -> f64 {
        let (shape, table) = (self.shape, self.table);
        let run = |(chunk, rows): (&mut Chunk, &[usize])| {
            chunk.forward(shape, parameters, table, rows);
            chunk.backward(shape, parameters, table, rows);
        };
        if is_parallel {
            self.chunks.par_iter_mut().zip(order.par_chunks(self.rows_per_chunk)).for_each(run);
        } else {
            self.chunks.iter_mut().zip(order.chunks(self.rows_per_chunk)).for_each(run);
        }
        let n_chunks = order.len().div_ceil(self.rows_per_chunk);
        self.chunks[..n_chunks].iter().map(Chunk::loss).sum()
    }

    /// Adds to a block's gradient; with the step, also the penalty's share, and returns the weights' sum of
    /// squares.
    fn run_block(&self, block: &Block, span: Span, n_chunks: usize, contribution: Contribution) -> f64 {
        let n_outputs = self.shape.n_outputs(block.layer);
        let n_weights = block.inputs.len() * n_outputs;
        let (weight_gradient, bias_gradient) = span.gradient.split_at_mut(n_weights);
        let mut product = matrix_mut(weight_gradient, block.inputs.len(), n_outputs);
        if contribution.is_first {
            bias_gradient.fill(0.0);
        }
        for (chunk_idx, chunk) in self.chunks[..n_chunks].iter().enumerate() {
            let deltas = chunk.layer_deltas(self.shape, block.layer);
            let inputs = chunk.layer_inputs(self.shape, block.layer);
            let inputs = inputs.slice(s![.., block.inputs.clone()]);
            let keep = if contribution.is_first && chunk_idx == 0 { 0.0 } else { 1.0 };
            general_mat_mul(contribution.scale, &inputs.t(), &deltas, keep, &mut product);
            if block.has_biases {
                for row in deltas.rows() {
                    bias_gradient
                        .iter_mut()
                        .zip(row)
                        .for_each(|(sum, delta)| *sum += contribution.scale * delta);
                }
            }
        }
        let Some(step) = contribution.step else { return 0.0 };
        let squares = penalize(&span.weights[..n_weights], weight_gradient, self.alpha * contribution.scale);
        step.apply(span);
        squares
    }
}

/// Whether threads pay for a pass of `n_rows` rows; the result is the same with and without them.
pub(super) fn is_parallel(shape: &Shape, n_rows: usize) -> bool {
    n_rows * shape.operations_per_row() >= PARALLEL_OPERATIONS && rayon::current_num_threads() > 1
}

/// Divides a pass into chunks of nearly equal size, multiples of the kernel's eight rows.
fn rows_per_chunk(n_rows: usize) -> usize {
    let (least, greatest) = ROWS_PER_CHUNK;
    let n_chunks = n_rows.div_ceil((n_rows / CHUNKS_PER_PASS).clamp(least, greatest)).max(1);
    n_rows.div_ceil(n_chunks).next_multiple_of(8).max(8)
}

/// Runs `run` on each block with its part of `span`, and adds the results as a balanced tree.
fn over_blocks<F>(blocks: &[Block], span: Span, is_parallel: bool, run: &F) -> f64
where
    F: Fn(&Block, Span) -> f64 + Sync,
{
    match blocks {
        [] => 0.0,
        [block] => run(block, span),
        [first, ..] => {
            let (left, right) = blocks.split_at(blocks.len() / 2);
            let (left_span, right_span) = span.split(right[0].range.start - first.range.start);
            let run_left = || over_blocks(left, left_span, is_parallel, run);
            let run_right = || over_blocks(right, right_span, is_parallel, run);
            let (left, right) =
                if is_parallel { rayon::join(run_left, run_right) } else { (run_left(), run_right()) };
            left + right
        }
    }
}

/// Adds `strength · weight` to each gradient; returns the weights' sum of squares.
fn penalize(weights: &[f64], gradient: &mut [f64], strength: f64) -> f64 {
    if strength == 0.0 {
        return 0.0;
    }
    // Four sums side by side, which a processor adds at once.
    let mut squares = [0.0; 4];
    for (gradient, weights) in gradient.chunks_mut(4).zip(weights.chunks(4)) {
        for ((gradient, weight), square) in gradient.iter_mut().zip(weights).zip(&mut squares) {
            *square += weight * weight;
            *gradient += strength * weight;
        }
    }
    squares.iter().sum()
}
