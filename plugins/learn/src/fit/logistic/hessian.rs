//! Second derivatives: a block for each pair of outputs, `Σ w·pₐ·(δₐᵦ − pᵦ)·x·xᵀ`.

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::{evaluation::Curvature, problem::Problem};
use crate::fit::algebra::{add_cross_product, add_scaled, row_block};

/// The blocks of the pairs of outputs `a ≤ b`, each symmetric, of which the upper triangle counts.
pub(super) struct Pairs {
    blocks: Vec<f64>,
    n_outputs: usize,
    /// Features and the intercept.
    width: usize,
}

/// The sum over some rows, with buffers.
pub(super) struct HessianSum {
    pairs: Pairs,
    n_all_features: usize,
    features: Option<Vec<usize>>,
    gathered: Vec<f64>,
    scaled: Vec<f64>,
    factors: Vec<f64>,
}

impl HessianSum {
    /// The numbers of a sum.
    pub(super) fn len(problem: &Problem, curvature: Curvature) -> usize {
        let width = match curvature {
            Curvature::Skip => return 0,
            Curvature::All => problem.width(),
            Curvature::Of(features) => features.len() + 1,
        };
        n_pairs(problem.n_outputs) * width * width
    }

    /// Starts a sum of nothing; `None` if no second derivatives are wanted.
    pub(super) fn new(problem: &Problem, curvature: Curvature) -> Option<Self> {
        let features = match curvature {
            Curvature::Skip => return None,
            Curvature::All => None,
            Curvature::Of(features) => Some(features.to_vec()),
        };
        let n_features = features.as_ref().map_or(problem.n_features, Vec::len);
        let n_block = row_block(problem.n_features);
        Some(Self {
            pairs: Pairs {
                blocks: vec![0.0; Self::len(problem, curvature)],
                n_outputs: problem.n_outputs,
                width: n_features + 1,
            },
            n_all_features: problem.n_features,
            gathered: if features.is_some() { vec![0.0; n_block * n_features] } else { Vec::new() },
            scaled: vec![0.0; n_block * n_features],
            factors: vec![0.0; n_block],
            features,
        })
    }

    /// Adds a block of rows; `probabilities` are second derivatives for two classes.
    pub(super) fn add(&mut self, features: &[f64], probabilities: &[f64], weight: impl Fn(usize) -> f64) {
        let n_outputs = self.pairs.n_outputs;
        let n_rows = probabilities.len() / n_outputs;
        if let Some(chosen) = &self.features {
            let targets = self.gathered.chunks_exact_mut(chosen.len().max(1));
            for (target, row) in targets.zip(features.chunks_exact(self.n_all_features.max(1))) {
                for (value, at) in target.iter_mut().zip(chosen) {
                    *value = row[*at];
                }
            }
        }
        for a in 0..n_outputs {
            for b in a..n_outputs {
                for (at, factor) in self.factors[..n_rows].iter_mut().enumerate() {
                    *factor = if n_outputs == 1 {
                        probabilities[at]
                    } else {
                        let row = &probabilities[at * n_outputs..(at + 1) * n_outputs];
                        weight(at) * row[a] * (if a == b { 1.0 - row[a] } else { -row[b] })
                    };
                }
                self.add_pair((a, b), features, n_rows);
            }
        }
    }

    fn add_pair(&mut self, pair: (usize, usize), features: &[f64], n_rows: usize) {
        let width = self.pairs.width;
        let n = width - 1;
        let rows =
            if self.features.is_some() { &self.gathered[..n_rows * n] } else { &features[..n_rows * n] };
        let start = self.pairs.start(pair);
        let target = &mut self.pairs.blocks[start..start + width * width];
        let mut target = ArrayViewMut2::from_shape((width, width), target).expect("the block is square");
        if n > 0 {
            let mut border = target.slice_mut(s![..n, n]);
            for (row, factor) in rows.chunks_exact(n).zip(&self.factors) {
                for (sum, value) in border.iter_mut().zip(row) {
                    *sum += factor * value;
                }
            }
            let scaled = &mut self.scaled[..n_rows * n];
            for ((scaled, row), factor) in
                scaled.chunks_exact_mut(n).zip(rows.chunks_exact(n)).zip(&self.factors)
            {
                for (scaled, value) in scaled.iter_mut().zip(row) {
                    *scaled = factor * value;
                }
            }
            let rows = ArrayView2::from_shape((n_rows, n), rows).expect("whole rows");
            let scaled = ArrayView2::from_shape((n_rows, n), &*scaled).expect("whole rows");
            add_cross_product(&mut target.slice_mut(s![..n, ..n]), rows, scaled);
        }
        target[[n, n]] += self.factors[..n_rows].iter().sum::<f64>();
    }

