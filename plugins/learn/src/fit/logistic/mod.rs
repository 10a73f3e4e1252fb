//! Logistic regression of two or more classes, with scikit-learn's objective `C·Σ w·loss + penalty`.
//!
//! Two classes have one row of coefficients, more have a row each and the softmax of all (symmetric, the
//! rows of what is not penalised add up to zero). The penalty is `(1 − ρ)·½‖b‖² + ρ·‖b‖₁` with `ρ =
//! l1_ratio`; intercepts have none. Inside, everything is divided by `C` and the sum of the weights, so
//! that gradients are those of the mean loss.

mod column_statistics;
mod evaluation;
mod fit;
mod hessian;
mod lbfgs;
mod newton;
mod problem;
mod proximal;
mod softmax;
mod standard_errors;
mod subsample;
#[cfg(test)]
mod tests;

pub(crate) use fit::{LogisticFit, LogisticOptions, Solver, logistic_regression};
pub(crate) use problem::Classification;
