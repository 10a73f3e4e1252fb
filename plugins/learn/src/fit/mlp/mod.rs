//! Multi-layer perceptron for classification and regression, with scikit-learn's objective, solvers and
//! settings (`MLPClassifier` and `MLPRegressor` 1.9).
//!
//! [`fit`] minimizes the mean loss of the rows plus `alpha / 2 · Σ weights² / total row weight`, by Adam,
//! stochastic gradient descent or L-BFGS. The same rows, settings and seed give the same bits on any number
//! of threads. From the same starting weights and without shuffling, the solvers follow scikit-learn's step
//! by step; random numbers are `ChaCha8`'s, so random starts differ.

mod chunk;
mod data;
mod error;
mod fit;
mod initial;
mod lbfgs;
mod line_search;
mod loss;
mod objective;
mod options;
mod score;
mod shape;
mod step;
mod stochastic;
#[cfg(test)]
mod tests;

pub(crate) use data::{Rows, Targets, Validation};
pub(crate) use error::FitError;
#[cfg(test)]
pub(crate) use fit::fit_from;
pub(crate) use fit::{Ending, MlpFit, Training, fit};
pub(crate) use options::{Adam, MlpOptions, Schedule, Sgd, Solver};
