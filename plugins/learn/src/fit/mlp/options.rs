//! Settings of a multi-layer perceptron, with scikit-learn's names, meanings and defaults.

use sluicegate_model::Activation;

/// Settings of a fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MlpOptions {
    /// Units of each hidden layer, each at least 1; with none, the model is linear.
    pub(crate) hidden_layer_sizes: Vec<usize>,
    /// Activation of the hidden layers.
    pub(crate) activation: Activation,
    /// How the loss is minimized.
    pub(crate) solver: Solver,
    /// Strength of the L2 penalty: `alpha / 2 · Σ weights²`, divided by the batch's total row weight.
    pub(crate) alpha: f64,
    /// Rows a batch for Adam and SGD; `None` is `min(200, n_rows)`.
    pub(crate) batch_size: Option<usize>,
    /// Limit of epochs for Adam and SGD, of iterations for L-BFGS.
    pub(crate) max_iter: usize,
    /// Least improvement of the loss (or validation score) that counts; for L-BFGS the gradient's limit.
    pub(crate) tol: f64,
    /// Epochs without improvement after which Adam and SGD stop.
    pub(crate) n_iter_no_change: usize,
    /// Whether Adam and SGD shuffle the rows before each epoch.
    pub(crate) shuffle: bool,
    /// Seed of the starting weights, the validation split and the shuffles.
    pub(crate) seed: u64,
}

/// Method that minimizes the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Solver {
    /// Adam (Kingma and Ba, 2014).
    Adam(Adam),
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
    /// Limited-memory BFGS on all rows, with at most `max_evaluations` evaluations of the loss.
    Lbfgs {
        /// scikit-learn's `max_fun`.
        max_evaluations: usize,
    },
}

/// Settings of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Adam {
    /// Step size, `learning_rate_init`.
    pub(crate) learning_rate: f64,
    /// Decay of the gradient's running mean.
    pub(crate) beta_1: f64,
    /// Decay of the squared gradient's running mean.
    pub(crate) beta_2: f64,
    /// Constant that keeps the divisor from zero.
    pub(crate) epsilon: f64,
}

/// Settings of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sgd {
    /// Step size at the start, `learning_rate_init`.
    pub(crate) learning_rate: f64,
    /// How the step size changes.
    pub(crate) schedule: Schedule,
    /// Share of the last update that the next one keeps.
    pub(crate) momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub(crate) nesterov: bool,
}

/// How the step size of stochastic gradient descent changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Schedule {
    /// Never.
    Constant,
    /// After each epoch: the first step size over `(rows seen + 1)^power`.
    InverseScaling {
        /// scikit-learn's `power_t`.
        power: f64,
    },
    /// Divided by five instead of stopping, until it is at most 1e-6.
    Adaptive,
}

impl Default for MlpOptions {
    fn default() -> Self {
        Self {
            hidden_layer_sizes: vec![100],
            activation: Activation::Relu,
            solver: Solver::Adam(Adam::default()),
            alpha: 1e-4,
            batch_size: None,
            max_iter: 200,
            tol: 1e-4,
            n_iter_no_change: 10,
            shuffle: true,
            seed: 0,
        }
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 }
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Self { learning_rate: 1e-3, schedule: Schedule::Constant, momentum: 0.9, nesterov: true }
    }
}
