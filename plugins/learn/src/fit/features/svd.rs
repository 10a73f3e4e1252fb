//! A truncated singular value decomposition without centring, as scikit-learn's `TruncatedSVD`.
//!
//! Eckart and Young, "The approximation of one matrix by another of lower rank", Psychometrika 1, 1936;
//! Deerwester et al., "Indexing by latent semantic analysis", J. Am. Soc. Inf. Sci. 41, 1990. scikit-learn's
//! default is a randomised approximation; this gives the exact result, as its `algorithm="arpack"`.

use serde::{Deserialize, Serialize};

use super::{
    decompose::right_svd,
    error::Error,
    numeric::{add_scaled, check_columns, population_variance},
};

/// What to fit: the number of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TruncatedSvd {
    /// Number of components to keep.
    pub(crate) components: usize,
}

/// Fitted components of a truncated decomposition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fitted {
    /// Right singular vectors, one per component, each with a loading per column; the largest is positive.
    pub(crate) components: Vec<Vec<f64>>,
    /// Population variance of each projected column of the fitted data.
    pub(crate) explained_variance: Vec<f64>,
    /// Those variances as shares of the columns' total; 0 where no column varies (scikit-learn: NaN).
    pub(crate) explained_variance_ratio: Vec<f64>,
    /// Singular value of each component.
    pub(crate) singular_values: Vec<f64>,
}

impl TruncatedSvd {
    /// Finds the leading singular vectors of these columns.
    ///
    /// As many components as the smaller of the numbers of rows and columns are allowed; ARPACK allows one less.
    ///
    /// # Errors
    ///
    /// The columns are empty, uneven, not finite or fewer than two (as in scikit-learn); the number of
    /// components is 0 or above the numbers of rows or columns; a value overflows.
    pub(crate) fn fit(self, columns: &[&[f64]]) -> Result<Fitted, Error> {
        let rows = check_columns(columns)?;
        if columns.len() < 2 {
            return Err(Error::TooFewColumns { needed: 2, found: columns.len() });
        }
        let (asked, largest) = (self.components, rows.min(columns.len()));
        if asked == 0 || asked > largest {
            return Err(Error::ComponentCount { asked, largest });
        }
        let mut svd = right_svd(columns)?;
        svd.orient();
        svd.right.truncate(asked);
        svd.values.truncate(asked);
        let projected = project(columns, &svd.right, rows);
        let explained_variance: Vec<f64> =
            projected.iter().map(|column| population_variance(column)).collect();
        let total: f64 = columns.iter().map(|column| population_variance(column)).sum();
        if !total.is_finite() || explained_variance.iter().any(|variance| !variance.is_finite()) {
            return Err(Error::Overflow);
        }
        let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
        let explained_variance_ratio = explained_variance.iter().map(share).collect();
        let (components, singular_values) = (svd.right, svd.values);
        Ok(Fitted { components, explained_variance, explained_variance_ratio, singular_values })
    }
}

/// Sums the columns weighted by each component's loadings.
fn project(columns: &[&[f64]], components: &[Vec<f64>], rows: usize) -> Vec<Vec<f64>> {
    let combine = |component: &Vec<f64>| {
        let mut result = vec![0.0; rows];
        for (column, loading) in columns.iter().zip(component) {
            add_scaled(&mut result, *loading, column);
        }
        result
    };
    components.iter().map(combine).collect()
}
