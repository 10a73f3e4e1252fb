//! Loss, gradient and Hessian in one pass over the rows, block by block.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};

use super::{
    hessian::{HessianSum, Pairs},
    problem::Problem,
    softmax,
};
use crate::fit::algebra::{Chunks, FitError, Stop, add_scaled, dot, row_block};

/// Which second derivatives a pass computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Curvature<'a> {
    /// None.
    Skip,
    /// Those of all features.
    All,
    /// Those of some features, of which all outputs and the intercepts are taken.
    Of(&'a [usize]),
}

/// The mean loss at a point, with the L2 penalty but without the L1 penalty.
pub(super) struct Evaluation {
    /// The mean loss plus the L2 penalty.
    pub(super) loss: f64,
    /// The gradient of `loss`.
    pub(super) gradient: Vec<f64>,
    /// Of the loss alone, without the penalty.
    pub(super) curvature: Option<Pairs>,
    /// Whether every row with a weight lies strictly on its class's side.
    pub(super) separated: bool,
}

impl Evaluation {
    /// Evaluates a problem at some coefficients.
    pub(super) fn new(
        problem: &Problem,
        coefficients: &[f64],
        curvature: Curvature,
        stop: Stop,
    ) -> Result<Self, FitError> {
        let n_pair_numbers = HessianSum::len(problem, curvature);
        let row_work = problem.n_coefficients() + n_pair_numbers;
        let parts = Chunks::new(problem.n_rows(), row_work, row_work).map(stop, |rows| {
            let mut pass = Pass::new(problem, coefficients, curvature);
            let n_block = pass.block_rows;
            let mut start = rows.start;
            while start < rows.end {
                FitError::check(stop)?;
                let end = (start + n_block).min(rows.end);
                pass.add(start..end);
                start = end;
            }
            Ok(pass.sum)
        })?;
        let mut parts = parts.into_iter();
        let mut total = parts.next().unwrap_or_else(|| Sum::new(problem, curvature));
        for part in parts {
            total.merge(&part);
        }
        Ok(total.finish(problem, coefficients))
    }
}

/// Sums over some rows.
struct Sum {
    loss: f64,
    separated: bool,
    gradient: Vec<f64>,
    hessian: Option<HessianSum>,
}

impl Sum {
    fn new(problem: &Problem, curvature: Curvature) -> Self {
        Self {
            loss: 0.0,
            separated: true,
            gradient: vec![0.0; problem.n_coefficients()],
            hessian: HessianSum::new(problem, curvature),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.loss += other.loss;
        self.separated &= other.separated;
        add_scaled(&mut self.gradient, 1.0, &other.gradient);
        if let (Some(hessian), Some(other)) = (&mut self.hessian, &other.hessian) {
            hessian.merge(other);
        }
    }

    fn finish(mut self, problem: &Problem, coefficients: &[f64]) -> Evaluation {
        let scale = 1.0 / problem.total_weight;
        self.loss *= scale;
        for value in &mut self.gradient {
            *value *= scale;
        }
        problem.add_penalty(coefficients, &mut self.loss, &mut self.gradient);
        Evaluation {
            loss: self.loss,
            gradient: self.gradient,
            curvature: self.hessian.map(|hessian| hessian.finish(scale)),
            separated: self.separated,
        }
    }
}

/// One thread's pass over a chunk of rows, with its buffers.
struct Pass<'a, 'b> {
    problem: &'a Problem<'b>,
    coefficients: &'a [f64],
    block_rows: usize,
    /// A number for each row and output: linear predictors, then residuals.
    predictors: Vec<f64>,
    /// A number for each row and output: probabilities, or the second derivative of the loss of two
    /// classes.
    probabilities: Vec<f64>,
    sum: Sum,
}

impl<'a, 'b> Pass<'a, 'b> {
    fn new(problem: &'a Problem<'b>, coefficients: &'a [f64], curvature: Curvature) -> Self {
        let block_rows = row_block(problem.n_features);
        let len = block_rows * problem.n_outputs;
        Self {
            problem,
            coefficients,
            block_rows,
            predictors: vec![0.0; len],
            probabilities: vec![0.0; len],
            sum: Sum::new(problem, curvature),
        }
    }

