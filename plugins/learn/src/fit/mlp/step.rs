//! What a solver does to the weights once it has the gradient.

use super::options::{Adam, Schedule, Sgd};

/// Weights, their gradient and the solver's memory: one number a weight in each vector.
pub(super) struct State {
    /// Weights and biases of all layers, as `Shape` lays them out.
    pub(super) weights: Vec<f64>,
    /// Derivatives of the loss.
    pub(super) gradient: Vec<f64>,
    /// Adam's running mean of the gradient, SGD's velocity.
    first: Vec<f64>,
    /// Adam's running mean of the squared gradient.
    second: Vec<f64>,
}

/// The same range of every vector of a [`State`].
pub(super) struct Span<'a> {
    /// The range's weights and biases.
    pub(super) weights: &'a mut [f64],
    /// Derivatives of the loss by them.
    pub(super) gradient: &'a mut [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
}

/// Change of the weights after one batch.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// None: the caller wants the gradient.
    Keep,
    /// Adam's update.
    Adam {
        /// Decays and epsilon.
        settings: Adam,
        /// Step size with the correction for the running means' start at zero.
        rate: f64,
    },
    /// Update with momentum.
    Sgd {
        /// Step size.
        rate: f64,
        /// Share of the velocity that stays.
        momentum: f64,
        /// Whether the momentum is Nesterov's.
        nesterov: bool,
    },
}

/// Step sizes of Adam and SGD over time.
pub(super) enum Pace {
    /// Adam's, corrected by the number of steps up to now.
    Adam {
        /// Settings of the fit.
        settings: Adam,
        /// Steps taken.
        n_steps: i32,
    },
    /// SGD's, as its schedule has left it.
    Sgd {
        /// Settings of the fit.
        settings: Sgd,
        /// Step size of the next batch.
        rate: f64,
    },
}

impl State {
    /// Starts with the given weights; `n_memories` is the number of vectors that the solver remembers.
    pub(super) fn new(weights: Vec<f64>, n_memories: usize) -> Self {
        let n = weights.len();
        let memory = |idx: usize| vec![0.0; if idx < n_memories { n } else { 0 }];
        Self { gradient: vec![0.0; n], first: memory(0), second: memory(1), weights }
    }

    /// All of the vectors, to change the weights by.
    pub(super) fn span(&mut self) -> Span<'_> {
        Span {
            weights: &mut self.weights,
            gradient: &mut self.gradient,
            first: &mut self.first,
            second: &mut self.second,
        }
    }
}

impl Span<'_> {
    /// Splits every vector after `n` numbers.
    pub(super) fn split(self, n: usize) -> (Self, Self) {
        let n_first = n.min(self.first.len());
        let n_second = n.min(self.second.len());
        let (weights, weights_after) = self.weights.split_at_mut(n);
        let (gradient, gradient_after) = self.gradient.split_at_mut(n);
        let (first, first_after) = self.first.split_at_mut(n_first);
        let (second, second_after) = self.second.split_at_mut(n_second);
        let after = Self {
            weights: weights_after,
            gradient: gradient_after,
            first: first_after,
            second: second_after,
        };
        (Self { weights, gradient, first, second }, after)
    }
}

impl Step {
    /// Changes the weights of `span` by its gradient.
    pub(super) fn apply(self, span: Span) {
        match self {
            Self::Keep => {}
            Self::Adam { settings, rate } => adam(settings, rate, span),
            Self::Sgd { rate, momentum, nesterov } => {
                let weights = span.weights.iter_mut().zip(span.gradient).zip(span.first);
                weights.for_each(|((weight, gradient), velocity)| {
                    *velocity = momentum * *velocity - rate * *gradient;
                    // Nesterov: the velocity that the same gradient would give once more.
                    *weight += if nesterov { momentum * *velocity - rate * *gradient } else { *velocity };
                });
            }
        }
    }
}

fn adam(Adam { beta_1, beta_2, epsilon, .. }: Adam, rate: f64, span: Span) {
    let (keep_1, keep_2) = (1.0 - beta_1, 1.0 - beta_2);
    let weights = span.weights.iter_mut().zip(span.gradient).zip(span.first.iter_mut().zip(span.second));
    weights.for_each(|((weight, gradient), (mean, square))| {
        *mean = beta_1 * *mean + keep_1 * *gradient;
        *square = beta_2 * *square + keep_2 * (*gradient * *gradient);
        *weight -= rate * *mean / (square.sqrt() + epsilon);
    });
}

impl Pace {
    /// The next batch's step.
    pub(super) fn next_step(&mut self) -> Step {
        match self {
            Self::Adam { settings, n_steps } => {
                *n_steps = n_steps.saturating_add(1);
                let correction =
                    (1.0 - settings.beta_2.powi(*n_steps)).sqrt() / (1.0 - settings.beta_1.powi(*n_steps));
                Step::Adam { settings: *settings, rate: settings.learning_rate * correction }
            }
            Self::Sgd { settings, rate } => {
                Step::Sgd { rate: *rate, momentum: settings.momentum, nesterov: settings.nesterov }
            }
        }
    }

    /// Ends an epoch after which `n_rows_seen` rows have been trained on, repeated ones counted again.
    pub(super) fn end_epoch(&mut self, n_rows_seen: usize) {
        if let Self::Sgd { settings, rate } = self
            && let Schedule::InverseScaling { power } = settings.schedule
        {
            *rate = settings.learning_rate / (n_rows_seen as f64 + 1.0).powf(power);
        }
    }

    /// Lowers an adaptive step size, and returns whether it did; otherwise training ends.
    pub(super) fn slow_down(&mut self) -> bool {
        match self {
            Self::Sgd { settings, rate } if settings.schedule == Schedule::Adaptive && *rate > 1e-6 => {
                *rate /= 5.0;
                true
            }
            _ => false,
        }
    }
}
