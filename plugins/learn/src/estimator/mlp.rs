//! Neural networks.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Activation, Estimator};
use sluicegate_plugin::{Column, Problem, TaskError};

use super::{
    Abilities, ClassWeight, CurvePoint, Ended, Fit, Fitting, Learner, OnNoConvergence, Task,
    settings::Positive,
};
use crate::{
    fit::mlp::{
        Adam, Ending, FitError, MlpFit, MlpOptions, Rows, Schedule, Sgd, Solver, Targets, Training,
        Validation, fit,
    },
    training_set::{Target, TrainingSet},
};

/// Evaluations of the loss by L-BFGS, at the most; scikit-learn's `max_fun`.
const MAX_EVALUATIONS: usize = 15_000;

/// Settings of a neural network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MlpSettings {
    /// `"classification"` or `"regression"`; by default the target decides, as for `train.boosting`.
    task: Option<Task>,
    /// Units of each hidden layer; scikit-learn's `hidden_layer_sizes`. An empty list makes a linear model.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    layers: Vec<usize>,
    /// What hidden units apply to their sums: `"relu"`, `"tanh"`, `"logistic"` or `"identity"`.
    activation: ActivationParam,
    /// `"adam"`, `"sgd"`, or `"lbfgs"`, which suits few rows.
    solver: SolverParam,
    /// Strength of the L2 penalty.
    #[schemars(range(min = 0.0))]
    alpha: f64,
    /// Rows in a batch of Adam and SGD; the default is 200, or all when there are fewer.
    #[schemars(range(min = 1))]
    batch_size: Option<usize>,
    /// Step size of Adam and SGD at the start; scikit-learn's `learning_rate_init`.
    learning_rate: Positive,
    /// How the step size of SGD changes: `"constant"`, `"inverse_scaling"` or `"adaptive"`.
    schedule: ScheduleParam,
    /// Share of the last step that SGD keeps.
    #[schemars(range(min = 0.0, max = 1.0))]
    momentum: f64,
    /// Epochs at the most; iterations of L-BFGS.
    #[schemars(range(min = 1, max = 1_000_000))]
    max_iter: usize,
    /// What the loss must become less by to count as improved; for L-BFGS the largest gradient at the end.
    tol: Positive,
    /// Epochs without an improvement after which to stop.
    #[schemars(range(min = 1))]
    n_iter_no_change: usize,
    /// Stops by the score on rows held back, and keeps the best weights. The rows are a share of the training rows,
    /// or those of the input `validation`. Not with `"lbfgs"`.
    early_stopping: Option<EarlyStopping>,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
    /// Decides the first weights, the order of the rows, and which rows are held back.
    seed: u64,
    /// What happens when the solver reaches `max_iter` while the loss still falls: `"error"` or `"warn"`.
    on_no_convergence: OnNoConvergence,
}

impl Default for MlpSettings {
    fn default() -> Self {
        Self {
            task: None,
            layers: vec![100],
            activation: ActivationParam::Relu,
            solver: SolverParam::Adam,
            alpha: 1e-4,
            batch_size: None,
            learning_rate: Positive(1e-3),
            schedule: ScheduleParam::Constant,
            momentum: 0.9,
            max_iter: 200,
            tol: Positive(1e-4),
            n_iter_no_change: 10,
            early_stopping: None,
            class_weight: ClassWeight::Even,
            seed: 0,
            on_no_convergence: OnNoConvergence::Error,
        }
    }
}

/// What decides to stop early.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct EarlyStopping {
    /// The share of rows that is held back when the input `validation` is not connected.
    #[schemars(range(min = 0.01, max = 0.9))]
    share: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { share: 0.1 }
    }
}

/// What hidden units apply to their sums.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ActivationParam {
    /// `max(0, z)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(−z))`.
    Logistic,
    /// `z`.
    Identity,
}

/// What minimises the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SolverParam {
    /// Adam (Kingma and Ba 2014).
    Adam,
    /// Stochastic gradient descent with Nesterov's momentum.
    Sgd,
    /// Limited-memory BFGS on all rows.
    Lbfgs,
}

/// How the step size of SGD changes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ScheduleParam {
    /// Not at all.
    Constant,
    /// It falls with the square root of the rows seen.
    InverseScaling,
    /// It is divided by five whenever the loss no longer falls.
    Adaptive,
}