    fn add(&mut self, rows: std::ops::Range<usize>) {
        let problem = self.problem;
        let n_rows = rows.len();
        let features = problem.features(rows.clone());
        let classes = &problem.y[rows.clone()];
        let weight = |at: usize| problem.weight(rows.start + at);
        let len = n_rows * problem.n_outputs;
        let block = if problem.n_outputs == 1 {
            self.predict_binary(features);
            softmax::binary(&mut self.predictors[..len], classes, weight, &mut self.probabilities[..len])
        } else {
            self.predict_multinomial(features, n_rows);
            let (predictors, probabilities) = (&mut self.predictors[..len], &mut self.probabilities[..len]);
            softmax::multinomial(predictors, problem.n_outputs, classes, weight, probabilities)
        };
        self.sum.loss += block.loss;
        self.sum.separated &= block.separated;
        if problem.n_outputs == 1 {
            self.add_gradient_binary(features, n_rows);
        } else {
            self.add_gradient_multinomial(features, n_rows);
        }
        if let Some(hessian) = &mut self.sum.hessian {
            hessian.add(features, &self.probabilities[..len], weight);
        }
    }

    fn predict_binary(&mut self, features: &[f64]) {
        let n_features = self.problem.n_features;
        let (coefficients, intercept) = self.coefficients.split_at(n_features);
        self.predictors.fill(intercept[0]);
        if n_features > 0 {
            for (row, predictor) in features.chunks_exact(n_features).zip(&mut self.predictors) {
                *predictor += dot(row, coefficients);
            }
        }
    }

    fn predict_multinomial(&mut self, features: &[f64], n_rows: usize) {
        let (n_features, n_outputs, width) =
            (self.problem.n_features, self.problem.n_outputs, self.problem.width());
        let features = ArrayView2::from_shape((n_rows, n_features), features).expect("whole rows");
        let coefficients =
            ArrayView2::from_shape((n_outputs, width), self.coefficients).expect("a row for each output");
        let predictors = &mut self.predictors[..n_rows * n_outputs];
        let mut predictors =
            ArrayViewMut2::from_shape((n_rows, n_outputs), predictors).expect("a row for each row");
        predictors.assign(&coefficients.column(n_features));
        general_mat_mul(1.0, &features, &coefficients.slice(s![.., ..n_features]).t(), 1.0, &mut predictors);
    }

    fn add_gradient_binary(&mut self, features: &[f64], n_rows: usize) {
        let n_features = self.problem.n_features;
        let (gradient, intercept) = self.sum.gradient.split_at_mut(n_features);
        for (at, residual) in self.predictors[..n_rows].iter().enumerate() {
            add_scaled(gradient, *residual, &features[at * n_features..(at + 1) * n_features]);
            intercept[0] += residual;
        }
    }

    fn add_gradient_multinomial(&mut self, features: &[f64], n_rows: usize) {
        let (n_features, n_outputs, width) =
            (self.problem.n_features, self.problem.n_outputs, self.problem.width());
        let features = ArrayView2::from_shape((n_rows, n_features), features).expect("whole rows");
        let residuals = &self.predictors[..n_rows * n_outputs];
        let residuals = ArrayView2::from_shape((n_rows, n_outputs), residuals).expect("a row for each row");
        let mut gradient = ArrayViewMut2::from_shape((n_outputs, width), &mut self.sum.gradient)
            .expect("a row for each output");
        let mut target = gradient.slice_mut(s![.., ..n_features]);
        general_mat_mul(1.0, &residuals.t(), &features, 1.0, &mut target);
        for row in residuals.outer_iter() {
            let mut intercepts = gradient.column_mut(n_features);
            intercepts += &row;
        }
    }
}
