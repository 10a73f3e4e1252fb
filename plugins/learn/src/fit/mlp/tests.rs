//! Tests of whole fits, on data that formulas give.

mod edge_cases;
mod golden;
mod properties;

use ndarray::{Array2, s};

use sluicegate_model::{Activation, Layer, Mlp};

use super::*;

/// Data of a test, owned.
struct Data {
    features: Array2<f64>,
    classes: Vec<usize>,
    values: Vec<f64>,
    n_classes: usize,
    weights: Option<Vec<f64>>,
}

impl Data {
    /// With classes where `n_classes` is not zero, else with values.
    fn new(n_rows: usize, n_features: usize, n_classes: usize) -> Self {
        let feature = |(i, j): (usize, usize)| {
            let (i, j) = (i as f64, j as f64);
            (1.3 * i + 0.7 * j * j + 0.1 * i * j).sin()
        };
        Self {
            features: Array2::from_shape_fn((n_rows, n_features), feature),
            classes: (0..n_rows).map(|i| (i * i + i / 3) % n_classes.max(1)).collect(),
            values: (0..n_rows).map(|i| (0.9 * i as f64).cos() + 0.2 * (2.1 * i as f64).sin()).collect(),
            n_classes,
            weights: None,
        }
    }

    fn weighted(mut self) -> Self {
        self.weights = Some((0..self.values.len()).map(|i| 0.5 + (i % 4) as f64).collect());
        self
    }

    fn rows(&self) -> Rows<'_> {
        self.rows_between(0, self.values.len())
    }

    fn rows_between(&self, start: usize, end: usize) -> Rows<'_> {
        let targets = if self.n_classes == 0 {
            Targets::Values(&self.values[start..end])
        } else {
            Targets::Classes { classes: &self.classes[start..end], n_classes: self.n_classes }
        };
        let weights = self.weights.as_ref().map(|weights| &weights[start..end]);
        Rows { features: self.features.slice(s![start..end, ..]), targets, weights }
    }

    fn training(&self) -> Training<'_> {
        Training { rows: self.rows(), validation: Validation::None }
    }
}

/// Starting weights of layers with the given sizes.
fn start(sizes: &[usize]) -> Vec<Layer> {
    let mut values = (0..).map(|k| 0.5 * (1.7 * f64::from(k) + 0.3).sin());
    let mut take = |n: usize| values.by_ref().take(n).collect::<Vec<_>>();
    let layers = sizes.windows(2).map(|pair| Layer {
        n_inputs: pair[0],
        n_outputs: pair[1],
        weights: take(pair[0] * pair[1]),
        biases: take(pair[1]),
    });
    layers.collect()
}

/// Never stops.
fn never() -> bool {
    false
}
