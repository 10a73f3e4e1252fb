//! Reduces least squares to a small triangular problem.
//!
//! Tall matrices: block after block of centred rows is stacked under the triangle so far and triangularized
//! again (Demmel, Grigori, Hoemmen and Langou, *Communication-optimal parallel QR*, 2012), the target as
//! the last column. Wide matrices: `Xᵀ = Q·R`, so that the coefficients are `Q·z` and `z` solves a problem
//! as small as the rows are few.

use std::ops::Range;

use super::centred::Centred;
use crate::fit::algebra::{Chunks, Columns, FitError, Reflectors, Stop, add_scaled, dot, triangularize};

/// Numbers of a block: it stays in the second-level cache.
const BLOCK_NUMBERS: usize = 24_576;
/// A chunk has at least this many times as many rows as columns: combining triangles costs too.
const MIN_CHUNK_RATIO: usize = 32;

/// A small problem whose solution gives the coefficients.
pub(super) struct Reduced {
    /// Square, the right-hand side as the last column.
    pub(super) problem: Columns,
    /// The lengths of the centred columns, zero for constant ones; ones for wide matrices.
    pub(super) scales: Vec<f64>,
    /// What no coefficients explain: `Σ w·r²` beside that of `problem`.
    pub(super) residual: f64,
    /// Takes the solution to the coefficients, for wide matrices.
    pub(super) rotation: Option<Reflectors>,
}

impl Reduced {
    /// Reduces centred data, by the way that suits their shape.
    pub(super) fn new(data: &Centred, stop: Stop) -> Result<Self, FitError> {
        if data.n_rows() >= data.n_columns() { Self::tall(data, stop) } else { Self::wide(data, stop) }
    }

    /// The number of unknowns of the small problem.
    pub(super) fn n_unknowns(&self) -> usize {
        self.scales.len()
    }

    /// Takes a solution of the small problem to coefficients.
    pub(super) fn coefficients(&self, solution: Vec<f64>) -> Vec<f64> {
        match &self.rotation {
            Some(rotation) => rotation.apply(&solution),
            None => solution,
        }
    }

    fn tall(data: &Centred, stop: Stop) -> Result<Self, FitError> {
        let n_columns = data.n_columns();
        let width = n_columns + 1;
        let n_rows = data.n_rows();
        let chunks = Chunks::new(n_rows, width * width, width * width)
            .of_at_least(MIN_CHUNK_RATIO * width)
            .map(stop, |rows| triangle(data, rows, stop))?;
        let mut chunks = chunks.into_iter();
        let mut total = chunks.next().unwrap_or_else(|| Columns::zeros(width, width));
        for part in chunks {
            total = stack(&total, &part, width);
            triangularize(&mut total, width, stop)?;
            total = upper(&total, width);
        }
        let mut problem = Columns::zeros(n_columns.max(1), width);
        for column in 0..width {
            let n_kept = n_columns.min(column + 1);
            problem.column_mut(column)[..n_kept].copy_from_slice(&total.column(column)[..n_kept]);
        }
        let residual = total.column(n_columns)[n_columns].powi(2);
        let scales = scales(data, &problem);
        Ok(Self { problem, scales, residual, rotation: None })
    }

    fn wide(data: &Centred, stop: Stop) -> Result<Self, FitError> {
        let (n_rows, n_columns) = (data.n_rows(), data.n_columns());
        let mut transposed = Columns::zeros(n_columns, n_rows);
        let mut squared_norms = vec![0.0; n_columns];
        for row in 0..n_rows {
            let target = transposed.column_mut(row);
            fill_row(data, row, target);
            for (sum, value) in squared_norms.iter_mut().zip(target) {
                *sum += *value * *value;
            }
        }
        for (column, squared_norm) in squared_norms.iter().enumerate() {
            if data.is_negligible(column, *squared_norm) {
                for row in 0..n_rows {
                    transposed.column_mut(row)[column] = 0.0;
                }
            }
        }
        let rotation = Reflectors::new(transposed, stop)?;
        let mut problem = Columns::zeros(n_rows, n_rows + 1);
        for column in 0..n_rows {
            for row in column..n_rows {
                problem.column_mut(column)[row] = rotation.r(column, row);
            }
        }
        for (row, value) in problem.column_mut(n_rows).iter_mut().enumerate() {
            *value = data.weight(row).sqrt() * data.target(row);
        }
        Ok(Self { problem, scales: vec![1.0; n_rows], residual: 0.0, rotation: Some(rotation) })
    }

    /// The sum of squared residuals of a solution of the small problem.
    pub(super) fn residual_of(&self, solution: &[f64]) -> f64 {
        let n = self.n_unknowns();
        let mut rest = self.problem.column(n).to_vec();
        for (column, value) in solution.iter().enumerate() {
            add_scaled(&mut rest, -value, self.problem.column(column));
        }
        self.residual + dot(&rest, &rest)
    }
}

/// Writes a centred row times the root of its weight.
fn fill_row(data: &Centred, row: usize, target: &mut [f64]) {
    let root = data.weight(row).sqrt();
    for ((value, feature), mean) in target.iter_mut().zip(data.row(row)).zip(&data.means) {
        *value = root * (feature - mean);
    }
}

/// The triangle of a range of rows.
fn triangle(data: &Centred, rows: Range<usize>, stop: Stop) -> Result<Columns, FitError> {
    let n_columns = data.n_columns();
    let width = n_columns + 1;
    let block_rows = (BLOCK_NUMBERS / width).max(4 * width);
    let mut features = vec![0.0; n_columns];
    let mut total = Columns::zeros(width, width);
    let mut start = rows.start;
    while start < rows.end {
        let n_block = block_rows.min(rows.end - start);
        let mut work = Columns::zeros(width + n_block, width);
        for column in 0..width {
            work.column_mut(column)[..width].copy_from_slice(total.column(column));
        }
        for row in 0..n_block {
            fill_row(data, start + row, &mut features);
            for (column, value) in features.iter().enumerate() {
                work.column_mut(column)[width + row] = *value;
            }
            let target = data.weight(start + row).sqrt() * data.target(start + row);
            work.column_mut(n_columns)[width + row] = target;
        }
        triangularize(&mut work, width, stop)?;
        total = upper(&work, width);
        start += n_block;
    }
    Ok(total)
}

/// One square matrix on top of the other.
fn stack(above: &Columns, below: &Columns, width: usize) -> Columns {
    let mut both = Columns::zeros(2 * width, width);
    for column in 0..width {
        let target = both.column_mut(column);
        target[..width].copy_from_slice(above.column(column));
        target[width..].copy_from_slice(below.column(column));
    }
    both
}

/// The square upper triangle at the top.
fn upper(columns: &Columns, width: usize) -> Columns {
    let mut triangle = Columns::zeros(width, width);
    for column in 0..width {
        triangle.column_mut(column)[..=column].copy_from_slice(&columns.column(column)[..=column]);
    }
    triangle
}

/// The lengths of the centred columns, which are those of the triangle's.
fn scales(data: &Centred, problem: &Columns) -> Vec<f64> {
    (0..data.n_columns())
        .map(|column| {
            let squared = dot(problem.column(column), problem.column(column));
            if data.is_negligible(column, squared) { 0.0 } else { squared.sqrt() }
        })
        .collect()
}
