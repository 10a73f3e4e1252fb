//! Fitting a machine: from rows, labels and penalties to coefficients of support vectors.

use ndarray::ArrayView2;

use super::{
    FitError, Kernel,
    kernel_rows::KernelRows,
    solver::{Limits, Solution, Solver},
    variables::DualProblem,
};

/// How a support vector machine is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SvmOptions {
    /// The kernel.
    pub(crate) kernel: Kernel,
    /// The largest violation of the optimality conditions at the end, in units of the targets.
    pub(crate) tolerance: f64,
    /// Bytes for kernel rows; at least two rows are kept.
    pub(crate) cache_bytes: usize,
    /// Iterations at the most; `None` is ten million or a hundred for each row, whichever is more.
    pub(crate) max_iter: Option<u64>,
}

impl SvmOptions {
    #[cfg(test)]
    /// scikit-learn's defaults with a kernel.
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self { kernel, tolerance: 1e-3, cache_bytes: 200 << 20, max_iter: None }
    }
}

/// Rows of two classes, given by their numbers in a matrix of features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BinaryProblem<'a> {
    /// The rows of `x` that take part.
    pub(crate) rows: &'a [usize],
    /// Whether each of `rows` belongs to the first class, whose decisions are positive.
    pub(crate) is_first: &'a [bool],
    /// The penalty of each of `rows`: `C` × the weight of its class × its own weight.
    pub(crate) penalties: &'a [f64],
}

/// Rows with numbers to predict, given by their numbers in a matrix of features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegressionProblem<'a> {
    /// The rows of `x` that take part.
    pub(crate) rows: &'a [usize],
    /// What to predict for each of `rows`.
    pub(crate) targets: &'a [f64],
    /// The penalty of each of `rows`: `C` × its weight.
    pub(crate) penalties: &'a [f64],
    /// Deviations up to this cost nothing.
    pub(crate) epsilon: f64,
}

/// A fitted machine, with the decision `Σ coefficient · K(support vector, x) − rho`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Machine {
    /// The signed dual coefficient of each of the problem's `rows`; exactly zero if it is not a support
    /// vector.
    pub(crate) coefficients: Vec<f64>,
    /// Subtracted from the sum.
    pub(crate) rho: f64,
    /// Iterations done.
    pub(crate) n_iter: u64,
    /// Whether the violation is within the tolerance.
    pub(crate) converged: bool,
    /// The largest violation of the optimality conditions at the end.
    pub(crate) violation: f64,
}

impl Machine {
    /// Support vectors: positions in the problem's `rows`, with their coefficients.
    pub(crate) fn support(&self) -> impl Iterator<Item = (usize, f64)> {
        self.coefficients.iter().copied().enumerate().filter(|(_, coefficient)| *coefficient != 0.0)
    }
}

/// Fits a support vector classifier of two classes (C-SVC); coefficients are positive for the first class.
pub(crate) fn fit_binary(
    x: ArrayView2<'_, f64>,
    problem: &BinaryProblem<'_>,
    options: &SvmOptions,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Machine, FitError> {
    let sides = [true, false].map(|side| {
        problem.is_first.iter().zip(problem.penalties).any(|(is_first, c)| *is_first == side && *c > 0.0)
    });
    match sides {
        [true, true] => {}
        [false, false] => return Err(FitError::NoRows),
        _ => return Err(FitError::OneClass),
    }
    let boxes = problem.is_first.iter().zip(problem.penalties);
    let (lower, upper) = boxes.map(|(is_first, c)| if *is_first { (0.0, *c) } else { (-c, 0.0) }).unzip();
    let dual = DualProblem {
        targets: problem.is_first.iter().map(|is_first| if *is_first { 1.0 } else { -1.0 }).collect(),
        lower,
        upper,
        epsilon: 0.0,
    };
    fit((x, problem.rows), dual, options, stop)
}

/// Fits support vector regression (ε-SVR); the decision is the prediction.
pub(crate) fn fit_regression(
    x: ArrayView2<'_, f64>,
    problem: &RegressionProblem<'_>,
    options: &SvmOptions,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Machine, FitError> {
    if !problem.penalties.iter().any(|c| *c > 0.0) {
        return Err(FitError::NoRows);
    }
    let dual = DualProblem {
        targets: problem.targets.to_vec(),
        lower: problem.penalties.iter().map(|c| -c).collect(),
        upper: problem.penalties.to_vec(),
        epsilon: problem.epsilon,
    };
    fit((x, problem.rows), dual, options, stop)
}

/// Fits the machine of a dual problem, whose entries stand for `rows` of `x`.
fn fit(
    (x, rows): (ArrayView2<'_, f64>, &[usize]),
    mut dual: DualProblem,
    options: &SvmOptions,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Machine, FitError> {
    let center = center(x, rows, options.kernel);
    let kernel_rows = KernelRows::new(x, rows, options.kernel, &center)?;
    let scale = kernel_rows.scale();
    // Kernel values are divided by `scale`, so coefficients are multiplied by it; both are exact.
    for limit in dual.lower.iter_mut().chain(&mut dual.upper) {
        *limit *= scale;
    }
    let default_limit = 10_000_000.max(100 * rows.len() as u64);
    let limits = Limits {
        tolerance: options.tolerance,
        max_iter: options.max_iter.unwrap_or(default_limit),
        cache_bytes: options.cache_bytes,
        stop,
    };
    let Solution { beta: mut coefficients, mut rho, n_iter, converged, violation } =
        Solver::new(dual, kernel_rows, limits).solve()?;
    for coefficient in &mut coefficients {
        *coefficient /= scale;
    }
    if options.kernel == Kernel::Linear {
        rho += decision_at_center(x, rows, &coefficients, &center);
    }
    if !rho.is_finite() || coefficients.iter().any(|coefficient| !coefficient.is_finite()) {
        return Err(FitError::NotFinite("a coefficient of the machine".into()));
    }
    Ok(Machine { coefficients, rho, n_iter, converged, violation })
}

/// The means of the features for the linear kernel, whose machines do not depend on the origin; otherwise
/// zeros.
fn center(x: ArrayView2<'_, f64>, rows: &[usize], kernel: Kernel) -> Vec<f64> {
    let mut center = vec![0.0; x.ncols()];
    if kernel == Kernel::Linear {
        for row in rows {
            for (center, value) in center.iter_mut().zip(x.row(*row)) {
                *center += value / rows.len() as f64;
            }
        }
    }
    center
}

/// What the center adds to all decisions of a linear machine.
fn decision_at_center(x: ArrayView2<'_, f64>, rows: &[usize], coefficients: &[f64], center: &[f64]) -> f64 {
    let support = rows.iter().zip(coefficients).filter(|(_, coefficient)| **coefficient != 0.0);
    support
        .map(|(row, coefficient)| {
            let moved = x.row(*row).into_iter().zip(center).map(|(value, center)| (value - center) * center);
            coefficient * moved.sum::<f64>()
        })
        .sum()
}
