//! Quadratics with an L1 penalty: `½ vᵀHv − qᵀv + Σ λⱼ|vⱼ|`.
//!
//! Cyclic coordinate descent over all coordinates and over the non-zero ones in turn (Friedman, Hastie and
//! Tibshirani, 2010). Once the non-zero coordinates change little, a Newton step on them alone ends what
//! would converge slowly for correlated columns; it goes no further than the first change of a sign.

use super::{
    Cholesky, FitError, Stop,
    vector::{add_scaled, dot},
};

/// Sweeps over the non-zero coordinates between two over all.
const N_ACTIVE_SWEEPS: usize = 10;
/// More non-zero coordinates than this are left to coordinate descent alone.
const MAX_DIRECT: usize = 2000;

/// Sweeps over all coordinates in a row that bring the optimum no nearer, before rounding is taken for the cause.
const MAX_IDLE: usize = 50;

/// The problem to minimise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PenalizedQuadratic<'a> {
    /// `H`: symmetric, positive semidefinite, row-major.
    pub(crate) hessian: &'a [f64],
    /// `q`.
    pub(crate) linear: &'a [f64],
    /// `λ`: zero for coordinates without a penalty.
    pub(crate) l1: &'a [f64],
}

/// How the descent ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweeps {
    /// Sweeps over all or over the non-zero coordinates.
    pub(crate) n_sweeps: usize,
    /// The greatest violation of the optimality conditions in the last sweep over all.
    pub(crate) violation: f64,
}

/// Returns by how much a coordinate violates its optimality condition: the shortest subgradient's absolute
/// value.
///
/// `gradient` is that of the smooth part.
pub(crate) fn kkt_violation(value: f64, gradient: f64, l1: f64) -> f64 {
    if value == 0.0 { (gradient.abs() - l1).max(0.0) } else { (gradient + l1.copysign(value)).abs() }
}

impl PenalizedQuadratic<'_> {
    /// Minimises from `v` on, until no optimality condition is violated by more than `tolerance`.
    pub(crate) fn minimize(
        &self,
        v: &mut [f64],
        tolerance: f64,
        max_sweeps: usize,
        stop: Stop,
    ) -> Result<Sweeps, FitError> {
        let mut gradient = self.gradient(v);
        let mut sweeps = Sweeps { n_sweeps: 0, violation: f64::INFINITY };
        let mut active = Vec::new();
        let (mut least, mut n_idle) = (f64::INFINITY, 0);
        while sweeps.n_sweeps < max_sweeps && n_idle < MAX_IDLE {
            sweeps.violation = self.sweep(0..v.len(), v, &mut gradient);
            sweeps.n_sweeps += 1;
            FitError::check(stop)?;
            if sweeps.violation <= tolerance {
                break;
            }
            n_idle = if sweeps.violation < 0.9 * least { 0 } else { n_idle + 1 };
            least = sweeps.violation.min(least);
            active.clear();
            active.extend((0..v.len()).filter(|at| v[*at] != 0.0));
            for _ in 0..N_ACTIVE_SWEEPS.min(max_sweeps - sweeps.n_sweeps) {
                let violation = self.sweep(active.iter().copied(), v, &mut gradient);
                sweeps.n_sweeps += 1;
                FitError::check(stop)?;
                if violation <= 0.1 * tolerance {
                    break;
                }
            }
            self.step_on_active(v, &mut gradient, stop)?;
        }
        Ok(sweeps)
    }

    fn row(&self, row: usize) -> &[f64] {
        let n = self.linear.len();
        &self.hessian[row * n..(row + 1) * n]
    }

    /// `H·v − q`.
    fn gradient(&self, v: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = self.linear.iter().map(|value| -value).collect();
        for (at, value) in v.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            add_scaled(&mut gradient, *value, self.row(at));
        }
        gradient
    }

    /// Minimises over one coordinate after the other; returns the greatest violation met.
    fn sweep(&self, order: impl Iterator<Item = usize>, v: &mut [f64], gradient: &mut [f64]) -> f64 {
        let mut greatest: f64 = 0.0;
        for at in order {
            let curvature = self.row(at)[at];
            if curvature <= 0.0 {
                continue;
            }
            let old = v[at];
            greatest = greatest.max(kkt_violation(old, gradient[at], self.l1[at]));
            let target = old * curvature - gradient[at];
            let new = target.signum() * (target.abs() - self.l1[at]).max(0.0) / curvature;
            let change = new - old;
            if change != 0.0 {
                v[at] = new;
                add_scaled(gradient, change, self.row(at));
            }
        }
        greatest
    }

    /// Goes to the minimum over the non-zero coordinates, or to the first change of a sign on the way.
    fn step_on_active(&self, v: &mut [f64], gradient: &mut Vec<f64>, stop: Stop) -> Result<(), FitError> {
        let active: Vec<usize> =
            (0..v.len()).filter(|at| v[*at] != 0.0 && self.row(*at)[*at] > 0.0).collect();
        let n = active.len();
        if n == 0 || n > MAX_DIRECT {
            return Ok(());
        }
        let block =
            active.iter().flat_map(|row| active.iter().map(|column| self.row(*row)[*column])).collect();
        let Some(cholesky) = Cholesky::new(block, n, stop)? else { return Ok(()) };
        let mut step: Vec<f64> =
            active.iter().map(|at| -(gradient[*at] + self.l1[*at].copysign(v[*at]))).collect();
        cholesky.solve(&mut step);
        if step.iter().any(|value| !value.is_finite()) {
            return Ok(());
        }
        let mut length = 1.0;
        let mut first = None;
        for (at, change) in active.iter().zip(&step) {
            let crossing = -v[*at] / change;
            if self.l1[*at] > 0.0 && crossing > 0.0 && crossing < length {
                length = crossing;
                first = Some(*at);
            }
        }
        for (at, change) in active.iter().zip(&step) {
            v[*at] += length * change;
        }
        if let Some(at) = first {
            v[at] = 0.0;
        }
        *gradient = self.gradient(v);
        Ok(())
    }

    /// `H·v`, to make `q` from a gradient.
    pub(crate) fn product(hessian: &[f64], v: &[f64]) -> Vec<f64> {
        hessian.chunks_exact(v.len().max(1)).map(|row| dot(row, v)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_coordinate_is_soft_thresholded() {
        for (linear, expected) in [(5.0, 2.0), (-5.0, -2.0), (0.5, 0.0)] {
            let problem = PenalizedQuadratic { hessian: &[2.0], linear: &[linear], l1: &[1.0] };
            let mut v = [0.0];
            problem.minimize(&mut v, 1e-12, 100, &|| false).unwrap();
            assert!((v[0] - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn strongly_correlated_coordinates_converge_at_once() {
        let hessian = [1.0, 0.999_999, 0.999_999, 1.0];
        let problem =
            PenalizedQuadratic { hessian: &hessian, linear: &[1.0, 0.999_999_5], l1: &[1e-7, 1e-7] };
        let mut v = [0.0; 2];
        let sweeps = problem.minimize(&mut v, 1e-12, 1000, &|| false).unwrap();
        assert!(sweeps.violation <= 1e-12);
        assert!(sweeps.n_sweeps < 100, "{}", sweeps.n_sweeps);
        let gradient = problem.gradient(&v);
        for at in 0..2 {
            assert!(kkt_violation(v[at], gradient[at], 1e-7) < 1e-12);
        }
    }
}