    /// Adds the sum over other rows.
    pub(super) fn merge(&mut self, other: &Self) {
        add_scaled(&mut self.pairs.blocks, 1.0, &other.pairs.blocks);
    }

    /// Scales the sum and drops the buffers.
    pub(super) fn finish(mut self, scale: f64) -> Pairs {
        for value in &mut self.pairs.blocks {
            *value *= scale;
        }
        self.pairs
    }
}

impl Pairs {
    fn start(&self, (a, b): (usize, usize)) -> usize {
        // Pairs before row a of the triangle: n + (n − 1) + … (a terms).
        let before = a * (2 * self.n_outputs + 1 - a) / 2;
        (before + b - a) * self.width * self.width
    }

    /// The whole matrix, row-major: outputs one after the other, each with its features and its intercept.
    pub(super) fn full(&self, problem: &Problem) -> FullHessian {
        let (n_outputs, width) = (self.n_outputs, self.width);
        let n = n_outputs * width;
        let mut matrix = vec![0.0; n * n];
        for a in 0..n_outputs {
            for b in a..n_outputs {
                let block = &self.blocks[self.start((a, b))..][..width * width];
                for row in 0..width {
                    for column in row..width {
                        let value = block[row * width + column];
                        for (i, j) in [(row, column), (column, row)] {
                            matrix[(a * width + i) * n + b * width + j] = value;
                            matrix[(b * width + i) * n + a * width + j] = value;
                        }
                    }
                }
            }
        }
        let mut full = FullHessian { matrix, n_outputs, width, null_strengths: vec![0.0; width] };
        full.add_penalty(problem);
        full.fix_null_space(problem);
        full
    }
}

/// A Hessian with the L2 penalty, made positive definite where the model itself leaves a direction free.
pub(super) struct FullHessian {
    /// Row-major: outputs one after the other, each with its features and its intercept.
    pub(super) matrix: Vec<f64>,
    n_outputs: usize,
    width: usize,
    /// What was added to the direction in which all outputs of a coefficient change alike.
    pub(super) null_strengths: Vec<f64>,
}

impl FullHessian {
    /// The number of rows.
    pub(super) fn n(&self) -> usize {
        self.n_outputs * self.width
    }

    fn add_penalty(&mut self, problem: &Problem) {
        let n = self.n();
        for at in 0..n {
            let is_intercept = at % self.width == self.width - 1;
            if !is_intercept {
                self.matrix[at * n + at] += problem.l2;
            } else if !problem.fit_intercept {
                for other in 0..n {
                    self.matrix[at * n + other] = 0.0;
                    self.matrix[other * n + at] = 0.0;
                }
            }
            // A column of zeros has no gradient either: its coefficient stays where it is.
            if self.matrix[at * n + at] == 0.0 {
                self.matrix[at * n + at] = 1.0;
            }
        }
    }

    /// Adds `τ/K·1·1ᵀ` to the outputs of every coefficient without a penalty of its own.
    ///
    /// The softmax does not change if all outputs change alike. Gradients have no part in that direction,
    /// so steps have none either, and the outputs keep adding up to zero.
    fn fix_null_space(&mut self, problem: &Problem) {
        let (n, n_outputs) = (self.n(), self.n_outputs);
        if n_outputs == 1 {
            return;
        }
        let first = if problem.is_penalized() { self.width - 1 } else { 0 };
        for coefficient in first..self.width {
            let at = |output: usize| output * self.width + coefficient;
            let trace: f64 = (0..n_outputs).map(|output| self.matrix[at(output) * n + at(output)]).sum();
            let strength = trace / n_outputs as f64;
            for a in 0..n_outputs {
                for b in 0..n_outputs {
                    self.matrix[at(a) * n + at(b)] += strength / n_outputs as f64;
                }
            }
            self.null_strengths[coefficient] = strength;
        }
    }
}

fn n_pairs(n_outputs: usize) -> usize {
    n_outputs * (n_outputs + 1) / 2
}
