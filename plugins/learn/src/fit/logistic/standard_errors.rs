//! Standard errors from the inverse Hessian of the (penalised) negative log-likelihood.

use super::{
    evaluation::{Curvature, Evaluation},
    fit::{LogisticStandardErrors, Solved},
    hessian::HessianSum,
    problem::Problem,
};
use crate::fit::algebra::{Cholesky, FitError, Stop};

/// More coefficients than this have no standard errors: the inverse takes the cube of their number.
const MAX_COEFFICIENTS: usize = 1000;
/// More work than this is not done for standard errors alone, in multiplications.
const MAX_EXTRA_WORK: usize = 4_000_000_000;

/// Standard errors at the optimum of a problem without an L1 penalty; `None` where they do not exist or
/// cost too much.
///
/// Where the model leaves a direction free (all outputs of an unpenalised coefficient alike), they are
/// those of outputs that add up to zero.
pub(super) fn standard_errors(
    problem: &Problem,
    solved: &Solved,
    stop: Stop,
) -> Result<Option<LogisticStandardErrors>, FitError> {
    if problem.l1 > 0.0 || !solved.converged || problem.n_coefficients() > MAX_COEFFICIENTS {
        return Ok(None);
    }
    let extra;
    let evaluation = if solved.evaluation.curvature.is_some() {
        &solved.evaluation
    } else {
        let work = HessianSum::len(problem, Curvature::All).saturating_mul(problem.n_rows());
        if work > MAX_EXTRA_WORK {
            return Ok(None);
        }
        extra = Evaluation::new(problem, &solved.coefficients, Curvature::All, stop)?;
        &extra
    };
    let Some(pairs) = &evaluation.curvature else { return Ok(None) };
    let full = pairs.full(problem);
    let n = full.n();
    let null_strengths = full.null_strengths.clone();
    let Some(cholesky) = Cholesky::new(full.matrix, n, stop)? else { return Ok(None) };
    let variances = cholesky.inverse_diagonal(stop)?;
    let width = problem.width();
    let errors: Vec<f64> = variances
        .iter()
        .enumerate()
        .map(|(at, variance)| {
            let strength = null_strengths[at % width];
            // The free direction has the eigenvalue τ: its part of the inverse goes.
            let free = if strength > 0.0 { 1.0 / (strength * problem.n_outputs as f64) } else { 0.0 };
            ((variance - free).max(0.0) / problem.total_weight).sqrt()
        })
        .collect();
    let rows = errors.chunks_exact(width);
    let intercepts = rows.clone().map(|row| row[problem.n_features]).collect();
    Ok(Some(LogisticStandardErrors {
        coefficients: rows.map(|row| row[..problem.n_features].to_vec()).collect(),
        intercepts: if problem.fit_intercept { Some(intercepts) } else { None },
        penalized: problem.is_penalized(),
    }))
}
