//! Fits logistic regression: chooses a solver, starts it well and reports how it ended.

use super::{
    evaluation::Evaluation,
    lbfgs::lbfgs,
    newton::newton_cholesky,
    problem::{Classification, Problem},
    proximal::proximal_newton,
    standard_errors::standard_errors,
    subsample::Subsample,
};
use crate::fit::algebra::{FitError, Stop};

/// What a solver may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Solver {
    /// By the shape of the data.
    Auto,
    /// Newton's method on all coefficients, exact within few passes over the rows.
    NewtonCholesky,
    /// A quasi-Newton method that needs little memory.
    Lbfgs,
    /// Proximal Newton with coordinate descent: the one for L1 penalties, and chosen for them whatever is
    /// asked for.
    ProximalNewton,
}

/// How logistic regression is fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogisticOptions {
    /// Inverse strength of the penalty; infinite for none.
    pub(crate) c: f64,
    /// Share of the L1 penalty: zero for L2 alone, one for L1 alone.
    pub(crate) l1_ratio: f64,
    /// Whether there are intercepts.
    pub(crate) fit_intercept: bool,
    /// Largest absolute gradient of the mean loss at the end; with an L1 penalty, the shortest subgradient.
    pub(crate) tol: f64,
    /// Steps at the most.
    pub(crate) max_iter: usize,
    /// Which solver to use.
    pub(crate) solver: Solver,
}

/// A fitted model and how the fit ended.
#[derive(Clone, Debug)]
pub(crate) struct LogisticFit {
    /// A row for each class, or one row for the second of two classes.
    pub(crate) coefficients: Vec<Vec<f64>>,
    /// One for each row of coefficients.
    pub(crate) intercepts: Vec<f64>,
    /// Which solver was used.
    pub(crate) solver: &'static str,
    /// Steps on all rows.
    pub(crate) n_iter: usize,
    /// The gradient reached, measured as `tol` is.
    pub(crate) gradient: f64,
    /// The mean loss plus the penalty over `C` and the sum of the weights.
    pub(crate) objective: f64,
    /// Whether the gradient fell to the tolerance at a point that is an optimum.
    pub(crate) converged: bool,
    /// Whether the classes are perfectly separated; without a penalty there is no optimum then.
    pub(crate) separated: bool,
    /// Standard errors, where they are known.
    pub(crate) standard_errors: Option<LogisticStandardErrors>,
}

/// Square roots of the diagonal of the inverse Hessian of the negative log-likelihood, its penalty
/// included.
#[derive(Clone, Debug)]
pub(crate) struct LogisticStandardErrors {
    /// In the order of the coefficients.
    pub(crate) coefficients: Vec<Vec<f64>>,
    /// In the order of the intercepts, if those were fitted.
    pub(crate) intercepts: Option<Vec<f64>>,
    /// Whether a penalty makes them smaller than the classical ones.
    #[cfg_attr(not(test), expect(dead_code, reason = "the kind's documentation says it"))]
    pub(crate) penalized: bool,
}

/// When a solver ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct SearchLimits {
    /// The violation of the optimality conditions at which it is done.
    pub(super) tol: f64,
    /// Steps at the most.
    pub(super) max_iter: usize,
}

/// Where a solver ended.
pub(super) struct Solved {
    /// For each output the features, then the intercept.
    pub(super) coefficients: Vec<f64>,
    /// The loss and its derivatives at the coefficients.
    pub(super) evaluation: Evaluation,
    /// Steps taken.
    pub(super) n_iter: usize,
    /// Whether the coefficients are an optimum within the tolerance.
    pub(super) converged: bool,
}

impl Solved {
    /// The state of a solver before its first step.
    pub(super) fn at(coefficients: Vec<f64>, evaluation: Evaluation) -> Self {
        Self { coefficients, evaluation, n_iter: 0, converged: false }
    }
}

/// Fits logistic regression.
pub(crate) fn logistic_regression(
    data: &Classification,
    options: &LogisticOptions,
    stop: Stop,
) -> Result<LogisticFit, FitError> {
    let problem = Problem::new(data, options)?;
    let solver = choose(&problem, options.solver);
    let start = start(&problem, solver, stop)?;
    let limits = SearchLimits { tol: options.tol, max_iter: options.max_iter };
    let mut solved = solve(&problem, solver, start, limits, stop)?;
    problem.center_intercepts(&mut solved.coefficients);
    FitError::check_finite("a coefficient", &solved.coefficients)?;
    FitError::check_finite("the gradient", &solved.evaluation.gradient)?;
    let rows = solved.coefficients.chunks_exact(problem.width());
    Ok(LogisticFit {
        coefficients: rows.clone().map(|row| row[..problem.n_features].to_vec()).collect(),
        intercepts: rows.map(|row| row[problem.n_features]).collect(),
        solver: solver.name(),
        n_iter: solved.n_iter,
        gradient: problem.violation(&solved.coefficients, &solved.evaluation.gradient),
        objective: solved.evaluation.loss + problem.l1_penalty(&solved.coefficients),
        converged: solved.converged,
        separated: solved.evaluation.separated,
        standard_errors: standard_errors(&problem, &solved, stop)?,
    })
}

impl Solver {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::NewtonCholesky => "newton-cholesky",
            Self::Lbfgs => "lbfgs",
            Self::ProximalNewton => "proximal-newton",
        }
    }
}

/// Replaces a solver by one that fits the penalty, and `Auto` by the one that needs the least work.
fn choose(problem: &Problem, wanted: Solver) -> Solver {
    if problem.l1 > 0.0 {
        return Solver::ProximalNewton;
    }
    match wanted {
        Solver::Lbfgs | Solver::NewtonCholesky => wanted,
        Solver::ProximalNewton => Solver::NewtonCholesky,
        Solver::Auto => {
            // Multiplications: those of a matrix product take about a third of the time of others.
            let (rows, n, width) =
                (problem.n_rows() as f64, problem.n_coefficients() as f64, problem.width() as f64);
            let newton = 8.0 * (rows * n * (n + width) / 2.0 + n * n * n / 3.0) / 3.0;
            let lbfgs = 60.0 * 2.0 * rows * n;
            if n <= 2000.0 && newton <= lbfgs { Solver::NewtonCholesky } else { Solver::Lbfgs }
        }
    }
}

fn solve(
    problem: &Problem,
    solver: Solver,
    start: Vec<f64>,
    limits: SearchLimits,
    stop: Stop,
) -> Result<Solved, FitError> {
    match solver {
        Solver::Lbfgs => lbfgs(problem, start, limits, stop),
        Solver::ProximalNewton => proximal_newton(problem, start, limits, stop),
        Solver::Auto | Solver::NewtonCholesky => newton_cholesky(problem, start, limits, stop),
    }
}

/// Coefficients to start from: those of a part of the rows if there are many, else the classes'
/// frequencies.
fn start(problem: &Problem, solver: Solver, stop: Stop) -> Result<Vec<f64>, FitError> {
    /// Close enough: the rows left out move the optimum further than this.
    const LIMITS: SearchLimits = SearchLimits { tol: 1e-3, max_iter: 30 };
    let frequencies = problem.frequencies();
    let Some(subsample) = Subsample::new(problem) else { return Ok(frequencies) };
    // A subsample may miss a rare class.
    let Ok(part) = subsample.problem(problem) else { return Ok(frequencies) };
    let solved = solve(&part, solver, frequencies.clone(), LIMITS, stop)?;
    Ok(if solved.converged { solved.coefficients } else { frequencies })
}
