//! The rows of a regression, centred and weighted on the fly.

use std::ops::Range;

use ndarray::{ArrayView2, CowArray, Ix2};

use crate::fit::algebra::{Chunks, FitError, Stop, add_scaled, dot};

/// Rounding errors of the mean that a constant column may keep after centring, in units of the last place.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// The rows that a linear model is fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regression<'a> {
    /// Features, a row for each element of `y`; a row-major matrix is not copied.
    pub(crate) x: ArrayView2<'a, f64>,
    /// The target.
    pub(crate) y: &'a [f64],
    /// Weights of the rows, not negative; `None` for equal ones.
    pub(crate) weights: Option<&'a [f64]>,
}

/// A regression with what centring needs.
pub(super) struct Centred<'a> {
    x: CowArray<'a, f64, Ix2>,
    y: &'a [f64],
    weights: Option<&'a [f64]>,
    /// Weighted means of the features; zeros without an intercept.
    pub(super) means: Vec<f64>,
    /// The weighted mean of the target; zero without an intercept.
    pub(super) target_mean: f64,
    /// The sum of the weights.
    pub(super) total_weight: f64,
    /// Rows with a positive weight.
    pub(super) n_weighted: usize,
    /// `Σ w·(y − mean)²`.
    pub(super) target_norm: f64,
}

impl<'a> Centred<'a> {
    /// Finds the means, or leaves the data as they are without an intercept.
    pub(super) fn new(data: &Regression<'a>, fit_intercept: bool, stop: Stop) -> Result<Self, FitError> {
        let x = standard(data.x);
        let n_columns = data.x.ncols();
        let (total_weight, n_weighted) = match data.weights {
            Some(weights) => (weights.iter().sum(), weights.iter().filter(|weight| **weight > 0.0).count()),
            None => (data.y.len() as f64, data.y.len()),
        };
        if n_weighted == 0 {
            return Err(FitError::NoRows);
        }
        let mut centred = Self {
            x,
            y: data.y,
            weights: data.weights,
            means: vec![0.0; n_columns],
            target_mean: 0.0,
            total_weight,
            n_weighted,
            target_norm: 0.0,
        };
        if fit_intercept {
            centred.find_means(stop)?;
        }
        let deviations = (0..centred.y.len()).map(|row| centred.weight(row) * centred.target(row).powi(2));
        centred.target_norm = deviations.sum();
        Ok(centred)
    }

    /// The number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.y.len()
    }

    /// The number of features.
    pub(super) fn n_columns(&self) -> usize {
        self.means.len()
    }

    /// The weight of a row.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The features of a row as they are.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        let n_columns = self.n_columns();
        let values = self.x.as_slice().expect("the matrix has the standard layout");
        &values[row * n_columns..(row + 1) * n_columns]
    }

    /// The centred target of a row.
    pub(super) fn target(&self, row: usize) -> f64 {
        self.y[row] - self.target_mean
    }

    /// Whether a column of this squared norm after centring is constant, as far as rounding lets one see.
    pub(super) fn is_negligible(&self, column: usize, squared_norm: f64) -> bool {
        let rounding = ROUNDING * self.means[column];
        squared_norm <= self.total_weight * rounding * rounding
    }

    /// The intercept that goes with these coefficients.
    pub(super) fn intercept(&self, coefficients: &[f64]) -> f64 {
        self.target_mean - dot(&self.means, coefficients)
    }

    /// The weighted sum of squared residuals, and the products of the residuals with the centred columns if
    /// wanted.
    pub(super) fn residuals(&self, coefficients: &[f64], stop: Stop) -> Result<Residuals, FitError> {
        let n_columns = self.n_columns();
        let offset = dot(&self.means, coefficients);
        let parts = Chunks::new(self.n_rows(), n_columns, n_columns).map(stop, |rows| {
            let mut part = Residuals { squared: 0.0, correlations: vec![0.0; n_columns] };
            let mut sum = 0.0;
            for row in rows {
                let features = self.row(row);
                let residual = self.target(row) - (dot(features, coefficients) - offset);
                let weighted = self.weight(row) * residual;
                part.squared += weighted * residual;
                sum += weighted;
                add_scaled(&mut part.correlations, weighted, features);
            }
            add_scaled(&mut part.correlations, -sum, &self.means);
            Ok(part)
        })?;
        let mut total = Residuals { squared: 0.0, correlations: vec![0.0; n_columns] };
        for part in parts {
            total.squared += part.squared;
            add_scaled(&mut total.correlations, 1.0, &part.correlations);
        }
        Ok(total)
    }

    /// Finds the means as deviations from the first weighted row, which keeps their digits when they are
    /// far from zero.
    fn find_means(&mut self, stop: Stop) -> Result<(), FitError> {
        let n_columns = self.n_columns();
        let first = (0..self.n_rows()).find(|row| self.weight(*row) > 0.0).unwrap_or(0);
        let origin = self.row(first).to_vec();
        let target_origin = self.y[first];
        let sums_of = |rows: Range<usize>| {
            let mut sums = vec![0.0; n_columns + 1];
            for row in rows {
                let weight = self.weight(row);
                for ((sum, value), start) in sums.iter_mut().zip(self.row(row)).zip(&origin) {
                    *sum += weight * (value - start);
                }
                sums[n_columns] += weight * (self.y[row] - target_origin);
            }
            Ok(sums)
        };
        let mut totals = vec![0.0; n_columns + 1];
        for part in Chunks::new(self.n_rows(), n_columns, n_columns).map(stop, sums_of)? {
            add_scaled(&mut totals, 1.0, &part);
        }
        self.target_mean = target_origin + totals[n_columns] / self.total_weight;
        self.means = origin.iter().zip(&totals).map(|(start, sum)| start + sum / self.total_weight).collect();
        Ok(())
    }
}

/// What a model leaves unexplained.
pub(super) struct Residuals {
    /// `Σ w·r²`.
    pub(super) squared: f64,
    /// `Σ w·r·x` of each centred column.
    pub(super) correlations: Vec<f64>,
}

/// The matrix in row-major order, copied only if it is not.
fn standard(x: ArrayView2<'_, f64>) -> CowArray<'_, f64, Ix2> {
    if x.is_standard_layout() {
        CowArray::from(x)
    } else {
        CowArray::from(x.as_standard_layout().into_owned())
    }
}
