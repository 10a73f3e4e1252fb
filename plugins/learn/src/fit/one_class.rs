//! The one-class support vector machine (Schölkopf et al. 2001), fitted by linfa-svm.
//!
//! linfa's Gaussian kernel is `exp(−‖x−y‖²/eps)`, so `eps = 1/gamma`; its polynomial kernel is `(x·y + constant)^degree`, so the
//! features are multiplied by `√gamma` first. It keeps the whole kernel matrix in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linfa::{DatasetBase, dataset::Pr, traits::Fit};
use ndarray::{Array1, Array2};
use sluicegate_model::Svr;

use super::svm::Kernel;

/// Bytes that the kernel matrix may take.
const MAX_KERNEL: usize = 2 << 30;

/// Why no machine was fitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OneClassError {
    /// The kernel matrix would not fit into memory.
    TooManyRows {
        /// The rows.
        n_rows: usize,
        /// The most rows.
        most: usize,
    },
    /// linfa has no such kernel.
    NoKernel,
    /// The solver failed; the text says how.
    Failed(String),
}

/// Fits a machine whose decision is negative for outliers. About a share `nu` of the rows are.
pub(crate) fn one_class(x: &Array2<f64>, kernel: Kernel, nu: f64, tol: f64) -> Result<Svr, OneClassError> {
    let n_rows = x.nrows();
    let most = (MAX_KERNEL / size_of::<f64>()).isqrt();
    if n_rows > most {
        return Err(OneClassError::TooManyRows { n_rows, most });
    }
    let params = linfa_svm::Svm::<f64, Pr>::params().eps(tol).nu_weight(nu);
    let (params, records, model_kernel) = match kernel {
        Kernel::Linear => (params.linear_kernel(), x.clone(), sluicegate_model::Kernel::Linear),
        Kernel::Rbf { gamma } => {
            (params.gaussian_kernel(1.0 / gamma), x.clone(), sluicegate_model::Kernel::Rbf { gamma })
        }
        Kernel::Polynomial { gamma, coef0, degree } => {
            let degree = f64::from(degree);
            let kernel = sluicegate_model::Kernel::Polynomial { gamma, coef0, degree };
            (params.polynomial_kernel(coef0, degree), x * gamma.sqrt(), kernel)
        }
        Kernel::Sigmoid { .. } => return Err(OneClassError::NoKernel),
    };
    let dataset = DatasetBase::new(records, Array1::from_elem(n_rows, ()));
    let fitted = catch_unwind(AssertUnwindSafe(|| params.fit(&dataset)));
    let fitted = match fitted {
        Ok(Ok(fitted)) => fitted,
        Ok(Err(error)) => return Err(OneClassError::Failed(error.to_string())),
        Err(_) => return Err(OneClassError::Failed("the solver panicked".into())),
    };
    if !fitted.rho.is_finite() || fitted.alpha.iter().any(|alpha| !alpha.is_finite()) {
        return Err(OneClassError::Failed("its coefficients are not finite".into()));
    }
    let (mut vectors, mut coefficients) = (Vec::new(), Vec::new());
    for (row, alpha) in x.outer_iter().zip(&fitted.alpha).filter(|(_, alpha)| **alpha > 0.0) {
        vectors.extend(row);
        coefficients.push(*alpha);
    }
    Ok(Svr { kernel: model_kernel, n_features: x.ncols(), vectors, coefficients, rho: fitted.rho })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_share_nu_of_the_rows_are_outliers_and_a_far_row_is_one() {
        let x = Array2::from_shape_fn((200, 2), |(i, j)| ((i * (j + 3)) as f64 * 0.7).sin());
        let machine = one_class(&x, Kernel::Rbf { gamma: 0.5 }, 0.1, 1e-6).unwrap();
        let decisions: Vec<f64> = x.outer_iter().map(|row| machine.decision(&row.to_vec())).collect();
        let n_outliers = decisions.iter().filter(|decision| **decision < -1e-6).count();
        assert!((10..=22).contains(&n_outliers), "{n_outliers}");
        assert!(machine.decision(&[5.0, -5.0]) < 0.0);
        assert!(machine.decision(&[0.0, 0.0]) > 0.0);
    }
}
