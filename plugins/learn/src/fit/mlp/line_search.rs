//! Line search of Moré and Thuente ("Line search algorithms with guaranteed sufficient decrease", 1994), with
//! the constants of L-BFGS-B: it ends at a step that lowers the loss enough and flattens the slope.

/// Share of the first slope by which the loss must fall.
const SUFFICIENT_DECREASE: f64 = 1e-3;
/// Share of the first slope that may remain.
const CURVATURE: f64 = 0.9;
/// Relative width of the interval below which the search ends.
const WIDTH: f64 = 0.1;
/// Longest step of a search.
pub(super) const LONGEST_STEP: f64 = 1e10;

/// Loss and its slope at a step along the direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Length of the step, in multiples of the direction.
    pub(super) step: f64,
    /// Loss after the step.
    pub(super) loss: f64,
    /// Derivative of the loss by the step.
    pub(super) slope: f64,
}

/// What to do after a step was evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Advice {
    /// Evaluate this step.
    Try(f64),
    /// Take the step that was just evaluated.
    Accept,
}

/// State of one search.
pub(super) struct LineSearch {
    start: Point,
    /// End of the interval with the least loss, and the other end.
    best: Point,
    other: Point,
    is_bracketed: bool,
    /// Whether the loss has not yet fallen enough with a rising slope: until then the search looks at the
    /// loss less the decrease that it must reach.
    is_first_stage: bool,
    /// Steps that the next one must lie between.
    limits: (f64, f64),
    width: f64,
    earlier_width: f64,
}

impl Point {
    /// The loss less the decrease that a step of this length must reach, whose slope is `slope`.
    fn tilt(self, slope: f64) -> Self {
        Self { loss: self.loss - self.step * slope, slope: self.slope - slope, ..self }
    }
}

impl LineSearch {
    /// Starts at `start`, whose step is 0 and slope negative; the caller evaluates `first_step` next.
    pub(super) fn new(start: Point, first_step: f64) -> Self {
        Self {
            start,
            best: start,
            other: start,
            is_bracketed: false,
            is_first_stage: true,
            limits: (0.0, 5.0 * first_step),
            width: LONGEST_STEP,
            earlier_width: 2.0 * LONGEST_STEP,
        }
    }

    /// Takes in the loss and slope at the step that was to be tried.
    pub(super) fn advance(&mut self, trial: Point) -> Advice {
        let decrease = SUFFICIENT_DECREASE * self.start.slope;
        let is_low = trial.loss <= self.start.loss + trial.step * decrease;
        if is_low && trial.slope >= 0.0 {
            self.is_first_stage = false;
        }
        if (is_low && trial.slope.abs() <= -CURVATURE * self.start.slope) || self.is_exhausted(trial, is_low)
        {
            return Advice::Accept;
        }
        let step = if self.is_first_stage && trial.loss <= self.best.loss && !is_low {
            (self.best, self.other) = (self.best.tilt(decrease), self.other.tilt(decrease));
            let step = self.narrow(trial.tilt(decrease));
            (self.best, self.other) = (self.best.tilt(-decrease), self.other.tilt(-decrease));
            step
        } else {
            self.narrow(trial)
        };
        Advice::Try(self.safeguard(step))
    }

    /// Whether no better step is left: the interval is as narrow as rounding allows, or the step as long.
    fn is_exhausted(&self, trial: Point, is_low: bool) -> bool {
        let (least, greatest) = self.limits;
        let is_outside = trial.step <= least || trial.step >= greatest;
        let is_longest = trial.step >= LONGEST_STEP && is_low;
        (self.is_bracketed && (is_outside || greatest - least <= WIDTH * greatest)) || is_longest
    }

    /// Chooses the next step from interpolations, and replaces an end of the interval by `trial`.
    fn narrow(&mut self, trial: Point) -> f64 {
        let best = self.best;
        let is_opposite = trial.slope * best.slope.signum() < 0.0;
        let step = if trial.loss > best.loss {
            self.is_bracketed = true;
            between_rising(best, trial)
        } else if is_opposite {
            self.is_bracketed = true;
            let (cubic, secant) = (cubic_step(trial, best).0, secant_step(trial, best));
            if (cubic - trial.step).abs() > (secant - trial.step).abs() { cubic } else { secant }
        } else if trial.slope.abs() < best.slope.abs() {
            self.beyond_flattening(trial)
        } else if self.is_bracketed {
            cubic_step(trial, self.other).0
        } else if trial.step > best.step {
            self.limits.1
        } else {
            self.limits.0
        };
        if trial.loss > best.loss {
            self.other = trial;
        } else {
            if is_opposite {
                self.other = best;
            }
            self.best = trial;
        }
        step
    }

