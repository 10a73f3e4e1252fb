//! Logistic regression with an L2 penalty: `C · Σ loss + ½‖w‖²`, the intercepts not penalised, as in scikit-learn.
//!
//! linfa's L-BFGS finds the neighbourhood of the optimum, Newton's method the optimum itself. The objective is strictly convex in what
//! decides predictions, so the result does not depend on where Newton's method starts.

use linfa::{DatasetBase, traits::Fit};
use linfa_linalg::cholesky::SolveC;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, Axis, concatenate, s};
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::guarded;

/// Larger problems are left at linfa's solution: Newton's method needs the square of this many numbers.
const MAX_NEWTON: usize = 3000;

/// How logistic regression is fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogisticOptions {
    /// Inverse strength of the penalty.
    pub(crate) c: f64,
    /// Largest absolute gradient of the mean loss at the end.
    pub(crate) tol: f64,
    /// Iterations at the most.
    pub(crate) max_iter: u64,
}

/// Fits logistic regression to classes given as indices.
pub(crate) fn logistic(
    x: &Array2<f64>,
    y: &[usize],
    n_classes: usize,
    options: LogisticOptions,
) -> Result<Estimator, TaskError> {
    let n_rows = x.nrows();
    // A column of ones stands for the intercept.
    let with_ones =
        concatenate(Axis(1), &[x.view(), Array2::ones((n_rows, 1)).view()]).expect("equal numbers of rows");
    let n_outputs = if n_classes == 2 { 1 } else { n_classes };
    let problem = Problem { x: with_ones, y, n_outputs, c: options.c };
    let start =
        linfa_start(x, y, n_classes, options).unwrap_or_else(|| Array2::zeros((n_outputs, x.ncols() + 1)));
    let weights = guarded("logistic regression", || {
        if start.len() > MAX_NEWTON { Ok(start) } else { problem.newton(start, options) }
    })?;
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(TaskError::permanent("no_fit", "logistic regression did not find finite coefficients")
            .hint("standardize the features, or lower `c`"));
    }
    let n_features = x.ncols();
    Ok(Estimator::Logistic {
        coefficients: weights.outer_iter().map(|row| row.slice(s![..n_features]).to_vec()).collect(),
        intercepts: weights.column(n_features).to_vec(),
    })
}

/// linfa's solution as rows of weights with the intercept last; `None` when its line search gives up, which it does near an optimum.
fn linfa_start(
    x: &Array2<f64>,
    y: &[usize],
    n_classes: usize,
    options: LogisticOptions,
) -> Option<Array2<f64>> {
    let dataset = DatasetBase::new(x.clone(), Array1::from(y.to_vec()));
    let alpha = 1.0 / options.c;
    let tolerance = options.tol.max(1e-4);
    let solved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if n_classes == 2 {
            let params = LogisticRegression::default()
                .alpha(alpha)
                .max_iterations(options.max_iter)
                .gradient_tolerance(tolerance);
            let fitted = params.fit(&dataset).ok()?;
            let mut row = fitted.params().to_vec();
            row.push(fitted.intercept());
            // linfa chooses which class is positive; here it is the greater one.
            if fitted.labels().pos.class == 0 {
                for weight in &mut row {
                    *weight = -*weight;
                }
            }
            Array2::from_shape_vec((1, row.len()), row).ok()
        } else {
            let params = MultiLogisticRegression::default()
                .alpha(alpha)
                .max_iterations(options.max_iter)
                .gradient_tolerance(tolerance);
            let fitted = params.fit(&dataset).ok()?;
            let intercepts = fitted.intercept().view().insert_axis(Axis(0));
            Some(concatenate(Axis(0), &[fitted.params().view(), intercepts]).ok()?.t().to_owned())
        }
    }));
    solved.ok().flatten().filter(|weights| weights.iter().all(|weight| weight.is_finite()))
}

struct Problem<'a> {
    /// Features and a last column of ones.
    x: Array2<f64>,
    y: &'a [usize],
    /// One for two classes.
    n_outputs: usize,
    c: f64,
}

