//! Sums of outer products `Σ aᵢ·bᵢᵀ` over blocks of rows.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};

/// Columns of a panel: only panels on and above the diagonal are computed.
const PANEL: usize = 64;

/// Adds `aᵀ·b` to the upper triangle of a square matrix; what lies below the diagonal is left undefined.
///
/// `a` and `b` hold as many rows as columns `target` has; the result must be symmetric, as it is when `b`
/// is `a` with its rows scaled.
pub(crate) fn add_cross_product(target: &mut ArrayViewMut2<f64>, a: ArrayView2<f64>, b: ArrayView2<f64>) {
    let n = target.nrows();
    let mut start = 0;
    while start < n {
        let end = if n - start < PANEL + PANEL / 2 { n } else { start + PANEL };
        let mut panel = target.slice_mut(s![start..end, start..]);
        general_mat_mul(1.0, &a.slice(s![.., start..end]).t(), &b.slice(s![.., start..]), 1.0, &mut panel);
        start = end;
    }
}

/// Copies the upper triangle of a row-major matrix to the lower one.
pub(crate) fn mirror_upper(matrix: &mut [f64], n: usize) {
    for row in 1..n {
        for column in 0..row {
            matrix[row * n + column] = matrix[column * n + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_upper_triangle_equals_the_whole_product_at_every_width() {
        for n in [1, 5, 64, 95, 96, 130, 200] {
            let a = Array2::from_shape_fn((7, n), |(row, column)| ((row * 31 + column * 17) % 13) as f64);
            let mut target = Array2::zeros((n, n));
            add_cross_product(&mut target.view_mut(), a.view(), a.view());
            let mut found = target.into_raw_vec_and_offset().0;
            mirror_upper(&mut found, n);
            assert_eq!(Array2::from_shape_vec((n, n), found).unwrap(), a.t().dot(&a));
        }
    }
}
