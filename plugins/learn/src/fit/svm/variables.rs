//! The variables of the dual problem, by position: active ones first.

/// The dual problem but for the kernel; the vectors have an entry for each row.
pub(super) struct DualProblem {
    /// What the decisions should be: ±1 for classes.
    pub(super) targets: Vec<f64>,
    /// The least coefficients, not positive.
    pub(super) lower: Vec<f64>,
    /// The largest coefficients, not negative.
    pub(super) upper: Vec<f64>,
    /// Deviations up to this cost nothing.
    pub(super) epsilon: f64,
}

/// Variables with what the solver knows about each.
pub(super) struct Variables {
    /// The row of the problem.
    pub(super) rows: Vec<usize>,
    /// The signed dual coefficients.
    pub(super) beta: Vec<f64>,
    /// Targets minus outputs, `t − Kβ`; out of date for variables that are not active.
    pub(super) residual: Vec<f64>,
    /// Residual plus this is the slope of the objective when the coefficient grows; −∞ at its upper limit.
    pub(super) up_offset: Vec<f64>,
    /// Residual plus this is the slope of the objective when the coefficient falls; ∞ at its lower limit.
    pub(super) low_offset: Vec<f64>,
    /// The coefficients when all residuals were right last.
    pub(super) synced_beta: Vec<f64>,
    /// The residuals at that time.
    pub(super) synced_residual: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    epsilon: f64,
}

impl Variables {
    /// All coefficients zero.
    pub(super) fn new(problem: DualProblem) -> Self {
        let n_rows = problem.targets.len();
        let mut variables = Self {
            rows: (0..n_rows).collect(),
            beta: vec![0.0; n_rows],
            residual: problem.targets.clone(),
            up_offset: vec![0.0; n_rows],
            low_offset: vec![0.0; n_rows],
            synced_beta: vec![0.0; n_rows],
            synced_residual: problem.targets,
            lower: problem.lower,
            upper: problem.upper,
            epsilon: problem.epsilon,
        };
        (0..n_rows).for_each(|position| variables.set_offsets(position));
        variables
    }

    /// The number of variables.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Exchanges two variables.
    pub(super) fn swap(&mut self, first: usize, second: usize) {
        self.rows.swap(first, second);
        for values in [
            &mut self.beta,
            &mut self.residual,
            &mut self.up_offset,
            &mut self.low_offset,
            &mut self.synced_beta,
            &mut self.synced_residual,
            &mut self.lower,
            &mut self.upper,
        ] {
            values.swap(first, second);
        }
    }

    /// The slope of the objective when a coefficient grows.
    pub(super) fn up_slope(&self, position: usize) -> f64 {
        self.residual[position] + self.up_offset[position]
    }

    /// The slope of the objective when a coefficient falls, with the sign of the other slope.
    pub(super) fn low_slope(&self, position: usize) -> f64 {
        self.residual[position] + self.low_offset[position]
    }

    /// Whether a coefficient lies strictly between limits.
    pub(super) fn is_free(&self, position: usize) -> bool {
        let beta = self.beta[position];
        beta != 0.0 && beta < self.upper[position] && beta > self.lower[position]
    }

    /// Moves one coefficient up and the other down by up to `step`, and returns what they changed by.
    pub(super) fn step(&mut self, up: usize, down: usize, step: f64) -> (f64, f64) {
        let highest = self.next_limit_up(up);
        let lowest = self.next_limit_down(down);
        let (room_up, room_down) = (highest - self.beta[up], self.beta[down] - lowest);
        let step = step.min(room_up).min(room_down);
        // A coefficient that reaches its limit is set to it, so that zeros and bounds are exact.
        let moved_up = if step >= room_up { highest } else { (self.beta[up] + step).min(highest) };
        let moved_down = if step >= room_down { lowest } else { (self.beta[down] - step).max(lowest) };
        let changes = (moved_up - self.beta[up], moved_down - self.beta[down]);
        self.beta[up] = moved_up;
        self.beta[down] = moved_down;
        self.set_offsets(up);
        self.set_offsets(down);
        changes
    }

    /// Remembers the present state as one in which all residuals are right.
    pub(super) fn mark_synced(&mut self) {
        self.synced_beta.copy_from_slice(&self.beta);
        self.synced_residual.copy_from_slice(&self.residual);
    }

    /// Zero is a limit, since the slope of `ε|β|` jumps there.
    fn next_limit_up(&self, position: usize) -> f64 {
        if self.beta[position] < 0.0 { 0.0 } else { self.upper[position] }
    }

    fn next_limit_down(&self, position: usize) -> f64 {
        if self.beta[position] > 0.0 { 0.0 } else { self.lower[position] }
    }

    fn set_offsets(&mut self, position: usize) {
        let beta = self.beta[position];
        self.up_offset[position] = if beta >= self.upper[position] {
            f64::NEG_INFINITY
        } else if beta < 0.0 {
            self.epsilon
        } else {
            -self.epsilon
        };
        self.low_offset[position] = if beta <= self.lower[position] {
            f64::INFINITY
        } else if beta > 0.0 {
            -self.epsilon
        } else {
            self.epsilon
        };
    }
}
