//! Lasso and elastic net: `1/(2n)·Σ w·r² + α·ρ·‖b‖₁ + ½·α·(1 − ρ)·‖b‖²`, with `n` the sum of the weights.
//!
//! Coordinate descent on the Gram matrix of a working set of features: all of them unless there are
//! thousands. Between descents the duality gap is taken from the rows themselves (Kim, Koh, Lustig, Boyd
//! and Gorinevsky, 2007; for the elastic net as in scikit-learn), so that rounding in the Gram matrix
//! cannot hide an error.

use super::{
    centred::{Centred, Regression, Residuals},
    fit::{Descent, LinearFit, r_squared},
    gram::{gram, restrict},
    least_squares::{least_squares, ridge},
};
use crate::fit::algebra::{FitError, PenalizedQuadratic, Stop, dot, kkt_violation, max_abs, next_features};

/// Features of a working set at the most.
const MAX_WORKING_SET: usize = 2000;
/// How much closer to the optimum of the working set a descent goes than the violation it starts with.
const DESCENT_FACTOR: f64 = 1e-3;

/// Descents in a row that do not lower the gap, before the search ends.
const MAX_IDLE: usize = 10;

/// How lasso and elastic net are fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElasticNetOptions {
    /// Strength of the penalty.
    pub(crate) alpha: f64,
    /// Share of the L1 penalty: one for lasso.
    pub(crate) l1_ratio: f64,
    /// The duality gap to reach, in units of `Σ w·(y − ȳ)²`.
    pub(crate) tol: f64,
    /// Sweeps over the coordinates at the most.
    pub(crate) max_iter: usize,
    /// Whether there is an intercept.
    pub(crate) fit_intercept: bool,
}

/// Fits lasso or elastic net; without an L1 penalty, ridge or least squares directly.
pub(crate) fn elastic_net(
    data: &Regression,
    options: &ElasticNetOptions,
    stop: Stop,
) -> Result<LinearFit, FitError> {
    if options.alpha <= 0.0 {
        return least_squares(data, options.fit_intercept, stop);
    }
    let centred = Centred::new(data, options.fit_intercept, stop)?;
    if options.l1_ratio <= 0.0 {
        return ridge(data, options.alpha * centred.total_weight, options.fit_intercept, stop);
    }
    let mut search = Search::new(&centred, options);
    let mut residuals = centred.residuals(&search.coefficients, stop)?;
    let tolerance = options.tol * centred.target_norm / centred.total_weight;
    let mut n_iter = 0;
    let mut gap = search.gap(&residuals);
    let (mut least_gap, mut n_idle) = (gap, 0);
    // Once rounding is all that is left, more descents do not help.
    while gap > tolerance && n_iter < options.max_iter && n_idle < MAX_IDLE {
        let n_sweeps = search.descend(&residuals, options.max_iter - n_iter, stop)?;
        n_iter += n_sweeps;
        residuals = centred.residuals(&search.coefficients, stop)?;
        gap = search.gap(&residuals);
        n_idle = if n_sweeps == 0 {
            MAX_IDLE
        } else if gap < 0.9 * least_gap {
            0
        } else {
            n_idle + 1
        };
        least_gap = gap.min(least_gap);
    }
    let coefficients = search.coefficients;
    LinearFit {
        intercept: centred.intercept(&coefficients),
        coefficients,
        r_squared: r_squared(residuals.squared, centred.target_norm),
        rank: None,
        condition: None,
        standard_errors: None,
        descent: Some(Descent { n_iter, converged: gap <= tolerance, gap, tolerance }),
    }
    .checked()
}

/// The state of the search for the optimum, with penalties on the scale of the mean.
struct Search<'a, 'b> {
    data: &'a Centred<'b>,
    l1: f64,
    l2: f64,
    coefficients: Vec<f64>,
    /// Columns that are constant, which keep a coefficient of zero.
    constant: Vec<bool>,
    /// The last working set and the Gram matrix that goes with it.
    working_set: Vec<usize>,
    hessian: Vec<f64>,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(data: &'a Centred<'b>, options: &ElasticNetOptions) -> Self {
        let n_columns = data.n_columns();
        Self {
            data,
            l1: options.alpha * options.l1_ratio,
            l2: options.alpha * (1.0 - options.l1_ratio),
            coefficients: vec![0.0; n_columns],
            constant: vec![false; n_columns],
            working_set: Vec::new(),
            hessian: Vec::new(),
        }
    }

