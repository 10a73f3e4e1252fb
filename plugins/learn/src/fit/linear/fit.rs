//! What a fit of a linear model gives.

use crate::fit::algebra::FitError;

/// A fitted linear model and what is known about the fit.
#[derive(Clone, Debug)]
pub(crate) struct LinearFit {
    /// One for each feature.
    pub(crate) coefficients: Vec<f64>,
    /// The constant term; zero if none was fitted.
    pub(crate) intercept: f64,
    /// `1 − RSS/TSS` on the training rows, weighted; `None` if the target is constant.
    pub(crate) r_squared: Option<f64>,
    /// The number of independent centred columns, where the solver finds it.
    pub(crate) rank: Option<usize>,
    /// The condition number of the independent columns, each scaled to unit length, where the solver finds
    /// it.
    pub(crate) condition: Option<f64>,
    /// The classical standard errors, for least squares of full rank with more rows than parameters.
    pub(crate) standard_errors: Option<StandardErrors>,
    /// How an iterative solver ended.
    pub(crate) descent: Option<Descent>,
}

/// Classical standard errors: the square roots of the diagonal of `σ²(XᵀX)⁻¹`, with `σ² = RSS / (n −
/// parameters)`.
#[derive(Clone, Debug)]
pub(crate) struct StandardErrors {
    /// One for each feature.
    pub(crate) coefficients: Vec<f64>,
    /// That of the intercept, if one was fitted.
    pub(crate) intercept: Option<f64>,
}

/// How coordinate descent ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descent {
    /// Sweeps over the coordinates.
    pub(crate) n_iter: usize,
    /// Whether the duality gap fell to the tolerance.
    pub(crate) converged: bool,
    /// The duality gap reached, on the scale of the objective `1/(2n)·RSS + penalty`.
    pub(crate) gap: f64,
    /// The gap asked for: `tol · Σ(y − ȳ)²/n`.
    pub(crate) tolerance: f64,
}

impl LinearFit {
    /// Fails if a coefficient or the intercept overflowed.
    pub(super) fn checked(self) -> Result<Self, FitError> {
        FitError::check_finite("a coefficient", &self.coefficients)?;
        FitError::check_finite("the intercept", &[self.intercept])?;
        Ok(self)
    }
}

/// Returns `1 − RSS/TSS` where the total is positive.
pub(super) fn r_squared(residual: f64, total: f64) -> Option<f64> {
    (total > 0.0).then(|| 1.0 - residual / total).filter(|value| value.is_finite())
}