impl Learner for MlpSettings {
    fn kind(&self) -> &'static str {
        "train.mlp 1"
    }

    fn task(&self) -> Option<Task> {
        self.task
    }

    fn abilities(&self) -> Abilities {
        Abilities { weights: true, validation: self.early_stopping.is_some(), ..Abilities::default() }
    }

    fn class_weight(&self) -> Option<&ClassWeight> {
        Some(&self.class_weight)
    }

    fn check(&self, _: Option<&[Column]>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.early_stopping.is_some() && self.solver == SolverParam::Lbfgs {
            problems
                .push(Problem::new("/early_stopping", "`lbfgs` sees all rows at once and cannot stop early"));
        }
        if self.class_weight != ClassWeight::Even && self.task == Some(Task::Regression) {
            problems.push(Problem::new("/class_weight", "a regression has no classes to weigh"));
        }
        problems
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let x = data.matrix()?;
        let rows = Rows { features: x.view(), targets: targets(data), weights: data.weights.as_deref() };
        let held = data.validation.as_ref().map(|held| held.matrix().map(|x| (held, x))).transpose()?;
        let validation = match (self.early_stopping, &held) {
            (None, _) => Validation::None,
            (Some(early), None) => Validation::Share(early.share),
            (Some(_), Some((held, x))) => Validation::Rows(Rows {
                features: x.view(),
                targets: targets(held),
                weights: held.weights.as_deref(),
            }),
        };
        let fitted = fit(&Training { rows, validation }, &self.options(), &|| fitting.is_cancelled());
        let fitted = fitted.map_err(|error| failed(&error, fitting))?;
        self.on_no_convergence.settle(&self.ended(&fitted), fitting)?;
        Ok(to_fit(fitted))
    }
}

impl MlpSettings {
    fn options(&self) -> MlpOptions {
        let learning_rate = self.learning_rate.0;
        MlpOptions {
            hidden_layer_sizes: self.layers.clone(),
            activation: match self.activation {
                ActivationParam::Relu => Activation::Relu,
                ActivationParam::Tanh => Activation::Tanh,
                ActivationParam::Logistic => Activation::Logistic,
                ActivationParam::Identity => Activation::Identity,
            },
            solver: match self.solver {
                SolverParam::Adam => Solver::Adam(Adam { learning_rate, ..Adam::default() }),
                SolverParam::Sgd => Solver::Sgd(Sgd {
                    learning_rate,
                    schedule: match self.schedule {
                        ScheduleParam::Constant => Schedule::Constant,
                        ScheduleParam::InverseScaling => Schedule::InverseScaling { power: 0.5 },
                        ScheduleParam::Adaptive => Schedule::Adaptive,
                    },
                    momentum: self.momentum,
                    nesterov: true,
                }),
                SolverParam::Lbfgs => Solver::Lbfgs { max_evaluations: MAX_EVALUATIONS },
            },
            alpha: self.alpha,
            batch_size: self.batch_size,
            max_iter: self.max_iter,
            tol: self.tol.0,
            n_iter_no_change: self.n_iter_no_change,
            shuffle: true,
            seed: self.seed,
        }
    }

    fn ended(&self, fitted: &MlpFit) -> Ended {
        let (measure, reached) = match fitted.greatest_gradient {
            Some(gradient) => ("greatest gradient", gradient),
            None => ("last improvement of the loss", last_improvement(&fitted.loss_curve)),
        };
        // With early stopping the best weights are kept, wherever the limit is.
        let converged =
            fitted.converged() || (self.early_stopping.is_some() && fitted.ending == Ending::IterationLimit);
        Ended { n_iter: fitted.n_iter as u64, converged, measure, reached, wanted: self.tol.0 }
    }
}

fn to_fit(fitted: MlpFit) -> Fit {
    let mut metrics = vec![
        ("n_iter", fitted.n_iter as f64),
        ("converged", f64::from(u8::from(fitted.converged()))),
        ("training_loss", fitted.loss),
    ];
    let mut note = format!("{} iterations, loss {:.6}", fitted.n_iter, fitted.loss);
    if let Some(best) = fitted.validation_scores.iter().copied().reduce(f64::max) {
        metrics.push(("validation_score", best));
        note.push_str(&format!(", validation score {best:.4}"));
    }
    let point = |(at, loss): (usize, &f64)| CurvePoint {
        loss: Some(*loss),
        validation_loss: None,
        validation_score: fitted.validation_scores.get(at).copied(),
    };
    let curve = fitted.loss_curve.iter().enumerate().map(point).collect();
    Fit { metrics, note, curve: Some(curve), ..Fit::of(Estimator::Mlp(fitted.model)) }
}

fn targets(data: &TrainingSet) -> Targets<'_> {
    match &data.target {
        Target::Classes { classes, indices } => {
            Targets::Classes { classes: indices, n_classes: classes.len() }
        }
        Target::Numbers(numbers) => Targets::Values(numbers),
    }
}

fn last_improvement(curve: &[f64]) -> f64 {
    match curve {
        [.., before, last] => before - last,
        _ => f64::INFINITY,
    }
}

fn failed(error: &FitError, fitting: &Fitting<'_>) -> TaskError {
    match error {
        FitError::Stopped => fitting.cancelled(),
        FitError::TooFewRows(_) => TaskError::permanent("too_few_rows", error.to_string()),
        FitError::NotFinite(_) | FitError::StartingWeights(_) => {
            TaskError::permanent("no_fit", error.to_string())
        }
    }
}
