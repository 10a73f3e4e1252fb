//! Random numbers from a seed.

use std::f64::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform, from 0 to below 1.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0.r#gen()
    }

    /// Uniform, from `low` to below `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal, by the method of Box and Muller; the second number of each pair is not used.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// As many standard normal numbers.
    pub(super) fn normals(&mut self, n_values: usize) -> Vec<f64> {
        (0..n_values).map(|_| self.normal()).collect()
    }

    /// Random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.r#gen()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// An index, with probabilities in proportion to the weights.
    pub(super) fn index(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.uniform() * weights.iter().sum::<f64>();
        for (idx, weight) in weights.iter().enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return idx;
            }
        }
        weights.len().saturating_sub(1)
    }
}
