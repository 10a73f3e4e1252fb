//! Support vector classification: linfa's SMO solver for each pair of classes.
//!
//! linfa's Gaussian kernel is `exp(−‖x−y‖²/eps)`, so `eps = 1/gamma`; its polynomial kernel is `(x·y + constant)^degree`, so the
//! features are multiplied by `√gamma` first. Its shrinking panics and stays off. It keeps the whole kernel matrix in memory.

use linfa::{DatasetBase, traits::Fit};
use ndarray::{Array1, Array2, Axis};
use sluicegate_model::{Kernel, Pair, Svm};
use sluicegate_plugin::TaskError;

use super::guarded;

/// Bytes that the kernel matrix of one pair of classes may take.
const MAX_KERNEL: usize = 2 << 30;

/// Coefficients below this are zero up to rounding.
const ZERO: f64 = 1e-12;

/// A kernel whose `gamma` may depend on the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KernelChoice {
    Linear,
    Rbf { gamma: Gamma },
    Polynomial { degree: u32, gamma: Gamma, coef0: f64 },
}

/// scikit-learn's `gamma`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gamma {
    /// 1 / (number of features · variance of the whole matrix)
    Scale,
    /// 1 / number of features
    Auto,
    /// As given.
    Value(f64),
}

impl Gamma {
    fn resolve(self, x: &Array2<f64>) -> f64 {
        let n_features = x.ncols() as f64;
        match self {
            Self::Value(gamma) => gamma,
            Self::Auto => 1.0 / n_features,
            Self::Scale => {
                let mean = x.mean().unwrap_or_default();
                let variance =
                    x.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / x.len() as f64;
                if variance == 0.0 { 1.0 } else { 1.0 / (n_features * variance) }
            }
        }
    }
}

/// How support vector machines are fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SvmOptions {
    /// Penalty of errors.
    pub(crate) c: f64,
    /// Where the solver stops.
    pub(crate) tol: f64,
    /// The kernel.
    pub(crate) kernel: KernelChoice,
}

/// Fits one machine for each pair of classes, given as indices.
pub(crate) fn svm(
    x: &Array2<f64>,
    y: &[usize],
    n_classes: usize,
    options: SvmOptions,
) -> Result<Svm, TaskError> {
    let kernel = match options.kernel {
        KernelChoice::Linear => Kernel::Linear,
        KernelChoice::Rbf { gamma } => Kernel::Rbf { gamma: gamma.resolve(x) },
        KernelChoice::Polynomial { degree, gamma, coef0 } => {
            Kernel::Polynomial { gamma: gamma.resolve(x), coef0, degree: f64::from(degree) }
        }
    };
    let mut used = vec![false; x.nrows()];
    let mut machines = Vec::new();
    for first in 0..n_classes {
        for second in first + 1..n_classes {
            let rows: Vec<usize> = (0..y.len()).filter(|row| y[*row] == first || y[*row] == second).collect();
            verify_memory(rows.len())?;
            let (coefficients, rho) = fit_pair(x, y, first, &rows, kernel, options)?;
            let support: Vec<(usize, f64)> = rows
                .into_iter()
                .zip(coefficients)
                .filter(|(_, alpha)| alpha.abs() > ZERO * options.c)
                .collect();
            for (row, _) in &support {
                used[*row] = true;
            }
            machines.push((first, second, support, rho));
        }
    }
    let mut place = vec![0_u32; used.len()];
    let mut vectors = Vec::new();
    for ((row, _), at) in used.iter().enumerate().filter(|(_, used)| **used).zip(0..) {
        place[row] = at;
        vectors.extend(x.row(row));
    }
    let pairs = machines
        .into_iter()
        .map(|(first, second, support, rho)| Pair {
            first,
            second,
            coefficients: support.into_iter().map(|(row, alpha)| (place[row], alpha)).collect(),
            rho,
        })
        .collect();
    Ok(Svm { kernel, n_classes, n_features: x.ncols(), vectors, pairs })
}

fn verify_memory(n_rows: usize) -> Result<(), TaskError> {
    let bytes = n_rows.saturating_mul(n_rows).saturating_mul(8);
    if bytes <= MAX_KERNEL {
        return Ok(());
    }
    let message = format!(
        "a kernel matrix of {n_rows} × {n_rows} rows would take {:.1} GiB; at most {} GiB are allowed",
        bytes as f64 / f64::from(1 << 30),
        MAX_KERNEL >> 30
    );
    Err(TaskError::permanent("too_many_rows", message)
        .hint("train on a sample of the rows, or use `train.logistic`"))
}

/// Dual coefficients, positive for the first class, and rho.
fn fit_pair(
    x: &Array2<f64>,
    y: &[usize],
    first: usize,
    rows: &[usize],
    kernel: Kernel,
    options: SvmOptions,
) -> Result<(Vec<f64>, f64), TaskError> {
    let targets: Array1<bool> = rows.iter().map(|row| y[*row] == first).collect();
    let mut records = x.select(Axis(0), rows);
    if let Kernel::Polynomial { gamma, .. } = kernel {
        records *= gamma.sqrt();
    }
    guarded("the support vector machine", || {
        let params =
            linfa_svm::Svm::<f64, bool>::params().eps(options.tol).pos_neg_weights(options.c, options.c);
        let params = match kernel {
            Kernel::Linear => params.linear_kernel(),
            Kernel::Rbf { gamma } => params.gaussian_kernel(1.0 / gamma),
            Kernel::Polynomial { coef0, degree, .. } => params.polynomial_kernel(coef0, degree),
        };
        let fitted = params.fit(&DatasetBase::new(records, targets)).map_err(|error| error.to_string())?;
        if !fitted.rho.is_finite() || fitted.alpha.iter().any(|alpha| !alpha.is_finite()) {
            return Err("its coefficients are not finite; standardize the features".into());
        }
        Ok((fitted.alpha, fitted.rho))
    })
}
