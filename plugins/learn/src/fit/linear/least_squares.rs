//! Ordinary least squares and ridge regression.
//!
//! Ridge is least squares with the rows `√α·I` added below (Hoerl and Kennard, 1970), which is as accurate
//! as least squares itself, where `XᵀX + α·I` would lose half the digits.

use super::{
    centred::{Centred, Regression},
    fit::{LinearFit, StandardErrors, r_squared},
    reduce::Reduced,
};
use crate::fit::algebra::{Columns, FitError, LeastNorm, Stop, dot, least_norm, triangularize};

/// Fits ordinary least squares; where columns depend on each other, the solution of least norm is taken.
///
/// The columns are scaled to unit length before their rank is decided: a column counts as dependent below
/// `max(n, p)·ε`. Standard errors are the classical ones, for full rank and more rows than parameters.
pub(crate) fn least_squares(
    data: &Regression,
    fit_intercept: bool,
    stop: Stop,
) -> Result<LinearFit, FitError> {
    let centred = Centred::new(data, fit_intercept, stop)?;
    let reduced = Reduced::new(&centred, stop)?;
    let tolerance = rank_tolerance(&centred);
    let solved = least_norm(reduced.problem.clone(), &reduced.scales, tolerance, stop)?;
    let residual = reduced.residual_of(&solved.solution);
    let standard_errors = standard_errors(&centred, &solved, residual, fit_intercept, stop)?;
    let LeastNorm { solution, rank, condition, .. } = solved;
    let coefficients = reduced.coefficients(solution);
    LinearFit {
        intercept: centred.intercept(&coefficients),
        coefficients,
        r_squared: r_squared(residual, centred.target_norm),
        rank: Some(rank),
        condition: Some(condition).filter(|value| value.is_finite()),
        standard_errors,
        descent: None,
    }
    .checked()
}

/// Fits ridge regression: `Σ w·r² + alpha·‖coefficients‖²`.
pub(crate) fn ridge(
    data: &Regression,
    alpha: f64,
    fit_intercept: bool,
    stop: Stop,
) -> Result<LinearFit, FitError> {
    if alpha <= 0.0 {
        return least_squares(data, fit_intercept, stop);
    }
    let centred = Centred::new(data, fit_intercept, stop)?;
    let reduced = Reduced::new(&centred, stop)?;
    let n = reduced.n_unknowns();
    let n_rows = reduced.problem.n_rows();
    let mut augmented = Columns::zeros(n_rows + n, n + 1);
    for column in 0..=n {
        augmented.column_mut(column)[..n_rows].copy_from_slice(reduced.problem.column(column));
    }
    for unknown in 0..n {
        if reduced.scales[unknown] > 0.0 {
            augmented.column_mut(unknown)[n_rows + unknown] = alpha.sqrt();
        } else {
            augmented.column_mut(unknown).fill(0.0);
        }
    }
    triangularize(&mut augmented, n, stop)?;
    let mut square = Columns::zeros(n.max(1), n + 1);
    for column in 0..=n {
        let n_kept = n.min(column + 1);
        square.column_mut(column)[..n_kept].copy_from_slice(&augmented.column(column)[..n_kept]);
    }
    let lengths: Vec<f64> =
        (0..n).map(|column| dot(square.column(column), square.column(column)).sqrt()).collect();
    let solved = least_norm(square, &lengths, f64::EPSILON, stop)?;
    let residual = reduced.residual_of(&solved.solution);
    let coefficients = reduced.coefficients(solved.solution);
    LinearFit {
        intercept: centred.intercept(&coefficients),
        coefficients,
        r_squared: r_squared(residual, centred.target_norm),
        rank: None,
        condition: None,
        standard_errors: None,
        descent: None,
    }
    .checked()
}

fn rank_tolerance(data: &Centred) -> f64 {
    data.n_rows().max(data.n_columns()) as f64 * f64::EPSILON
}

/// The classical standard errors, where the residual has degrees of freedom and no column depends on
/// others.
fn standard_errors(
    data: &Centred,
    solved: &LeastNorm,
    residual: f64,
    fit_intercept: bool,
    stop: Stop,
) -> Result<Option<StandardErrors>, FitError> {
    let n_parameters = data.n_columns() + usize::from(fit_intercept);
    if data.n_rows() < data.n_columns() || data.n_weighted <= n_parameters {
        return Ok(None);
    }
    let Some(diagonal) = solved.inverse_diagonal(stop)? else { return Ok(None) };
    let variance = residual / (data.n_weighted - n_parameters) as f64;
    let coefficients: Vec<f64> = diagonal.iter().map(|value| (variance * value).sqrt()).collect();
    // The intercept is ȳ − m·w, whose two terms are uncorrelated.
    let intercept = fit_intercept
        .then(|| (variance * (1.0 / data.total_weight + solved.inverse_quadratic_form(&data.means))).sqrt());
    let finite = coefficients.iter().chain(&intercept).all(|value| value.is_finite());
    Ok(finite.then_some(StandardErrors { coefficients, intercept }))
}
