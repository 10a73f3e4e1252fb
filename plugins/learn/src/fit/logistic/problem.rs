//! What is minimised.

use ndarray::{ArrayView2, CowArray, Ix2};

use super::fit::LogisticOptions;
use crate::fit::algebra::{FitError, add_scaled, kkt_violation};

/// The rows that logistic regression is fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Classification<'a> {
    /// Features, a row for each element of `y`; a row-major matrix is not copied.
    pub(crate) x: ArrayView2<'a, f64>,
    /// Classes below `n_classes`.
    pub(crate) y: &'a [usize],
    /// The number of classes, two or more.
    pub(crate) n_classes: usize,
    /// Weights of the rows, not negative; `None` for equal ones.
    pub(crate) weights: Option<&'a [f64]>,
}

/// Data and penalties, on the scale of the mean loss.
///
/// Coefficients are one slice: for each output those of the features, then its intercept.
pub(super) struct Problem<'a> {
    x: CowArray<'a, f64, Ix2>,
    /// The class of each row.
    pub(super) y: &'a [usize],
    weights: Option<&'a [f64]>,
    /// One for two classes, else the number of classes.
    pub(super) n_outputs: usize,
    /// The number of columns.
    pub(super) n_features: usize,
    /// The sum of the weights.
    pub(super) total_weight: f64,
    /// Whether there are intercepts; if not, they stay zero.
    pub(super) fit_intercept: bool,
    /// Strength of `‖b‖₁`.
    pub(super) l1: f64,
    /// Strength of `½‖b‖²`.
    pub(super) l2: f64,
}

impl<'a> Problem<'a> {
    /// Checks the classes and scales the penalties.
    pub(super) fn new(data: &Classification<'a>, options: &LogisticOptions) -> Result<Self, FitError> {
        let x = if data.x.is_standard_layout() {
            CowArray::from(data.x)
        } else {
            CowArray::from(data.x.as_standard_layout().into_owned())
        };
        let mut problem = Self {
            x,
            y: data.y,
            weights: data.weights,
            n_outputs: if data.n_classes == 2 { 1 } else { data.n_classes },
            n_features: data.x.ncols(),
            total_weight: 0.0,
            fit_intercept: options.fit_intercept,
            l1: 0.0,
            l2: 0.0,
        };
        problem.weigh()?;
        let strength = 1.0 / (options.c * problem.total_weight);
        problem.l1 = strength * options.l1_ratio;
        problem.l2 = strength * (1.0 - options.l1_ratio);
        Ok(problem)
    }

    /// The same model and penalties on other rows.
    pub(super) fn with_rows<'b>(
        &self,
        x: &'b [f64],
        y: &'b [usize],
        weights: Option<&'b [f64]>,
    ) -> Result<Problem<'b>, FitError> {
        let x = ArrayView2::from_shape((y.len(), self.n_features), x).expect("whole rows");
        let mut problem = Problem { x: CowArray::from(x), y, weights, ..*self };
        problem.weigh()?;
        Ok(problem)
    }

    /// Sums the weights, and refuses rows of fewer than two classes.
    fn weigh(&mut self) -> Result<(), FitError> {
        self.total_weight = (0..self.n_rows()).map(|row| self.weight(row)).sum();
        let mut rows = (0..self.n_rows()).filter(|row| self.weight(*row) > 0.0);
        let first = self.y[rows.next().ok_or(FitError::NoRows)?];
        if rows.all(|row| self.y[row] == first) { Err(FitError::OneClass) } else { Ok(()) }
    }

    /// Coefficients of zero, with intercepts from the frequencies of the classes.
    pub(super) fn frequencies(&self) -> Vec<f64> {
        let mut coefficients = vec![0.0; self.n_coefficients()];
        if !self.fit_intercept {
            return coefficients;
        }
        // Classes without rows keep a finite intercept.
        let mut sums = vec![1e-3 * self.total_weight; self.n_outputs.max(2)];
        for (row, class) in self.y.iter().enumerate() {
            sums[*class] += self.weight(row);
        }
        if self.n_outputs == 1 {
            coefficients[self.n_features] = (sums[1] / sums[0]).ln();
        } else {
            for (output, sum) in coefficients.chunks_exact_mut(self.n_features + 1).zip(&sums) {
                output[self.n_features] = sum.ln();
            }
            self.center_intercepts(&mut coefficients);
        }
        coefficients
    }

    /// Makes the intercepts of several outputs add up to zero, which changes no probability.
    pub(super) fn center_intercepts(&self, coefficients: &mut [f64]) {
        if self.n_outputs > 1 {
            let outputs = coefficients.chunks_exact(self.width());
            let mean = outputs.map(|output| output[self.n_features]).sum::<f64>() / self.n_outputs as f64;
            for output in coefficients.chunks_exact_mut(self.width()) {
                output[self.n_features] -= mean;
            }
        }
    }

    /// Whether rows have weights of their own.
    pub(super) fn has_weights(&self) -> bool {
        self.weights.is_some()
    }

    /// The number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.y.len()
    }

    /// Coefficients of one output, the intercept included.
    pub(super) fn width(&self) -> usize {
        self.n_features + 1
    }

    /// Coefficients of all outputs, the intercepts included.
    pub(super) fn n_coefficients(&self) -> usize {
        self.n_outputs * self.width()
    }

    /// Whether coefficients are penalised at all.
    pub(super) fn is_penalized(&self) -> bool {
        self.l1 > 0.0 || self.l2 > 0.0
    }

    /// The weight of a row.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The features of a range of rows, one after the other.
    pub(super) fn features(&self, rows: std::ops::Range<usize>) -> &[f64] {
        let values = self.x.as_slice().expect("the matrix has the standard layout");
        &values[rows.start * self.n_features..rows.end * self.n_features]
    }

    /// Adds the L2 penalty to a loss and its gradient, and fixes intercepts that are not wanted at zero.
    pub(super) fn add_penalty(&self, coefficients: &[f64], loss: &mut f64, gradient: &mut [f64]) {
        let outputs = coefficients.chunks_exact(self.width()).zip(gradient.chunks_exact_mut(self.width()));
        for (output, gradient) in outputs {
            let features = &output[..self.n_features];
            *loss += 0.5 * self.l2 * features.iter().map(|value| value * value).sum::<f64>();
            add_scaled(gradient, self.l2, features);
            if !self.fit_intercept {
                gradient[self.n_features] = 0.0;
            }
        }
    }

    /// `l1·‖b‖₁`.
    pub(super) fn l1_penalty(&self, coefficients: &[f64]) -> f64 {
        let outputs = coefficients.chunks_exact(self.width());
        self.l1 * outputs.flat_map(|output| &output[..self.n_features]).map(|value| value.abs()).sum::<f64>()
    }

    /// The greatest violation of the optimality conditions, by which the solvers stop.
    ///
    /// Without an L1 penalty this is the greatest absolute value of the gradient.
    pub(super) fn violation(&self, coefficients: &[f64], gradient: &[f64]) -> f64 {
        (0..coefficients.len()).fold(0.0, |greatest: f64, at| {
            greatest.max(kkt_violation(coefficients[at], gradient[at], self.l1_of(at)))
        })
    }

    /// The L1 penalty of one coefficient.
    pub(super) fn l1_of(&self, at: usize) -> f64 {
        if at % self.width() == self.n_features { 0.0 } else { self.l1 }
    }
}
