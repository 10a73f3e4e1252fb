//! Minimisation of a function of one variable without derivatives.
//!
//! Sources: Brent (1973), Algorithms for Minimization without Derivatives, chapter 5, for the search inside an
//! interval; Press et al. (1992), Numerical Recipes in C, section 10.1, for the bracket around a minimum. The constants
//! are those of `SciPy`, whose optimiser `PowerTransformer` uses.

/// Greatest number of steps of one search.
const MAXIMUM_STEPS: usize = 500;

/// Greatest number of extensions of a bracket.
const MAXIMUM_EXTENSIONS: usize = 1000;

/// Ratio of two extensions of a bracket.
const GOLDEN_RATIO: f64 = 1.618_034;

/// Farthest parabolic extension of a bracket, in lengths of the current one.
const GROWTH_LIMIT: f64 = 110.0;

/// Least divisor of a parabolic extension.
const LEAST_DIVISOR: f64 = 1e-21;

/// Tolerance of the position of the minimum.
const POSITION_TOLERANCE: f64 = 1.48e-8;

/// A position and the value of the function there.
#[derive(Clone, Copy)]
struct Point {
    /// Where the function was evaluated.
    position: f64,
    /// What the function returned.
    value: f64,
}

impl Point {
    /// Evaluates the function at a position.
    fn at(function: &impl Fn(f64) -> f64, position: f64) -> Self {
        Self { position, value: function(position) }
    }
}

/// How exactly a search finds the minimum.
struct Precision {
    /// Tolerance in proportion to the position.
    relative: f64,
    /// Tolerance at position 0.
    absolute: f64,
    /// Part of the larger side of the interval that a golden section step takes.
    section: f64,
}

impl Precision {
    /// Returns the tolerance at a position.
    fn tolerance(&self, position: f64) -> f64 {
        self.relative * position.abs() + self.absolute
    }
}

/// Returns the position of a minimum between `low` and `high`.
pub(crate) fn minimize_bounded(function: &impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let precision = Precision {
        relative: 2.2e-16_f64.sqrt(),
        absolute: POSITION_TOLERANCE / 3.0,
        section: 0.5 * (3.0 - 5.0_f64.sqrt()),
    };
    let start = Point::at(function, low + precision.section * (high - low));
    Search::new(low, high, start).run(function, &precision)
}

/// Returns the position of a minimum downhill from two positions, or `None` if no bracket around one is found.
pub(crate) fn minimize_downhill(function: &impl Fn(f64) -> f64, first: f64, second: f64) -> Option<f64> {
    let precision = Precision { relative: POSITION_TOLERANCE, absolute: 1e-11, section: 0.381_966 };
    let [left, middle, right] = bracket(function, first, second)?;
    let low = left.position.min(right.position);
    let high = left.position.max(right.position);
    Some(Search::new(low, high, middle).run(function, &precision))
}

/// The state of a search inside an interval.
struct Search {
    /// Lower end of the interval that holds the minimum.
    low: f64,
    /// Upper end of that interval.
    high: f64,
    /// The least point so far.
    best: Point,
    /// The second least point.
    second: Point,
    /// The second least point before the last change.
    third: Point,
    /// The last step.
    step: f64,
    /// The step before the last.
    step_before: f64,
}

impl Search {
    /// Starts a search at a point inside an interval.
    fn new(low: f64, high: f64, start: Point) -> Self {
        Self { low, high, best: start, second: start, third: start, step: 0.0, step_before: 0.0 }
    }

    /// Steps until the interval is within the tolerance and returns the best position.
    fn run(mut self, function: &impl Fn(f64) -> f64, precision: &Precision) -> f64 {
        for _ in 0..MAXIMUM_STEPS {
            let tolerance = precision.tolerance(self.best.position);
            let distance = (self.best.position - self.middle()).abs();
            if distance <= 2.0 * tolerance - 0.5 * (self.high - self.low) {
                break;
            }
            self.choose_step(tolerance, precision.section);
            let length = self.step.abs().max(tolerance);
            let step = if self.step >= 0.0 { length } else { -length };
            self.narrow(Point::at(function, self.best.position + step));
        }
        self.best.position
    }

    /// Returns the middle of the interval.
    fn middle(&self) -> f64 {
        0.5 * (self.low + self.high)
    }

    /// Chooses a parabolic step where it is trustworthy and a golden section step elsewhere.
    fn choose_step(&mut self, tolerance: f64, section: f64) {
        if let Some(step) = self.parabolic_step(tolerance) {
            self.step_before = self.step;
            self.step = step;
            return;
        }
        let end = if self.best.position >= self.middle() { self.low } else { self.high };
        self.step_before = end - self.best.position;
        self.step = section * self.step_before;
    }

    /// Returns the step to the vertex of the parabola through the three points, if it lies inside the interval and is
    /// shorter than half the step before the last.
    fn parabolic_step(&self, tolerance: f64) -> Option<f64> {
        let best = self.best;
        let to_second = (best.position - self.second.position) * (best.value - self.third.value);
        let to_third = (best.position - self.third.position) * (best.value - self.second.value);
        let unsigned = (best.position - self.third.position) * to_third
            - (best.position - self.second.position) * to_second;
        let slope = 2.0 * (to_third - to_second);
        let numerator = if slope > 0.0 { -unsigned } else { unsigned };
        let divisor = slope.abs();
        let is_trusted = self.step_before.abs() > tolerance
            && numerator.abs() < (0.5 * divisor * self.step_before).abs()
            && numerator > divisor * (self.low - best.position)
            && numerator < divisor * (self.high - best.position);
        is_trusted.then(|| self.away_from_ends(numerator / divisor, tolerance))
    }

