//! L-BFGS, for many coefficients (Nocedal and Wright, *Numerical Optimization*, 2nd ed., algorithm 7.4).
//!
//! Works in coordinates in which every coefficient has about the same curvature at the start, so that
//! columns may have any scale. The line search brackets a point that satisfies the weak Wolfe conditions
//! (Lewis and Overton, 2013).

use std::collections::VecDeque;

use super::{
    column_statistics::ColumnStatistics,
    evaluation::{Curvature, Evaluation},
    fit::{SearchLimits, Solved},
    newton::{ROUNDING, SUFFICIENT_DECREASE},
    problem::Problem,
};
use crate::fit::algebra::{FitError, Stop, add_scaled, dot, max_abs};

/// Pairs of steps and changes of the gradient that are kept.
const N_KEPT: usize = 10;
/// The slope must fall to this share.
const CURVATURE: f64 = 0.9;
/// Points that a line search tries at the most.
const MAX_TRIALS: usize = 40;

/// Minimises a problem without an L1 penalty.
pub(super) fn lbfgs(
    problem: &Problem,
    start: Vec<f64>,
    limits: SearchLimits,
    stop: Stop,
) -> Result<Solved, FitError> {
    let scales = scales(problem, stop)?;
    let evaluation = Evaluation::new(problem, &start, Curvature::Skip, stop)?;
    let mut solved = Solved::at(start, evaluation);
    let mut memory = Memory::default();
    loop {
        if max_abs(&solved.evaluation.gradient) <= limits.tol {
            solved.converged = problem.is_penalized() || !solved.evaluation.separated;
            break;
        }
        if solved.n_iter >= limits.max_iter {
            break;
        }
        let direction = memory.direction(&solved.evaluation.gradient, &scales);
        let Some((next, evaluation)) = search(problem, &solved, &direction, stop)? else {
            if memory.pairs.is_empty() {
                break;
            }
            // Rounding has spoilt the memory: begin anew from the steepest descent.
            memory.pairs.clear();
            continue;
        };
        let step = next.iter().zip(&solved.coefficients).map(|(new, old)| new - old).collect();
        let change =
            evaluation.gradient.iter().zip(&solved.evaluation.gradient).map(|(new, old)| new - old).collect();
        memory.push(step, change);
        solved.coefficients = next;
        solved.evaluation = evaluation;
        solved.n_iter += 1;
    }
    Ok(solved)
}

/// The inverse of each coefficient's curvature at the start.
fn scales(problem: &Problem, stop: Stop) -> Result<Vec<f64>, FitError> {
    let n_classes = problem.n_outputs.max(2) as f64;
    // p·(1 − p) at equal probabilities.
    let curvature = (1.0 - 1.0 / n_classes) / n_classes;
    let statistics = ColumnStatistics::new(problem, stop)?;
    let output: Vec<f64> = statistics
        .mean_squares
        .iter()
        .map(|square| curvature * square + problem.l2)
        .chain([curvature])
        .map(|value| if value > 0.0 { 1.0 / value } else { 1.0 })
        .collect();
    Ok(output.repeat(problem.n_outputs))
}

/// A step and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their inner product.
    product: f64,
}

#[derive(Default)]
struct Memory {
    pairs: VecDeque<Pair>,
}

impl Memory {
    fn push(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let product = dot(&step, &change);
        // Rounding can make the curvature vanish; such a pair would spoil the metric.
        if product > f64::EPSILON * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            if self.pairs.len() == N_KEPT {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair { step, change, product });
        }
    }

    /// The two-loop recursion, from the inverse curvatures at the start times one factor.
    fn direction(&self, gradient: &[f64], scales: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|value| -value).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &direction) / pair.product;
            add_scaled(&mut direction, -share, &pair.change);
            shares.push(share);
        }
        let factor = self.pairs.back().map_or(1.0, |pair| {
            pair.product
                / pair.change.iter().zip(scales).map(|(change, scale)| change * change * scale).sum::<f64>()
        });
        for (value, scale) in direction.iter_mut().zip(scales) {
            *value *= factor * scale;
        }
        for (pair, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let correction = share - dot(&pair.change, &direction) / pair.product;
            add_scaled(&mut direction, correction, &pair.step);
        }
        direction
    }
}

/// Finds a point along a direction that satisfies the weak Wolfe conditions; `None` if rounding hides it.
fn search(
    problem: &Problem,
    from: &Solved,
    direction: &[f64],
    stop: Stop,
) -> Result<Option<(Vec<f64>, Evaluation)>, FitError> {
    let slope = dot(direction, &from.evaluation.gradient);
    if slope >= 0.0 || slope.is_nan() {
        return Ok(None);
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut length = 1.0;
    for _ in 0..MAX_TRIALS {
        let mut next = from.coefficients.clone();
        add_scaled(&mut next, length, direction);
        let evaluation = Evaluation::new(problem, &next, Curvature::Skip, stop)?;
        let change = evaluation.loss - from.evaluation.loss;
        let slope_there = dot(direction, &evaluation.gradient);
        // Near the optimum the loss cannot tell points apart any more, but the slope can.
        let is_rounding =
            change.abs() <= ROUNDING * from.evaluation.loss.abs() && slope_there.abs() <= -slope;
        if !(change <= SUFFICIENT_DECREASE * length * slope || is_rounding) {
            high = length;
        } else if slope_there < CURVATURE * slope {
            low = length;
        } else {
            return Ok(Some((next, evaluation)));
        }
        length = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * length };
    }
    Ok(None)
}
