//! Adam and stochastic gradient descent: epochs over shuffled batches, and when to stop.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::error::FitError;
use super::fit::{Ending, MlpFit};
use super::initial::{Purpose, generator};
use super::objective::Objective;
use super::options::MlpOptions;
use super::score::Scorer;
use super::step::{Pace, State};

/// Batch size where the settings name none.
const BATCH_SIZE: usize = 200;

/// Rows of a batch.
pub(super) fn batch_size(options: &MlpOptions, n_rows: usize) -> usize {
    options.batch_size.unwrap_or(BATCH_SIZE).clamp(1, n_rows)
}

/// State of a run over several epochs.
pub(super) struct Stochastic<'a> {
    /// Loss over the training rows.
    pub(super) objective: Objective<'a>,
    /// Scores that decide when to stop; without them the loss does.
    pub(super) scorer: Option<Scorer<'a>>,
    /// Settings of the fit.
    pub(super) options: &'a MlpOptions,
    /// Step sizes.
    pub(super) pace: Pace,
    /// Weights and the solver's memory.
    pub(super) state: State,
}

/// What the epochs up to now reached.
struct Progress {
    loss_curve: Vec<f64>,
    validation_scores: Vec<f64>,
    /// Greatest score, or greatest negative loss.
    best: f64,
    /// Weights with the best validation score.
    best_weights: Option<Vec<f64>>,
    n_without_improvement: usize,
}

impl Stochastic<'_> {
    /// Trains on the rows in `order`.
    pub(super) fn run(mut self, mut order: Vec<usize>) -> Result<MlpFit, FitError> {
        let mut generator = generator(self.options.seed, Purpose::Shuffles);
        let mut progress = Progress::new(self.options.max_iter);
        let mut ending = Ending::IterationLimit;
        for epoch in 1..=self.options.max_iter {
            let loss = self.run_epoch(&mut order, &mut generator, epoch)?;
            let score = self.scorer.as_mut().map(|scorer| scorer.score(&self.state.weights));
            progress.record(loss, score, self.options.tol, &self.state.weights);
            self.pace.end_epoch(epoch * order.len());
            if progress.n_without_improvement > self.options.n_iter_no_change {
                if !self.pace.slow_down() {
                    ending = Ending::NoImprovement;
                    break;
                }
                progress.n_without_improvement = 0;
            }
        }
        let weights = progress.best_weights.unwrap_or(self.state.weights);
        Ok(MlpFit {
            model: self.objective.shape.unpack(&weights),
            n_iter: progress.loss_curve.len(),
            loss: progress.loss_curve.last().copied().unwrap_or(f64::NAN),
            loss_curve: progress.loss_curve,
            validation_scores: progress.validation_scores,
            ending,
            greatest_gradient: None,
        })
    }

    /// Trains once on every row; returns the mean of the batches' losses, weighted by their rows.
    fn run_epoch(
        &mut self,
        order: &mut [usize],
        generator: &mut ChaCha8Rng,
        epoch: usize,
    ) -> Result<f64, FitError> {
        if self.options.shuffle {
            order.shuffle(generator);
        }
        let mut total = 0.0;
        for batch in order.chunks(batch_size(self.options, order.len())) {
            let step = self.pace.next_step();
            let loss = self.objective.advance(&mut self.state, batch, step)?;
            if !loss.is_finite() {
                return Err(FitError::diverged(&format!("epoch {epoch}")));
            }
            total += loss * batch.len() as f64;
        }
        if self.state.weights.iter().all(|weight| weight.is_finite()) {
            Ok(total / order.len() as f64)
        } else {
            Err(FitError::diverged(&format!("epoch {epoch}")))
        }
    }
}

impl Progress {
    fn new(max_iter: usize) -> Self {
        Self {
            loss_curve: Vec::with_capacity(max_iter.min(1000)),
            validation_scores: Vec::new(),
            best: f64::NEG_INFINITY,
            best_weights: None,
            n_without_improvement: 0,
        }
    }

    /// Takes in an epoch. An improvement by less than `tol` is kept, but counts as none; one by exactly `tol`
    /// counts.
    fn record(&mut self, loss: f64, score: Option<f64>, tol: f64, weights: &[f64]) {
        self.loss_curve.push(loss);
        let reached = score.unwrap_or(-loss);
        if reached < self.best + tol {
            self.n_without_improvement += 1;
        } else {
            self.n_without_improvement = 0;
        }
        let is_best = reached > self.best;
        if is_best {
            self.best = reached;
        }
        if let Some(score) = score {
            self.validation_scores.push(score);
            if is_best {
                self.best_weights.get_or_insert_default().clear();
                self.best_weights.get_or_insert_default().extend_from_slice(weights);
            }
        }
    }
}
