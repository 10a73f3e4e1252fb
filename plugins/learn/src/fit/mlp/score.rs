//! Score on validation rows, as scikit-learn's `score`: weighted accuracy for classes, R² for values.

use rayon::prelude::*;

use super::chunk::Chunk;
use super::data::{Table, Targets};
use super::objective::is_parallel;
use super::shape::Shape;

/// Rows that run forward together.
const ROWS_PER_CHUNK: usize = 256;

/// Validation rows with memory for their outputs.
pub(super) struct Scorer<'a> {
    table: &'a Table<'a>,
    shape: &'a Shape,
    rows: Vec<usize>,
    chunks: Vec<Chunk>,
}

impl<'a> Scorer<'a> {
    /// Scores on the given rows of the table.
    pub(super) fn new(table: &'a Table<'a>, shape: &'a Shape, rows: Vec<usize>) -> Self {
        let n_chunks = rows.len().div_ceil(ROWS_PER_CHUNK);
        let chunks = vec![Chunk::new(shape, ROWS_PER_CHUNK.min(rows.len())); n_chunks];
        Self { table, shape, rows, chunks }
    }

    /// Returns the score of a network with these weights.
    pub(super) fn score(&mut self, parameters: &[f64]) -> f64 {
        let (shape, table) = (self.shape, self.table);
        let run = |(chunk, rows): (&mut Chunk, &[usize])| chunk.forward(shape, parameters, table, rows);
        if is_parallel(shape, self.rows.len()) {
            self.chunks.par_iter_mut().zip(self.rows.par_chunks(ROWS_PER_CHUNK)).for_each(run);
        } else {
            self.chunks.iter_mut().zip(self.rows.chunks(ROWS_PER_CHUNK)).for_each(run);
        }
        let n_outputs = shape.n_outputs(shape.n_layers() - 1);
        let outputs = self.chunks.iter().flat_map(|chunk| chunk.outputs().chunks_exact(n_outputs));
        let rows = self.rows.iter().copied().zip(outputs);
        match table.targets {
            Targets::Values(values) => {
                r_squared(table, &self.rows, values, rows.map(|(row, outputs)| (row, outputs[0])))
            }
            Targets::Classes { classes, .. } => accuracy(table, rows, classes),
        }
    }
}

fn accuracy<'o>(table: &Table, rows: impl Iterator<Item = (usize, &'o [f64])>, classes: &[usize]) -> f64 {
    let (mut correct, mut total) = (0.0, 0.0);
    for (row, outputs) in rows {
        let weight = table.weight(row);
        total += weight;
        if predicted_class(outputs) == classes[row] {
            correct += weight;
        }
    }
    correct / total
}

/// The likeliest class, the first of equal ones.
fn predicted_class(outputs: &[f64]) -> usize {
    if let [probability] = outputs {
        return usize::from(*probability > 0.5);
    }
    let mut best = 0;
    for (class, probability) in outputs.iter().enumerate() {
        if *probability > outputs[best] {
            best = class;
        }
    }
    best
}

/// `1 - residual squares / squares about the mean`; of constant values 1 if all are met, else 0.
fn r_squared(
    table: &Table,
    rows: &[usize],
    values: &[f64],
    predictions: impl Iterator<Item = (usize, f64)>,
) -> f64 {
    let weighted: f64 = rows.iter().map(|&row| table.weight(row) * values[row]).sum();
    let mean = weighted / table.total_weight(rows);
    let (mut residual, mut about_mean) = (0.0, 0.0);
    for (row, prediction) in predictions {
        let weight = table.weight(row);
        residual += weight * (values[row] - prediction).powi(2);
        about_mean += weight * (values[row] - mean).powi(2);
    }
    if about_mean != 0.0 {
        1.0 - residual / about_mean
    } else if residual == 0.0 {
        1.0
    } else {
        0.0
    }
}
