//! Projections and scores beside scikit-learn's, and at the edge of what they define.

mod edges;
mod golden;

use super::{pca, svd};

/// Weighted sums of columns, as a bundle makes them.
fn project(columns: &[&[f64]], mean: &[f64], components: &[Vec<f64>], scale: &[f64]) -> Vec<Vec<f64>> {
    let one = |(at, weights): (usize, &Vec<f64>)| {
        let value = |row: usize| {
            let parts = columns.iter().zip(weights).enumerate();
            let sum: f64 =
                parts.map(|(column, (values, weight))| (values[row] - mean[column]) * weight).sum();
            sum / scale[at]
        };
        (0..columns[0].len()).map(value).collect()
    };
    components.iter().enumerate().map(one).collect()
}

impl pca::Fitted {
    fn apply(&self, columns: &[&[f64]]) -> Vec<Vec<f64>> {
        let scale = if self.whiten { self.deviations() } else { vec![1.0; self.components.len()] };
        project(columns, &self.mean, &self.components, &scale)
    }
}

impl svd::Fitted {
    fn apply(&self, columns: &[&[f64]]) -> Vec<Vec<f64>> {
        project(columns, &vec![0.0; columns.len()], &self.components, &vec![1.0; self.components.len()])
    }
}
