//! Limited-memory BFGS on all rows, as SciPy's `L-BFGS-B` without bounds, which scikit-learn calls: ten
//! corrections, the same line search, and the same tests for the end (Byrd, Lu, Nocedal and Zhu, 1995).

use std::collections::VecDeque;

use super::error::FitError;
use super::fit::{Ending, MlpFit};
use super::line_search::{Advice, LONGEST_STEP, LineSearch, Point};
use super::objective::Objective;
use super::options::MlpOptions;
use super::step::{State, Step};

/// Corrections that approximate the Hessian.
const N_CORRECTIONS: usize = 10;
/// Relative decrease of the loss at which the search ends, SciPy's `ftol`.
const LOSS_TOLERANCE: f64 = 2.220_446_049_250_313e-9;
/// Evaluations of one line search.
const N_TRIALS: usize = 20;

/// Change of the weights and of the gradient in one iteration.
struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Scalar product of both.
    curvature: f64,
}

/// State of a run.
pub(super) struct Lbfgs<'a> {
    objective: Objective<'a>,
    /// The weights being evaluated, with their gradient.
    state: State,
    order: Vec<usize>,
    corrections: VecDeque<Correction>,
    /// Scale of the Hessian before the corrections.
    scale: f64,
    n_evaluations: usize,
}

/// Where a line search starts.
struct Start {
    weights: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> Lbfgs<'a> {
    /// Starts with the given weights.
    pub(super) fn new(objective: Objective<'a>, weights: Vec<f64>) -> Self {
        let order = (0..objective.table.n_rows).collect();
        let state = State::new(weights, 0);
        Self { objective, state, order, corrections: VecDeque::new(), scale: 1.0, n_evaluations: 0 }
    }

    /// Minimizes the loss.
    pub(super) fn run(mut self, options: &MlpOptions, max_evaluations: usize) -> Result<MlpFit, FitError> {
        let mut loss = self.evaluate()?;
        if !loss.is_finite() || !greatest(&self.state.gradient).is_finite() {
            return Err(FitError::diverged("the first iteration"));
        }
        let mut loss_curve = Vec::new();
        let mut ending = (greatest(&self.state.gradient) <= options.tol).then_some(Ending::GradientTolerance);
        while ending.is_none() {
            if loss_curve.len() >= options.max_iter {
                ending = Some(Ending::IterationLimit);
            } else if self.n_evaluations > max_evaluations {
                ending = Some(Ending::EvaluationLimit);
            } else if let Some(next) = self.iterate(loss, loss_curve.is_empty())? {
                let relative_to = loss.abs().max(next.abs()).max(1.0);
                if greatest(&self.state.gradient) <= options.tol {
                    ending = Some(Ending::GradientTolerance);
                } else if loss - next <= LOSS_TOLERANCE * relative_to {
                    ending = Some(Ending::LossTolerance);
                }
                loss = next;
                loss_curve.push(loss);
            } else {
                ending = Some(Ending::LineSearchFailed);
            }
        }
        Ok(MlpFit {
            model: self.objective.shape.unpack(&self.state.weights),
            n_iter: loss_curve.len(),
            loss,
            loss_curve,
            validation_scores: Vec::new(),
            ending: ending.unwrap_or(Ending::IterationLimit),
            greatest_gradient: Some(greatest(&self.state.gradient)),
        })
    }

    /// Takes one step, and returns the loss after it; without a better one the weights stay and the result is
    /// `None`.
    fn iterate(&mut self, loss: f64, is_first: bool) -> Result<Option<f64>, FitError> {
        let start = Start { weights: self.state.weights.clone(), gradient: self.state.gradient.clone() };
        loop {
            let direction = self.direction(&start.gradient);
            let first_step =
                if is_first { (1.0 / dot(&direction, &direction).sqrt()).min(LONGEST_STEP) } else { 1.0 };
            let slope = dot(&start.gradient, &direction);
            if slope < 0.0
                && let Some(end) =
                    self.search(&start, &direction, Point { step: 0.0, loss, slope }, first_step)?
            {
                self.remember(&start, &direction, slope, end);
                return Ok(Some(end.loss));
            }
            self.state.weights.copy_from_slice(&start.weights);
            self.state.gradient.copy_from_slice(&start.gradient);
            if self.corrections.is_empty() {
                return Ok(None);
            }
            // The corrections mislead: forget them and follow the gradient.
            self.corrections.clear();
            self.scale = 1.0;
        }
    }

    /// Searches along `direction`; `None` if no step was accepted.
    fn search(
        &mut self,
        start: &Start,
        direction: &[f64],
        origin: Point,
        first_step: f64,
    ) -> Result<Option<Point>, FitError> {
        let mut search = LineSearch::new(origin, first_step);
        let mut step = first_step;
        for _ in 0..N_TRIALS {
            for ((weight, from), towards) in self.state.weights.iter_mut().zip(&start.weights).zip(direction)
            {
                *weight = from + step * towards;
            }
            let loss = self.evaluate()?;
            let slope = dot(&self.state.gradient, direction);
            if !loss.is_finite() || !slope.is_finite() {
                // Interpolation needs numbers: search again, nearer to the start.
                step *= 0.1;
                search = LineSearch::new(origin, step);
                continue;
            }
            let point = Point { step, loss, slope };
            match search.advance(point) {
                Advice::Accept => return Ok(Some(point)),
                Advice::Try(next) => step = next,
            }
        }
        Ok(None)
    }

    fn evaluate(&mut self) -> Result<f64, FitError> {
        self.n_evaluations += 1;
        self.objective.advance(&mut self.state, &self.order, Step::Keep)
    }

    /// Product of the inverse Hessian's approximation and the negative gradient (the two loops of Nocedal,
    /// 1980).
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let mut factors = Vec::with_capacity(self.corrections.len());
        for correction in self.corrections.iter().rev() {
            let factor = dot(&correction.step, &direction) / correction.curvature;
            add(&mut direction, -factor, &correction.change);
            factors.push(factor);
        }
        for value in &mut direction {
            *value /= self.scale;
        }
        for (correction, factor) in self.corrections.iter().zip(factors.iter().rev()) {
            let back = dot(&correction.change, &direction) / correction.curvature;
            add(&mut direction, factor - back, &correction.step);
        }
        direction
    }

    /// Stores the step from `start` to `end` as a correction, if the loss curves upwards along it.
    fn remember(&mut self, start: &Start, direction: &[f64], slope: f64, end: Point) {
        let curvature = (end.slope - slope) * end.step;
        if curvature <= f64::EPSILON * -slope * end.step {
            return;
        }
        if self.corrections.len() == N_CORRECTIONS {
            self.corrections.pop_front();
        }
        let change: Vec<f64> =
            self.state.gradient.iter().zip(&start.gradient).map(|(new, old)| new - old).collect();
        self.scale = dot(&change, &change) / curvature;
        let step = direction.iter().map(|towards| end.step * towards).collect();
        self.corrections.push_back(Correction { step, change, curvature });
    }
}

/// Greatest absolute value; a NaN stays one.
fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |greatest, value| if value.abs() <= greatest { greatest } else { value.abs() })
}

/// Adds `factor · values`.
fn add(sums: &mut [f64], factor: f64, values: &[f64]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

/// Scalar product, in four sums side by side.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for (left, right) in left.chunks(4).zip(right.chunks(4)) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    sums.iter().sum()
}