    /// The gradient of the smooth part at a feature.
    fn gradient(&self, residuals: &Residuals, feature: usize) -> f64 {
        self.l2 * self.coefficients[feature] - residuals.correlations[feature] / self.data.total_weight
    }

    /// Minimises over the next working set; returns the number of sweeps, zero if nothing is left to
    /// improve.
    fn descend(&mut self, residuals: &Residuals, max_sweeps: usize, stop: Stop) -> Result<usize, FitError> {
        let violations: Vec<f64> = (0..self.coefficients.len())
            .map(|at| {
                if self.constant[at] {
                    0.0
                } else {
                    kkt_violation(self.coefficients[at], self.gradient(residuals, at), self.l1)
                }
            })
            .collect();
        let greatest = max_abs(&violations);
        let features = next_features(&violations, &self.coefficients, MAX_WORKING_SET);
        if features.is_empty() || greatest == 0.0 {
            return Ok(0);
        }
        self.prepare(features, stop)?;
        let mut values: Vec<f64> = self.working_set.iter().map(|at| self.coefficients[*at]).collect();
        let mut linear = PenalizedQuadratic::product(&self.hessian, &values);
        for (value, at) in linear.iter_mut().zip(&self.working_set) {
            *value -= self.gradient(residuals, *at);
        }
        let l1 = vec![self.l1; values.len()];
        let problem = PenalizedQuadratic { hessian: &self.hessian, linear: &linear, l1: &l1 };
        let sweeps = problem.minimize(&mut values, DESCENT_FACTOR * greatest, max_sweeps, stop)?;
        for (value, at) in values.iter().zip(&self.working_set) {
            self.coefficients[*at] = *value;
        }
        Ok(sweeps.n_sweeps)
    }

    /// Takes over a working set with its Gram matrix.
    fn prepare(&mut self, features: Vec<usize>, stop: Stop) -> Result<(), FitError> {
        if features == self.working_set {
            return Ok(());
        }
        let n = features.len();
        let is_subset = features.iter().all(|at| self.working_set.binary_search(at).is_ok());
        if is_subset {
            return Ok(());
        }
        self.hessian = gram(self.data, &features, stop)?;
        for (at, feature) in features.iter().enumerate() {
            if self.data.is_negligible(*feature, self.hessian[at * n + at]) {
                self.constant[*feature] = true;
                // A curvature of zero keeps coordinate descent away.
                restrict(&mut self.hessian, n, at);
            } else {
                for value in &mut self.hessian[at * n..(at + 1) * n] {
                    *value /= self.data.total_weight;
                }
                self.hessian[at * n + at] += self.l2;
            }
        }
        self.working_set = features;
        Ok(())
    }

    /// The duality gap over the sum of the weights.
    fn gap(&self, residuals: &Residuals) -> f64 {
        let total = self.data.total_weight;
        let (alpha, beta) = (self.l1 * total, self.l2 * total);
        let w = &self.coefficients;
        let dual_norm = (0..w.len())
            .filter(|at| !self.constant[*at])
            .fold(0.0, |greatest: f64, at| greatest.max((residuals.correlations[at] - beta * w[at]).abs()));
        let scale = if dual_norm > alpha { alpha / dual_norm } else { 1.0 };
        let l1_norm: f64 = w.iter().map(|value| value.abs()).sum();
        // rᵀy = r² + rᵀXw.
        let residual_target = residuals.squared + dot(&residuals.correlations, w);
        let penalized = residuals.squared + beta * dot(w, w);
        let gap = 0.5 * (1.0 + scale * scale) * penalized + alpha * l1_norm - scale * residual_target;
        gap / total
    }
}