    /// Next step where the loss still falls, but less steeply: the minimum lies beyond.
    fn beyond_flattening(&self, trial: Point) -> f64 {
        let best = self.best;
        let (cubic, has_minimum) = cubic_step(trial, best);
        let limit = if trial.step > best.step { self.limits.1 } else { self.limits.0 };
        let cubic = if has_minimum { cubic } else { limit };
        let secant = secant_step(trial, best);
        let is_cubic_closer = (cubic - trial.step).abs() < (secant - trial.step).abs();
        if !self.is_bracketed {
            let step = if is_cubic_closer { secant } else { cubic };
            return step.max(self.limits.0).min(self.limits.1);
        }
        let step = if is_cubic_closer { cubic } else { secant };
        let limit = trial.step + 0.66 * (self.other.step - trial.step);
        if trial.step > best.step { step.min(limit) } else { step.max(limit) }
    }

    /// Bisects an interval that shrinks too slowly, and sets the limits of the next step.
    fn safeguard(&mut self, mut step: f64) -> f64 {
        let (best, other) = (self.best.step, self.other.step);
        if self.is_bracketed {
            if (other - best).abs() >= 0.66 * self.earlier_width {
                step = best + 0.5 * (other - best);
            }
            self.earlier_width = self.width;
            self.width = (other - best).abs();
            self.limits = (best.min(other), best.max(other));
        } else {
            self.limits = (step + 1.1 * (step - best), step + 4.0 * (step - best));
        }
        step = step.clamp(0.0, LONGEST_STEP);
        let (least, greatest) = self.limits;
        let is_outside = step <= least || step >= greatest;
        if self.is_bracketed && (is_outside || greatest - least <= WIDTH * greatest) { best } else { step }
    }
}

/// Next step where the trial's loss is greater: the cubic's minimum, or halfway to the parabola's.
fn between_rising(best: Point, trial: Point) -> f64 {
    let cubic = cubic_step(best, trial).0;
    let width = trial.step - best.step;
    let parabola = best.step + best.slope / ((best.loss - trial.loss) / width + best.slope) / 2.0 * width;
    if (cubic - best.step).abs() <= (parabola - best.step).abs() {
        cubic
    } else {
        cubic + (parabola - cubic) / 2.0
    }
}

/// Minimum of the cubic through both losses and slopes, and whether it lies on the far side of `from`.
fn cubic_step(from: Point, to: Point) -> (f64, bool) {
    let width = to.step - from.step;
    let theta = 3.0 * (from.loss - to.loss) / width + from.slope + to.slope;
    let scale = theta.abs().max(from.slope.abs()).max(to.slope.abs());
    let radicand = (theta / scale).powi(2) - (from.slope / scale) * (to.slope / scale);
    let gamma = (scale * radicand.max(0.0).sqrt()).copysign(width);
    let ratio = (gamma - from.slope + theta) / (gamma - from.slope + gamma + to.slope);
    (from.step + ratio * width, ratio < 0.0 && gamma != 0.0)
}

/// Zero of the slope on the line through both slopes.
fn secant_step(from: Point, to: Point) -> f64 {
    from.step + from.slope / (from.slope - to.slope) * (to.step - from.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search and returns the accepted step and the number of evaluations.
    fn search(function: impl Fn(f64) -> (f64, f64), first_step: f64) -> (f64, usize) {
        let point = |step: f64| {
            let (loss, slope) = function(step);
            Point { step, loss, slope }
        };
        let mut search = LineSearch::new(point(0.0), first_step);
        let mut step = first_step;
        for n_evaluations in 1..50 {
            match search.advance(point(step)) {
                Advice::Accept => return (step, n_evaluations),
                Advice::Try(next) => step = next,
            }
        }
        panic!("the search does not end");
    }

    /// Steps and evaluations of SciPy 1.17's `DCSRCH` with the same constants.
    #[test]
    fn the_search_takes_scipys_steps() {
        let quartic = |x: f64| ((x - 1.0).powi(4) - x, 4.0 * (x - 1.0).powi(3) - 1.0);
        let wave =
            |x: f64| ((3.0 * x).cos() - 0.5 * x + 0.05 * x * x, -3.0 * (3.0 * x).sin() - 0.5 + 0.1 * x);
        let more_thuente = |x: f64| (-x / (x * x + 2.0), (x * x - 2.0) / (x * x + 2.0).powi(2));
        let found = [
            search(quartic, 1e-3),
            search(quartic, 10.0),
            search(wave, 1.0),
            search(wave, 30.0),
            search(more_thuente, 1e3),
            search(more_thuente, 1e-3),
        ];
        let expected = [
            (0.085, 4),
            (1.990_481_507_590_606_8, 2),
            (5.209_239_071_082_682, 6),
            (1.058_196_213_909_405, 5),
            (36.887_606_963_966_62, 4),
            (0.341, 5),
        ];
        for ((step, n_evaluations), (expected_step, expected_n_evaluations)) in
            found.into_iter().zip(expected)
        {
            assert!((step - expected_step).abs() <= 1e-10 * expected_step, "{step} is not {expected_step}");
            assert_eq!(n_evaluations, expected_n_evaluations);
        }
    }
}
