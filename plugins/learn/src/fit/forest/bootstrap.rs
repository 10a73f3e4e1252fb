//! The rows of each tree of a forest, and the generator that belongs to it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of a tree: its own stream of the seed's generator, whichever thread grows the tree.
pub(super) fn tree_rng(seed: u64, tree_idx: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(tree_idx as u64);
    rng
}

/// Draws rows with replacement, with chances in proportion to weights if there are any.
#[derive(Debug)]
pub(super) struct Bootstrap {
    n_rows: usize,
    n_draws: usize,
    /// The sum of the weights up to each row; empty if all rows are equal.
    cumulative: Vec<f64>,
}

impl Bootstrap {
    /// For `n_draws` out of `n_rows` rows.
    pub(super) fn new(n_rows: usize, n_draws: usize, weights: Option<&[f64]>) -> Self {
        let mut sum = 0.0;
        let mut add = |weight: &f64| {
            sum += weight;
            sum
        };
        let cumulative = weights.map_or_else(Vec::new, |weights| weights.iter().map(&mut add).collect());
        Self { n_rows, n_draws, cumulative }
    }

    /// How often each row was drawn.
    pub(super) fn counts(&self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut counts = vec![0; self.n_rows];
        for _ in 0..if self.n_rows == 0 { 0 } else { self.n_draws } {
            counts[self.draw(rng)] += 1;
        }
        counts
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let Some(sum) = self.cumulative.last() else { return rng.gen_range(0..self.n_rows) };
        let drawn = rng.r#gen::<f64>() * sum;
        // A row of weight 0 ends where its predecessor ends, and is passed over.
        self.cumulative.partition_point(|end| *end <= drawn).min(self.n_rows - 1)
    }
}