    /// Replaces a step that lands next to an end of the interval by the least step towards the middle.
    fn away_from_ends(&self, step: f64, tolerance: f64) -> f64 {
        let target = self.best.position + step;
        let is_inside = target - self.low >= 2.0 * tolerance && self.high - target >= 2.0 * tolerance;
        match (is_inside, self.middle() >= self.best.position) {
            (true, _) => step,
            (false, true) => tolerance,
            (false, false) => -tolerance,
        }
    }

    /// Takes in a new point: shrinks the interval and keeps the three least points.
    #[expect(clippy::float_cmp, reason = "the question is whether two points are the same one")]
    fn narrow(&mut self, trial: Point) {
        let is_above = trial.position >= self.best.position;
        if trial.value <= self.best.value {
            let end = if is_above { &mut self.low } else { &mut self.high };
            *end = self.best.position;
            (self.third, self.second, self.best) = (self.second, self.best, trial);
            return;
        }
        let end = if is_above { &mut self.high } else { &mut self.low };
        *end = trial.position;
        if trial.value <= self.second.value || self.second.position == self.best.position {
            (self.third, self.second) = (self.second, trial);
        } else if trial.value <= self.third.value
            || self.third.position == self.best.position
            || self.third.position == self.second.position
        {
            self.third = trial;
        }
    }
}

/// Returns three points in order of position, up or down, of which the middle one has the least value.
fn bracket(function: &impl Fn(f64) -> f64, first: f64, second: f64) -> Option<[Point; 3]> {
    let mut points = [Point::at(function, first), Point::at(function, second)];
    if points[0].value < points[1].value {
        points.reverse();
    }
    let [high, low] = points;
    let mut triple = [high, low, beyond(function, high, low)];
    for _ in 0..=MAXIMUM_EXTENSIONS {
        if !is_falling(&triple) {
            return is_bracket(&triple).then_some(triple);
        }
        triple = extend(function, triple);
    }
    None
}

/// Tells whether the last of three points lies below the middle one.
fn is_falling(triple: &[Point; 3]) -> bool {
    triple[2].value < triple[1].value
}

/// Evaluates the function past `to`, seen from `from`, at the golden ratio of their distance.
fn beyond(function: &impl Fn(f64) -> f64, from: Point, to: Point) -> Point {
    Point::at(function, to.position + GOLDEN_RATIO * (to.position - from.position))
}

/// Moves a falling triple downhill, or closes it when a point between the last two shows the minimum.
fn extend(function: &impl Fn(f64) -> f64, [left, middle, right]: [Point; 3]) -> [Point; 3] {
    let target = vertex(left, middle, right);
    let limit = middle.position + GROWTH_LIMIT * (right.position - middle.position);
    if (target - right.position) * (middle.position - target) > 0.0 {
        let inside = Point::at(function, target);
        if inside.value < right.value {
            return [middle, inside, right];
        }
        if inside.value > middle.value {
            return [left, middle, inside];
        }
    } else if (target - limit) * (limit - right.position) >= 0.0 {
        return [middle, right, Point::at(function, limit)];
    } else if (target - limit) * (right.position - target) > 0.0 {
        let outside = Point::at(function, target);
        if outside.value < right.value {
            return [right, outside, beyond(function, right, outside)];
        }
        return [middle, right, outside];
    }
    [middle, right, beyond(function, middle, right)]
}

/// Returns the position of the vertex of the parabola through three points.
fn vertex(left: Point, middle: Point, right: Point) -> f64 {
    let to_left = (middle.position - left.position) * (middle.value - right.value);
    let to_right = (middle.position - right.position) * (middle.value - left.value);
    let curvature = to_right - to_left;
    let divisor = 2.0 * if curvature.abs() < LEAST_DIVISOR { LEAST_DIVISOR } else { curvature };
    let numerator =
        (middle.position - right.position) * to_right - (middle.position - left.position) * to_left;
    middle.position - numerator / divisor
}

/// Tells whether three points enclose a minimum.
fn is_bracket([left, middle, right]: &[Point; 3]) -> bool {
    let is_least = (middle.value < right.value && middle.value <= left.value)
        || (middle.value < left.value && middle.value <= right.value);
    let is_ordered = (left.position < middle.position && middle.position < right.position)
        || (right.position < middle.position && middle.position < left.position);
    let is_finite = [left, middle, right].iter().all(|point| point.position.is_finite());
    is_least && is_ordered && is_finite
}

#[cfg(test)]
mod tests {
    use super::{minimize_bounded, minimize_downhill};

    #[test]
    fn both_searches_find_the_bottom_of_a_valley() {
        let valley = |position: f64| (position - 7.5).cosh();
        assert!((minimize_bounded(&valley, 0.0, 20.0) - 7.5).abs() < 1e-6);
        assert!((minimize_downhill(&valley, -2.0, 2.0).unwrap() - 7.5).abs() < 1e-6);
    }

    #[test]
    fn a_slope_without_a_bottom_has_no_bracket() {
        assert_eq!(minimize_downhill(&|position| -position, -2.0, 2.0), None);
        assert_eq!(minimize_downhill(&|_| f64::NAN, -2.0, 2.0), None);
    }
}
