//! Support vector machines: classification of two classes (C-SVC) and regression (ε-SVR) with a kernel.
//!
//! Both are one dual problem in signed coefficients `β` (`yα` for classes, `α − α*` for regression): maximise
//! `Σ βᵢtᵢ − ε Σ |βᵢ| − ½ βᵀKβ` with `Σ βᵢ = 0` and a box for each `βᵢ`. Sequential minimal optimization
//! solves it with second-order working sets (Fan, Chen, Lin 2005, "Working Set Selection Using Second Order
//! Information"), shrinking and a bounded cache of kernel rows, as LIBSVM does (Chang, Lin 2011). The
//! decision of a machine is `Σ βᵢ K(xᵢ, x) − rho`.

mod cache;
mod calibration;
mod exponential;
mod fit;
mod kernel;
mod kernel_rows;
mod pairs;
mod passes;
mod shrinking;
mod solver;
mod variables;

#[cfg(test)]
mod tests;

pub(crate) use super::algebra::FitError;
pub(crate) use calibration::{IsotonicCalibration, SigmoidCalibration};
#[cfg(test)]
use fit::Machine;
pub(crate) use fit::{BinaryProblem, RegressionProblem, SvmOptions, fit_binary, fit_regression};
pub(crate) use kernel::Kernel;
pub(crate) use pairs::pairs;
