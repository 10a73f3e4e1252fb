//! Principal component analysis as scikit-learn's `PCA(svd_solver="full")`.
//!
//! Pearson, "On lines and planes of closest fit to systems of points in space", Phil. Mag. 2, 1901; Hotelling,
//! "Analysis of a complex of statistical variables into principal components", J. Educ. Psychol. 24, 1933.

use serde::{Deserialize, Serialize};

use super::{
    decompose::{Svd, right_svd},
    error::Error,
    numeric::{check_columns, float, mean},
};

/// How many components to keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Components {
    /// Keep this many.
    Count(usize),
    /// Keep the fewest whose variances together exceed this share of the total, above 0 and below 1.
    Share(f64),
}

/// What to fit: the number of components and whether to scale each to variance 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pca {
    /// How many components to keep.
    pub(crate) components: Components,
    /// Whether to divide each component column by its standard deviation.
    pub(crate) whiten: bool,
}

/// Fitted principal components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fitted {
    /// Mean of each fitted column.
    pub(crate) mean: Vec<f64>,
    /// Unit vectors, one per component, each with a loading per column; the largest loading is positive.
    pub(crate) components: Vec<Vec<f64>>,
    /// Sample variance (divided by the number of rows less 1) along each component.
    pub(crate) explained_variance: Vec<f64>,
    /// Share of the total variance along each component.
    pub(crate) explained_variance_ratio: Vec<f64>,
    /// Singular value of the centred data for each component.
    pub(crate) singular_values: Vec<f64>,
    /// Whether [`Fitted::apply`] divides by the standard deviations.
    pub(crate) whiten: bool,
}

impl Pca {
    /// Finds the components of these columns.
    ///
    /// Where scikit-learn returns NaN shares of variance, because no column varies, this returns an error.
    ///
    /// # Errors
    ///
    /// The columns are empty, uneven or not finite; there is a single row; no column varies; the number of
    /// components is 0 or above the numbers of rows or columns; the share is out of range; a value overflows.
    pub(crate) fn fit(&self, columns: &[&[f64]]) -> Result<Fitted, Error> {
        let rows = check_columns(columns)?;
        self.check(rows, columns.len())?;
        let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
        let centre = |(column, mean): (&&[f64], &f64)| column.iter().map(|value| value - mean).collect();
        let centred: Vec<Vec<f64>> = columns.iter().zip(&means).map(centre).collect();
        let views: Vec<&[f64]> = centred.iter().map(Vec::as_slice).collect();
        if views.iter().any(|column| column.iter().any(|value| !value.is_finite())) {
            return Err(Error::Overflow);
        }
        let mut svd = right_svd(&views)?;
        svd.orient();
        self.keep(means, svd, rows)
    }

    /// Says what is wrong with the request for a matrix of this size.
    fn check(&self, rows: usize, columns: usize) -> Result<(), Error> {
        if rows < 2 {
            return Err(Error::TooFewRows { needed: 2, found: rows });
        }
        let largest = rows.min(columns);
        match self.components {
            Components::Count(asked) if asked == 0 || asked > largest => {
                Err(Error::ComponentCount { asked, largest })
            }
            Components::Share(share) if !(share > 0.0 && share < 1.0) => Err(Error::Share(share)),
            _ => Ok(()),
        }
    }

    /// Computes the variances and drops the components that were not asked for.
    fn keep(&self, mean: Vec<f64>, svd: Svd, rows: usize) -> Result<Fitted, Error> {
        let mut explained_variance: Vec<f64> =
            svd.values.iter().map(|value| value * value / float(rows - 1)).collect();
        let total: f64 = explained_variance.iter().sum();
        if !total.is_finite() {
            return Err(Error::Overflow);
        }
        if total <= 0.0 {
            return Err(Error::NoVariance);
        }
        let mut ratio: Vec<f64> = explained_variance.iter().map(|variance| variance / total).collect();
        let kept = match self.components {
            Components::Count(count) => count,
            Components::Share(share) => components_above(&ratio, share),
        };
        let (mut components, mut singular_values) = (svd.right, svd.values);
        components.truncate(kept);
        singular_values.truncate(kept);
        explained_variance.truncate(kept);
        ratio.truncate(kept);
        let whiten = self.whiten;
        Ok(Fitted {
            mean,
            components,
            explained_variance,
            explained_variance_ratio: ratio,
            singular_values,
            whiten,
        })
    }
}

/// Returns the least number of leading shares whose sum exceeds `share`, or all of them.
///
/// This is scikit-learn's `searchsorted(cumsum(ratio), share, side="right") + 1`.
fn components_above(ratio: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    let reaches = |part: &f64| {
        sum += part;
        sum > share
    };
    ratio.iter().position(reaches).map_or(ratio.len(), |index| index + 1)
}

impl Fitted {
    /// The standard deviation along each component, the machine epsilon at the least.
    pub(crate) fn deviations(&self) -> Vec<f64> {
        self.explained_variance.iter().map(|variance| variance.sqrt().max(f64::EPSILON)).collect()
    }
}
