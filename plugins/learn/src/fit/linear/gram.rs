//! Gram matrices of centred, weighted columns.

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::centred::Centred;
use crate::fit::algebra::{Chunks, FitError, Stop, add_cross_product, add_scaled, mirror_upper, row_block};

/// Returns `Σ w·x·xᵀ` of the centred columns of some features, row-major.
pub(super) fn gram(data: &Centred, features: &[usize], stop: Stop) -> Result<Vec<f64>, FitError> {
    let n = features.len();
    let means: Vec<f64> = features.iter().map(|at| data.means[*at]).collect();
    let block_rows = row_block(n);
    let parts = Chunks::new(data.n_rows(), n * n, n * n).map(stop, |rows| {
        let mut sum = vec![0.0; n * n];
        let mut block = vec![0.0; block_rows * n];
        let mut start = rows.start;
        while start < rows.end {
            FitError::check(stop)?;
            let end = (start + block_rows).min(rows.end);
            for (target, row) in block.chunks_exact_mut(n).zip(start..end) {
                let (root, values) = (data.weight(row).sqrt(), data.row(row));
                for ((value, feature), mean) in target.iter_mut().zip(features).zip(&means) {
                    *value = root * (values[*feature] - mean);
                }
            }
            let view = ArrayView2::from_shape((block_rows, n), &block).expect("the block has this shape");
            let view = view.slice(s![..end - start, ..]);
            let mut target = ArrayViewMut2::from_shape((n, n), &mut sum).expect("the sum is square");
            add_cross_product(&mut target, view, view);
            start = end;
        }
        Ok(sum)
    })?;
    let mut total = vec![0.0; n * n];
    for part in parts {
        add_scaled(&mut total, 1.0, &part);
    }
    mirror_upper(&mut total, n);
    Ok(total)
}

/// Zeroes the row and the column of a feature.
pub(super) fn restrict(matrix: &mut [f64], n: usize, feature: usize) {
    matrix[feature * n..(feature + 1) * n].fill(0.0);
    for row in matrix.chunks_exact_mut(n) {
        row[feature] = 0.0;
    }
}