impl Problem<'_> {
    /// Probabilities of each output's class: of the second class when there is one output.
    fn probabilities(&self, weights: &Array2<f64>) -> Array2<f64> {
        let mut p = self.x.dot(&weights.t());
        if self.n_outputs == 1 {
            p.mapv_inplace(|z| if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) });
            return p;
        }
        for mut row in p.outer_iter_mut() {
            let highest = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            row.mapv_inplace(|z| (z - highest).exp());
            let sum = row.sum();
            row /= sum;
        }
        p
    }

    fn objective(&self, weights: &Array2<f64>) -> f64 {
        let z = self.x.dot(&weights.t());
        let loss: f64 = z
            .outer_iter()
            .zip(self.y)
            .map(|(row, class)| {
                if self.n_outputs == 1 {
                    let signed = if *class == 1 { row[0] } else { -row[0] };
                    if signed > 0.0 { (-signed).exp().ln_1p() } else { -signed + signed.exp().ln_1p() }
                } else {
                    let highest = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
                    highest + row.iter().map(|z| (z - highest).exp()).sum::<f64>().ln() - row[*class]
                }
            })
            .sum();
        let last = weights.ncols() - 1;
        loss + weights.slice(s![.., ..last]).iter().map(|w| w * w).sum::<f64>() / (2.0 * self.c)
    }

    fn gradient(&self, weights: &Array2<f64>, p: &Array2<f64>) -> Array2<f64> {
        let mut error = p.clone();
        for (mut row, class) in error.outer_iter_mut().zip(self.y) {
            match (self.n_outputs, *class) {
                (1, 1) => row[0] -= 1.0,
                (1, _) => {}
                (_, class) => row[class] -= 1.0,
            }
        }
        let mut gradient = error.t().dot(&self.x);
        let last = weights.ncols() - 1;
        gradient.slice_mut(s![.., ..last]).scaled_add(1.0 / self.c, &weights.slice(s![.., ..last]));
        gradient
    }

    fn hessian(&self, p: &Array2<f64>) -> Array2<f64> {
        let width = self.x.ncols();
        let n = self.n_outputs * width;
        let mut hessian = Array2::zeros((n, n));
        for a in 0..self.n_outputs {
            for b in a..self.n_outputs {
                let same = f64::from(u8::from(a == b));
                let factor = &p.column(a) * &p.column(b).mapv(|pb| same - pb);
                let weighted = &self.x * &factor.insert_axis(Axis(1));
                let block = self.x.t().dot(&weighted);
                hessian.slice_mut(s![a * width..(a + 1) * width, b * width..(b + 1) * width]).assign(&block);
                hessian
                    .slice_mut(s![b * width..(b + 1) * width, a * width..(a + 1) * width])
                    .assign(&block.t());
            }
        }
        for at in 0..n {
            if at % width != width - 1 {
                hessian[[at, at]] += 1.0 / self.c;
            }
        }
        if self.n_outputs > 1 {
            // Adding the same number to all intercepts changes nothing; this keeps their sum where it is.
            for a in 0..self.n_outputs {
                for b in 0..self.n_outputs {
                    hessian[[a * width + width - 1, b * width + width - 1]] += 1.0;
                }
            }
        }
        hessian
    }

    fn newton(&self, start: Array2<f64>, options: LogisticOptions) -> Result<Array2<f64>, String> {
        let mut weights = start;
        if self.n_outputs > 1 {
            let mut intercepts = weights.column_mut(self.x.ncols() - 1);
            let mean = intercepts.mean().unwrap_or_default();
            intercepts -= mean;
        }
        let n_rows = self.y.len() as f64;
        let mut objective = self.objective(&weights);
        for _ in 0..options.max_iter.max(1) {
            let p = self.probabilities(&weights);
            let gradient = self.gradient(&weights, &p);
            if gradient.iter().all(|g| g.abs() / n_rows <= options.tol.min(1e-9)) {
                break;
            }
            // Row by row, whatever the layout in memory.
            let flat = Array2::from_shape_vec((weights.len(), 1), gradient.iter().copied().collect())
                .map_err(|error| error.to_string())?;
            let step = self.hessian(&p).solvec(&flat).map_err(|error| error.to_string())?;
            let step = step.into_shape_with_order(weights.dim()).map_err(|error| error.to_string())?;
            let (next, reached) = self.line_search(&weights, &step, objective);
            if reached >= objective {
                break;
            }
            weights = next;
            objective = reached;
        }
        Ok(weights)
    }

    /// Halves the step until it goes down.
    fn line_search(&self, weights: &Array2<f64>, step: &Array2<f64>, objective: f64) -> (Array2<f64>, f64) {
        let mut length = 1.0;
        loop {
            let next = weights - &(step * length);
            let reached = self.objective(&next);
            if reached < objective || length < 1e-12 {
                return (next, reached);
            }
            length /= 2.0;
        }
    }
}
