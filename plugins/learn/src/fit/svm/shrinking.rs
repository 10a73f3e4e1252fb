//! Shrinking: variables that sit at a limit and are not likely to leave it take no part for a while.

use rayon::prelude::*;

use super::{
    FitError,
    kernel_rows::LANES,
    passes,
    solver::{Solver, WORK_PER_LOOK},
};

/// Residuals that one thread computes at a time; a multiple of [`LANES`].
const BLOCK: usize = 32 * LANES;

/// How near the end, in tolerances, all variables take part again for the first time.
const UNSHRINK_WITHIN: f64 = 10.0;

impl Solver<'_> {
    /// Lets variables rest that the optimality conditions of the present point leave at their limits.
    pub(super) fn shrink(&mut self) -> Result<(), FitError> {
        let (mut up, mut low) = self.extreme_slopes();
        if !self.was_unshrunk && up - low <= UNSHRINK_WITHIN * self.limits.tolerance {
            self.was_unshrunk = true;
            self.activate_all()?;
            (up, low) = self.extreme_slopes();
        }
        if self.n_active == self.variables.len() {
            self.variables.mark_synced();
        }
        let mut swaps = Vec::new();
        let mut position = 0;
        while position < self.n_active {
            if self.is_at_rest(position, up, low) {
                self.n_active -= 1;
                while self.n_active > position && self.is_at_rest(self.n_active, up, low) {
                    self.n_active -= 1;
                }
                if self.n_active > position {
                    self.variables.swap(position, self.n_active);
                    self.kernel_rows.swap(position, self.n_active);
                    swaps.push((position, self.n_active));
                }
            }
            position += 1;
        }
        if !swaps.is_empty() {
            self.cache.apply(&swaps);
        }
        Ok(())
    }

    /// Brings all residuals up to date and lets all variables take part.
    pub(super) fn activate_all(&mut self) -> Result<(), FitError> {
        let n_rows = self.variables.len();
        if self.n_active < n_rows {
            self.reconstruct_residuals()?;
            self.n_active = n_rows;
        }
        Ok(())
    }

    /// The largest slope upwards and the least downwards among active variables.
    pub(super) fn extreme_slopes(&self) -> (f64, f64) {
        let low = (0..self.n_active)
            .map(|position| self.variables.low_slope(position))
            .fold(f64::INFINITY, f64::min);
        let active = ..self.n_active;
        let up = passes::largest_sum(&self.variables.residual[active], &self.variables.up_offset[active]);
        (up.value, low)
    }

    fn is_at_rest(&self, position: usize, up: f64, low: f64) -> bool {
        self.variables.up_slope(position) < low && self.variables.low_slope(position) > up
    }

    /// Only coefficients count that changed since all residuals were right.
    fn reconstruct_residuals(&mut self) -> Result<(), FitError> {
        let Self { kernel_rows, variables, n_active, limits, .. } = self;
        let mut changed = Vec::new();
        for (position, (beta, synced)) in variables.beta.iter().zip(&variables.synced_beta).enumerate() {
            let change = beta - synced;
            if change != 0.0 {
                let mut vector = Vec::new();
                kernel_rows.copy_row(position, &mut vector);
                changed.push((change, vector));
            }
        }
        let first = *n_active;
        variables.residual[first..].copy_from_slice(&variables.synced_residual[first..]);
        let changes_per_look = (WORK_PER_LOOK / (BLOCK / LANES * (kernel_rows.n_features() + LANES))).max(1);
        let (kernel_rows, stop) = (&*kernel_rows, limits.stop);
        // Each block of residuals is summed alone and in the order of the changes, whatever the number of
        // threads.
        variables.residual[first..].par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, residual)| {
            let mut values = [0.0_f64; BLOCK];
            let values = &mut values[..residual.len()];
            for changed in changed.chunks(changes_per_look) {
                if stop() {
                    return Err(FitError::Stopped);
                }
                for (change, vector) in changed {
                    kernel_rows.kernel_block(vector, first + block * BLOCK, values);
                    for (residual, value) in residual.iter_mut().zip(&*values) {
                        *residual -= change * *value;
                    }
                }
            }
            Ok(())
        })
    }
}
