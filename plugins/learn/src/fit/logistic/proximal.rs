//! Proximal Newton for L1 and elastic-net penalties (Lee, Sun and Saunders, 2014; Friedman, Hastie and
//! Tibshirani, 2010).
//!
//! The loss is replaced by its quadratic at the current point, on a working set of features with all their
//! outputs; the penalised quadratic is minimised by coordinate descent, and a line search goes towards its
//! minimum.

use super::{
    evaluation::{Curvature, Evaluation},
    fit::{SearchLimits, Solved},
    newton::{MAX_HALVINGS, ROUNDING, SUFFICIENT_DECREASE},
    problem::Problem,
};
use crate::fit::algebra::{FitError, PenalizedQuadratic, Stop, dot, kkt_violation, next_features};

/// Coefficients of a working set at the most.
const MAX_COEFFICIENTS: usize = 1500;
/// Up to this many coefficients, every pass computes second derivatives too.
const MAX_ONE_PASS: usize = 200;
/// How much closer to the optimum of the quadratic coordinate descent goes.
const DESCENT_FACTOR: f64 = 1e-3;
/// Sweeps of one descent at the most.
const MAX_SWEEPS: usize = 1000;

/// Minimises a problem with an L1 penalty.
pub(super) fn proximal_newton(
    problem: &Problem,
    start: Vec<f64>,
    limits: SearchLimits,
    stop: Stop,
) -> Result<Solved, FitError> {
    let every_pass = if problem.n_coefficients() <= MAX_ONE_PASS { Curvature::All } else { Curvature::Skip };
    let evaluation = Evaluation::new(problem, &start, every_pass, stop)?;
    let mut solved = Solved::at(start, evaluation);
    loop {
        let violation = problem.violation(&solved.coefficients, &solved.evaluation.gradient);
        if violation <= limits.tol {
            solved.converged = true;
            break;
        }
        if solved.n_iter >= limits.max_iter {
            break;
        }
        let end = minimum_of_quadratic(problem, &solved, violation, stop)?;
        if !backtrack(problem, &mut solved, &end, every_pass, stop)? {
            break;
        }
        solved.n_iter += 1;
    }
    Ok(solved)
}

/// The minimum of the penalised quadratic over the next working set.
fn minimum_of_quadratic(
    problem: &Problem,
    from: &Solved,
    violation: f64,
    stop: Stop,
) -> Result<Vec<f64>, FitError> {
    let features = working_set(problem, from);
    let gathered;
    let pairs = if let Some(pairs) = &from.evaluation.curvature {
        pairs
    } else {
        let evaluation = Evaluation::new(problem, &from.coefficients, Curvature::Of(&features), stop)?;
        gathered = evaluation.curvature.expect("curvature was asked for");
        &gathered
    };
    let full = pairs.full(problem);
    let places: Vec<usize> = (0..problem.n_outputs)
        .flat_map(|output| {
            let start = output * problem.width();
            features.iter().map(move |feature| start + feature).chain([start + problem.n_features])
        })
        .collect();
    let mut values: Vec<f64> = places.iter().map(|at| from.coefficients[*at]).collect();
    let mut linear = PenalizedQuadratic::product(&full.matrix, &values);
    for (value, at) in linear.iter_mut().zip(&places) {
        *value -= from.evaluation.gradient[*at];
    }
    let l1: Vec<f64> = places.iter().map(|at| problem.l1_of(*at)).collect();
    let quadratic = PenalizedQuadratic { hessian: &full.matrix, linear: &linear, l1: &l1 };
    quadratic.minimize(&mut values, DESCENT_FACTOR * violation, MAX_SWEEPS, stop)?;
    let mut end = from.coefficients.clone();
    for (value, at) in values.iter().zip(&places) {
        end[*at] = *value;
    }
    Ok(end)
}

/// The features whose coefficients move next.
fn working_set(problem: &Problem, from: &Solved) -> Vec<usize> {
    if from.evaluation.curvature.is_some() {
        return (0..problem.n_features).collect();
    }
    let mut violations = vec![0.0_f64; problem.n_features];
    let mut sizes = vec![0.0_f64; problem.n_features];
    for (at, value) in from.coefficients.iter().enumerate() {
        let feature = at % problem.width();
        if feature < problem.n_features {
            let violation = kkt_violation(*value, from.evaluation.gradient[at], problem.l1);
            violations[feature] = violation.max(violations[feature]);
            sizes[feature] = value.abs().max(sizes[feature]);
        }
    }
    next_features(&violations, &sizes, (MAX_COEFFICIENTS / problem.n_outputs).max(1))
}

/// Goes towards a point, the step halved until the penalised loss falls enough; says whether it did.
fn backtrack(
    problem: &Problem,
    solved: &mut Solved,
    end: &[f64],
    curvature: Curvature,
    stop: Stop,
) -> Result<bool, FitError> {
    let penalty = problem.l1_penalty(&solved.coefficients);
    let step: Vec<f64> = end.iter().zip(&solved.coefficients).map(|(end, from)| end - from).collect();
    let predicted = dot(&step, &solved.evaluation.gradient) + problem.l1_penalty(end) - penalty;
    let before = solved.evaluation.loss + penalty;
    let violation = problem.violation(&solved.coefficients, &solved.evaluation.gradient);
    let mut length = 1.0;
    for _ in 0..MAX_HALVINGS {
        let next: Vec<f64> = match length {
            // Exact zeros at the end of the step stay exact.
            1.0 => end.to_vec(),
            length => {
                solved.coefficients.iter().zip(&step).map(|(from, step)| from + length * step).collect()
            }
        };
        let evaluation = Evaluation::new(problem, &next, curvature, stop)?;
        let change = evaluation.loss + problem.l1_penalty(&next) - before;
        let is_rounding = change.abs() <= ROUNDING * before.abs()
            && problem.violation(&next, &evaluation.gradient) < violation;
        if change <= SUFFICIENT_DECREASE * length * predicted && change < 0.0 || is_rounding {
            solved.coefficients = next;
            solved.evaluation = evaluation;
            return Ok(true);
        }
        length *= 0.5;
    }
    Ok(false)
}
