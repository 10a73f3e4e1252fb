//! Fits a multi-layer perceptron.

use super::data::{Rows, Table, Validation};
use super::error::FitError;
use super::initial::{Split, hold_out, starting_weights};
use super::lbfgs::Lbfgs;
use super::objective::{Objective, Stop};
use super::options::{MlpOptions, Solver};
use super::score::Scorer;
use super::shape::Shape;
use super::step::{Pace, State};
use super::stochastic::{Stochastic, batch_size};
#[cfg(test)]
use sluicegate_model::Layer;
use sluicegate_model::Mlp;

/// Fitted network, and how the fit went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MlpFit {
    /// The network; with early stopping, the one with the best validation score.
    pub(crate) model: Mlp,
    /// Mean loss of each epoch's batches with the penalty; for L-BFGS the loss after each iteration.
    pub(crate) loss_curve: Vec<f64>,
    /// Score of each epoch (accuracy or R²) with early stopping, else empty.
    pub(crate) validation_scores: Vec<f64>,
    /// Number of epochs, for L-BFGS of iterations.
    pub(crate) n_iter: usize,
    /// Last loss.
    pub(crate) loss: f64,
    /// Why the fit ended.
    pub(crate) ending: Ending,
    /// Greatest absolute derivative at the end of L-BFGS.
    pub(crate) greatest_gradient: Option<f64>,
}

/// Why a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// No improvement by `tol` for `n_iter_no_change` epochs.
    NoImprovement,
    /// No derivative is greater than `tol`.
    GradientTolerance,
    /// The loss no longer falls by a relative 2.2e-9.
    LossTolerance,
    /// `max_iter` was reached.
    IterationLimit,
    /// `max_evaluations` was reached.
    EvaluationLimit,
    /// Rounding errors left no step that lowers the loss.
    LineSearchFailed,
}

/// Rows to train on, and what decides when to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Training<'a> {
    /// Rows to train on; a share may be held out of them.
    pub(crate) rows: Rows<'a>,
    /// What decides that Adam and SGD stop early.
    pub(crate) validation: Validation<'a>,
}

impl MlpFit {
    /// Whether the fit ended because it had converged, not at a limit.
    pub(crate) fn converged(&self) -> bool {
        matches!(self.ending, Ending::NoImprovement | Ending::GradientTolerance | Ending::LossTolerance)
    }
}

/// Fits a network from random starting weights.
pub(crate) fn fit(training: &Training, options: &MlpOptions, stop: Stop) -> Result<MlpFit, FitError> {
    let shape = shape(training, options);
    fit_shape(&shape, starting_weights(&shape, options.seed), training, options, stop)
}

#[cfg(test)]
/// Fits a network from the given weights, one layer for each hidden size and one for the output.
pub(crate) fn fit_from(
    start: &[Layer],
    training: &Training,
    options: &MlpOptions,
    stop: Stop,
) -> Result<MlpFit, FitError> {
    let shape = shape(training, options);
    let fits = |(idx, layer): (usize, &Layer)| {
        (layer.n_inputs, layer.n_outputs) == (shape.n_inputs(idx), shape.n_outputs(idx))
            && layer.weights.len() == layer.n_inputs * layer.n_outputs
            && layer.biases.len() == layer.n_outputs
    };
    if start.len() != shape.n_layers() || !start.iter().enumerate().all(fits) {
        let message =
            "the starting weights must have the shape of the features, `hidden_layer_sizes` and the output";
        return Err(FitError::StartingWeights(message.to_owned()));
    }
    fit_shape(&shape, Shape::pack(start), training, options, stop)
}

fn shape(training: &Training, options: &MlpOptions) -> Shape {
    let (output, n_outputs) = training.rows.targets.output();
    let mut sizes = vec![training.rows.features.ncols()];
    sizes.extend_from_slice(&options.hidden_layer_sizes);
    sizes.push(n_outputs);
    Shape::new(sizes, options.activation, output)
}

fn fit_shape(
    shape: &Shape,
    weights: Vec<f64>,
    training: &Training,
    options: &MlpOptions,
    stop: Stop,
) -> Result<MlpFit, FitError> {
    let table = Table::new(&training.rows);
    if table.n_rows == 0 {
        return Err(FitError::TooFewRows("there are no rows to train on".to_owned()));
    }
    let (pace, n_memories) = match options.solver {
        Solver::Adam(settings) => (Pace::Adam { settings, n_steps: 0 }, 2),
        Solver::Sgd(settings) => (Pace::Sgd { settings, rate: settings.learning_rate }, 1),
        Solver::Lbfgs { max_evaluations } => {
            let objective = Objective::new(&table, shape, options.alpha, table.n_rows, stop);
            return Lbfgs::new(objective, weights).run(options, max_evaluations);
        }
    };
    let all = || (0..table.n_rows).collect();
    let (validation_table, split) = match training.validation {
        Validation::None => (None, Split { train: all(), validation: Vec::new() }),
        Validation::Share(share) => (None, hold_out(&table, share, options.seed)),
        Validation::Rows(rows) => (
            Some(Table::new(&rows)),
            Split { train: all(), validation: (0..rows.features.nrows()).collect() },
        ),
    };
    let scorer = match training.validation {
        Validation::None => None,
        _ => Some(scorer(validation_table.as_ref().unwrap_or(&table), shape, &split)?),
    };
    let objective =
        Objective::new(&table, shape, options.alpha, batch_size(options, split.train.len()), stop);
    let state = State::new(weights, n_memories);
    Stochastic { objective, scorer, options, pace, state }.run(split.train)
}

/// Checks that the split leaves rows to train on and at least two, with some weight, to validate with.
fn scorer<'a>(table: &'a Table<'a>, shape: &'a Shape, split: &Split) -> Result<Scorer<'a>, FitError> {
    let n_validation = split.validation.len();
    if n_validation < 2 || split.train.is_empty() || table.total_weight(&split.validation) <= 0.0 {
        return Err(FitError::TooFewRows(format!(
            "early stopping needs rows to train on and at least two, with some weight, to validate with, \
             but has {} and {n_validation}; change the validation share, or train without early stopping",
            split.train.len()
        )));
    }
    Ok(Scorer::new(table, shape, split.validation.clone()))
}
