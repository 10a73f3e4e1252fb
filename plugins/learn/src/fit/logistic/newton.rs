//! Newton's method with a Cholesky factor of the Hessian, for few coefficients.
//!
//! Each pass over the rows gives loss, gradient and Hessian, so that an accepted full step costs one pass
//! (Boyd and Vandenberghe, *Convex Optimization*, §9.5, with backtracking).

use super::{
    column_statistics::ColumnStatistics,
    evaluation::{Curvature, Evaluation},
    fit::{SearchLimits, Solved},
    problem::Problem,
};
use crate::fit::algebra::{Cholesky, FitError, Stop, add_scaled, dot, max_abs};

/// The share of the predicted decrease that a step must bring.
pub(super) const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Differences of the loss below this share are rounding.
pub(super) const ROUNDING: f64 = 16.0 * f64::EPSILON;
/// Halvings of a step at the most.
pub(super) const MAX_HALVINGS: usize = 30;
/// Without a penalty, a step that still moves a linear predictor by more than this says that it has no
/// limit.
const MAX_LAST_MOVE: f64 = 0.1;

/// Minimises a problem without an L1 penalty.
pub(super) fn newton_cholesky(
    problem: &Problem,
    start: Vec<f64>,
    limits: SearchLimits,
    stop: Stop,
) -> Result<Solved, FitError> {
    let ranges =
        if problem.is_penalized() { None } else { Some(ColumnStatistics::new(problem, stop)?.ranges) };
    let evaluation = Evaluation::new(problem, &start, Curvature::All, stop)?;
    let mut solved = Solved::at(start, evaluation);
    loop {
        let is_flat = max_abs(&solved.evaluation.gradient) <= limits.tol;
        if is_flat && ranges.is_none() {
            solved.converged = true;
            break;
        }
        // Without a penalty, separated classes have no optimum however flat the loss gets.
        let is_hopeless = is_flat && solved.evaluation.separated;
        if is_hopeless || solved.n_iter >= limits.max_iter {
            break;
        }
        let Some(step) = newton_step(problem, &solved.evaluation, stop)? else { break };
        if is_flat && ranges.as_ref().is_some_and(|ranges| greatest_move(&step, ranges) <= MAX_LAST_MOVE) {
            solved.converged = true;
            break;
        }
        if !backtrack(problem, &mut solved, &step, stop)? {
            break;
        }
        solved.n_iter += 1;
    }
    Ok(solved)
}

/// By how much a step changes a linear predictor at the most, through one column.
fn greatest_move(step: &[f64], ranges: &[f64]) -> f64 {
    let outputs = step.chunks_exact(ranges.len() + 1);
    let moves =
        outputs.flat_map(|output| output.iter().zip(ranges).map(|(step, range)| (step * range).abs()));
    moves.fold(0.0, f64::max)
}

/// `−H⁻¹·g`; `None` if no damping makes the Hessian positive definite.
fn newton_step(problem: &Problem, at: &Evaluation, stop: Stop) -> Result<Option<Vec<f64>>, FitError> {
    let Some(pairs) = &at.curvature else { return Ok(None) };
    let full = pairs.full(problem);
    let n = full.n();
    let mut damping = 0.0;
    while damping < 1.0 {
        let mut damped = full.matrix.clone();
        for row in 0..n {
            damped[row * n + row] *= 1.0 + damping;
        }
        if let Some(cholesky) = Cholesky::new(damped, n, stop)? {
            let mut step: Vec<f64> = at.gradient.iter().map(|value| -value).collect();
            cholesky.solve(&mut step);
            let is_descent = dot(&step, &at.gradient) <= 0.0;
            if is_descent && step.iter().all(|value| value.is_finite()) {
                return Ok(Some(step));
            }
        }
        damping = if damping == 0.0 { 1e-10 } else { damping * 100.0 };
    }
    Ok(None)
}

/// Goes along a step, halved until the loss falls enough; says whether it did.
fn backtrack(problem: &Problem, solved: &mut Solved, step: &[f64], stop: Stop) -> Result<bool, FitError> {
    let slope = dot(step, &solved.evaluation.gradient);
    let mut length = 1.0;
    for _ in 0..MAX_HALVINGS {
        let mut next = solved.coefficients.clone();
        add_scaled(&mut next, length, step);
        let evaluation = Evaluation::new(problem, &next, Curvature::All, stop)?;
        let change = evaluation.loss - solved.evaluation.loss;
        let is_rounding = change.abs() <= ROUNDING * solved.evaluation.loss.abs()
            && max_abs(&evaluation.gradient) < max_abs(&solved.evaluation.gradient);
        if change <= SUFFICIENT_DECREASE * length * slope && change < 0.0 || is_rounding {
            solved.coefficients = next;
            solved.evaluation = evaluation;
            return Ok(true);
        }
        length *= 0.5;
    }
    Ok(false)
}
