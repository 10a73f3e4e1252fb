//! Ordinary least squares.

use linfa::{DatasetBase, traits::Fit};
use linfa_linalg::{qr::QR, svd::SVD};
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2, Axis};
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::guarded;

/// Fits ordinary least squares. Where columns depend on each other and the solution is not unique, the one of least norm is
/// taken, as scikit-learn's `LinearRegression` does; linfa's own solver would refuse or lose precision there.
pub(crate) fn linear(x: &Array2<f64>, y: &[f64]) -> Result<Estimator, TaskError> {
    let means = x.mean_axis(Axis(0)).unwrap_or_default();
    let centred = x - &means;
    let target = Array1::from(y.to_vec());
    let mean = target.mean().unwrap_or_default();
    guarded("least squares", || {
        let least_norm = least_norm(&centred, &(&target - mean))?;
        let coefficients = if let Some(coefficients) = least_norm {
            coefficients
        } else {
            let dataset = DatasetBase::new(centred.clone(), &target - mean);
            let fitted = LinearRegression::new()
                .with_intercept(false)
                .fit(&dataset)
                .map_err(|error| error.to_string())?;
            fitted.params().clone()
        };
        if coefficients.iter().any(|coefficient| !coefficient.is_finite()) {
            return Err("its coefficients are not finite".into());
        }
        let intercept = mean - means.dot(&coefficients);
        Ok(Estimator::Linear { coefficients: coefficients.to_vec(), intercept })
    })
}

/// The solution of least norm when the columns depend on each other; `None` when the solution is unique.
fn least_norm(x: &Array2<f64>, y: &Array1<f64>) -> Result<Option<Array1<f64>>, String> {
    let (n_rows, n_columns) = x.dim();
    let tall = n_rows >= n_columns;
    // X = Q·R with a small R, or for wide matrices Xᵀ = Q·R; the singular values of R are those of X.
    let (q, r) =
        if tall { x.qr() } else { x.t().to_owned().qr() }.map_err(|error| error.to_string())?.into_decomp();
    let (u, s, vt) = r.svd(true, true).map_err(|error| error.to_string())?;
    let (Some(u), Some(vt)) = (u, vt) else { return Err("its decomposition is incomplete".into()) };
    let greatest = s.iter().copied().fold(0.0, f64::max);
    let floor = greatest * f64::EPSILON * n_rows.max(n_columns) as f64;
    if tall && s.iter().all(|value| *value > floor) {
        return Ok(None);
    }
    let inverse = s.mapv(|value| if value > floor { 1.0 / value } else { 0.0 });
    Ok(Some(if tall {
        let rotated = u.t().dot(&q.t().dot(y)) * &inverse;
        vt.t().dot(&rotated)
    } else {
        let rotated = vt.dot(y) * &inverse;
        q.dot(&u.dot(&rotated))
    }))
}
