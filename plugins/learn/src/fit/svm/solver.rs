//! Sequential minimal optimization: two coefficients at a time.

use super::{
    FitError,
    cache::RowCache,
    kernel_rows::{KernelRows, LANES},
    passes::{self, Largest, LowerCandidates},
    variables::{DualProblem, Variables},
};

/// Steps over variables between two looks at `stop`; about a hundredth of a second.
pub(super) const WORK_PER_LOOK: usize = 1 << 22;

/// Iterations between two attempts to shrink; fewer for fewer rows.
const SHRINK_EVERY: usize = 1000;

/// When a solver ends.
pub(super) struct Limits<'a> {
    /// The largest violation of the optimality conditions at the end.
    pub(super) tolerance: f64,
    /// Iterations at the most.
    pub(super) max_iter: u64,
    /// Bytes for kernel rows.
    pub(super) cache_bytes: usize,
    /// Whether the caller wants the fit to stop.
    pub(super) stop: &'a (dyn Fn() -> bool + Sync),
}

/// Where a solver ended.
pub(super) struct Solution {
    /// The signed dual coefficients, by row.
    pub(super) beta: Vec<f64>,
    /// Subtracted from `Σ βᵢ K(xᵢ, x)`.
    pub(super) rho: f64,
    /// Iterations done.
    pub(super) n_iter: u64,
    /// Whether the violation is within the tolerance.
    pub(super) converged: bool,
    /// The largest violation of the optimality conditions.
    pub(super) violation: f64,
}

/// The state of the iteration.
pub(super) struct Solver<'a> {
    pub(super) kernel_rows: KernelRows,
    pub(super) variables: Variables,
    pub(super) cache: RowCache,
    pub(super) limits: Limits<'a>,
    /// Variables at positions below this take part; the others sit at a limit and are expected to stay there.
    pub(super) n_active: usize,
    /// Whether all variables took part once more when the end came near.
    pub(super) was_unshrunk: bool,
    until_shrink: usize,
    work: usize,
    vector: Vec<f64>,
}

/// Two variables to change, and by how much at the most.
struct WorkingSet {
    up: usize,
    down: usize,
    step: f64,
}

impl<'a> Solver<'a> {
    /// A solver at `β = 0`.
    pub(super) fn new(problem: DualProblem, kernel_rows: KernelRows, limits: Limits<'a>) -> Self {
        let variables = Variables::new(problem);
        let n_rows = variables.len();
        Self {
            kernel_rows,
            cache: RowCache::new(n_rows, limits.cache_bytes),
            limits,
            n_active: n_rows,
            was_unshrunk: false,
            until_shrink: SHRINK_EVERY.min(n_rows),
            work: 0,
            vector: Vec::new(),
            variables,
        }
    }

    /// Iterates to the end.
    pub(super) fn solve(mut self) -> Result<Solution, FitError> {
        let mut n_iter = 0;
        let mut up = self.best_up();
        while n_iter < self.limits.max_iter {
            if self.until_shrink == 0 {
                self.until_shrink = SHRINK_EVERY.min(self.variables.len());
                self.shrink()?;
                up = self.best_up();
            }
            let Some(working_set) = self.select(up)? else {
                if self.n_active == self.variables.len() {
                    break;
                }
                self.activate_all()?;
                self.until_shrink = 1;
                up = self.best_up();
                continue;
            };
            self.until_shrink -= 1;
            n_iter += 1;
            match self.step(&working_set) {
                Some(next) => up = next,
                // Steps have become too small for the coefficients' digits.
                None => break,
            }
        }
        self.activate_all()?;
        Ok(self.into_solution(n_iter))
    }

    /// The variable with the largest slope upwards.
    fn best_up(&self) -> Largest {
        passes::largest_sum(
            &self.variables.residual[..self.n_active],
            &self.variables.up_offset[..self.n_active],
        )
    }

    /// Pairs the variable with the largest slope upwards; `None` if the active variables are optimal.
    fn select(&mut self, up: Largest) -> Result<Option<WorkingSet>, FitError> {
        if up.value == f64::NEG_INFINITY {
            return Ok(None);
        }
        self.fetch_row(up.position)?;
        let n_active = self.n_active;
        let row = self.cache.row(self.variables.rows[up.position]);
        let diagonal = self.kernel_rows.diagonal();
        let candidates = LowerCandidates {
            residual: &self.variables.residual[..n_active],
            low_offset: &self.variables.low_offset[..n_active],
            diagonal: &diagonal[..n_active],
            row: &row[..n_active],
        };
        let (best, violation) = candidates.best(up.value, diagonal[up.position]);
        // A gain of zero is one that underflowed.
        if violation <= self.limits.tolerance || best.value <= 0.0 {
            return Ok(None);
        }
        let down = best.position;
        let slope = up.value - self.variables.low_slope(down);
        let step = slope / passes::curvature(diagonal[up.position], diagonal[down], row[down]);
        self.fetch_row(down)?;
        Ok(Some(WorkingSet { up: up.position, down, step }))
    }

    /// Changes the coefficients of a working set; returns where to go up next, or `None` if nothing changed.
    fn step(&mut self, set: &WorkingSet) -> Option<Largest> {
        let rows = [set.up, set.down].map(|position| self.variables.rows[position]);
        let (change_up, change_down) = self.variables.step(set.up, set.down, set.step);
        if change_up == 0.0 && change_down == 0.0 {
            return None;
        }
        let n_active = self.n_active;
        Some(passes::update(
            &mut self.variables.residual[..n_active],
            &self.variables.up_offset[..n_active],
            &passes::Step { change: change_up, row: &self.cache.row(rows[0])[..n_active] },
            &passes::Step { change: change_down, row: &self.cache.row(rows[1])[..n_active] },
        ))
    }

    fn fetch_row(&mut self, position: usize) -> Result<(), FitError> {
        let Self { kernel_rows, cache, vector, variables, n_active, .. } = self;
        let mut work = *n_active;
        cache.fetch(variables.rows[position], *n_active, |start, values| {
            work += values.len() * (kernel_rows.n_features() + LANES) / LANES;
            kernel_rows.copy_row(position, vector);
            kernel_rows.kernel_row(vector, start, values);
        });
        self.work += work;
        if self.work >= WORK_PER_LOOK {
            self.work = 0;
            if (self.limits.stop)() {
                return Err(FitError::Stopped);
            }
        }
        Ok(())
    }

    fn into_solution(self, n_iter: u64) -> Solution {
        let (up, low) = self.extreme_slopes();
        let violation = (up - low).max(0.0);
        let mut beta = vec![0.0; self.variables.len()];
        for (row, value) in self.variables.rows.iter().zip(&self.variables.beta) {
            beta[*row] = *value;
        }
        Solution {
            beta,
            rho: self.rho(up, low),
            n_iter,
            converged: violation <= self.limits.tolerance,
            violation,
        }
    }

    /// Minus the mean slope of the free variables, or of the extreme slopes if no variable is free.
    fn rho(&self, up: f64, low: f64) -> f64 {
        let free = (0..self.variables.len()).filter(|position| self.variables.is_free(*position));
        let (sum, n_free) =
            free.fold((0.0, 0_usize), |(sum, n), position| (sum + self.variables.up_slope(position), n + 1));
        match (up.is_finite(), low.is_finite()) {
            _ if n_free > 0 => -sum / n_free as f64,
            (true, true) => -f64::midpoint(up, low),
            (true, false) => -up,
            (false, true) => -low,
            (false, false) => 0.0,
        }
    }
}
