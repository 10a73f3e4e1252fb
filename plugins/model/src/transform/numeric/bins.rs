//! Replaces the values of a column by the numbers of their bins.
//!
//! The meaning is that of `KBinsDiscretizer(encode="ordinal", quantile_method="linear", subsample=None)` in
//! scikit-learn.

use serde::{Deserialize, Serialize};

use super::{
    FitError,
    kmeans::cluster_centers,
    sums::{as_float, grid, known_values, percentile, range},
};

/// The greatest number of bins that can be asked for.
pub const MAXIMUM_BINS: usize = 1 << 20;

/// Width up to which a bin is removed.
const LEAST_WIDTH: f64 = 1e-8;

/// How the edges of the bins are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Bins of equal width.
    Uniform,
    /// Bins of equal numbers of rows.
    Quantile,
    /// Bins around the centres of k-means clusters.
    Kmeans,
}

/// The edges of the bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The edges in rising order from the least fitted value on; the value twice for a constant column.
    pub edges: Vec<f64>,
}

/// Chooses the edges of at most `n_bins` bins.
///
/// Missing values are ignored. One known value and a constant column have a single bin, number 0, for every value. The
/// strategies `Quantile` and `Kmeans` remove bins that are at most 1e-8 wide, so that there may be fewer bins than
/// asked for; a column whose whole range is that narrow has the number 0 for every value.
///
/// # Errors
///
/// - [`FitError::TooFewBins`] if `n_bins` is below 2,
/// - [`FitError::TooManyBins`] if `n_bins` is above [`MAXIMUM_BINS`],
/// - [`FitError::NoKnownValues`] if no value is known,
/// - [`FitError::FewerValuesThanBins`] if `Kmeans` has fewer known values than bins and they are not constant,
/// - [`FitError::Overflow`] if a difference of two values exceeds the range of `f64`.
pub fn fit(values: &[f64], n_bins: usize, strategy: Strategy) -> Result<Fitted, FitError> {
    match n_bins {
        0 | 1 => return Err(FitError::TooFewBins { n_bins }),
        2..=MAXIMUM_BINS => {}
        _ => return Err(FitError::TooManyBins { n_bins }),
    }
    let known = known_values(values);
    let (minimum, maximum) = range(&known).ok_or(FitError::NoKnownValues)?;
    if minimum >= maximum {
        return Ok(Fitted { edges: vec![minimum, maximum] });
    }
    let edges = match strategy {
        Strategy::Uniform => grid(minimum, maximum, n_bins + 1),
        Strategy::Quantile => without_narrow_bins(&quantile_edges(known, n_bins)),
        Strategy::Kmeans => without_narrow_bins(&kmeans_edges(&known, n_bins, minimum, maximum)?),
    };
    let is_finite = edges.iter().all(|edge| edge.is_finite());
    if is_finite { Ok(Fitted { edges }) } else { Err(FitError::Overflow) }
}

impl Fitted {
    /// Returns the number of bins.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        self.inner_edges().len() + 1
    }

    /// Replaces every known value by the number of its bin, counted from 0; missing values stay missing.
    ///
    /// A bin holds its lower edge. A value below the first edge is in the first bin, one above the last edge in the
    /// last.
    pub fn apply(&self, values: &mut [f64]) {
        let inner_edges = self.inner_edges();
        for value in values.iter_mut().filter(|value| !value.is_nan()) {
            *value = as_float(inner_edges.partition_point(|edge| *edge <= *value));
        }
    }

    /// Returns the edges between two bins.
    fn inner_edges(&self) -> &[f64] {
        match self.edges.as_slice() {
            [_, inner @ .., _] => inner,
            _ => &[],
        }
    }
}

/// Returns the percentiles that split the values into equal numbers of rows.
fn quantile_edges(mut known: Vec<f64>, n_bins: usize) -> Vec<f64> {
    known.sort_unstable_by(f64::total_cmp);
    grid(0.0, 100.0, n_bins + 1).iter().map(|percent| percentile(&known, *percent)).collect()
}

/// Returns the range of the values and the middles between neighbouring cluster centres.
fn kmeans_edges(known: &[f64], n_bins: usize, minimum: f64, maximum: f64) -> Result<Vec<f64>, FitError> {
    if known.len() < n_bins {
        return Err(FitError::FewerValuesThanBins { n_values: known.len(), n_bins });
    }
    let middles = |numbers: &[f64]| -> Vec<f64> {
        numbers.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect()
    };
    let first_centers = middles(&grid(minimum, maximum, n_bins + 1));
    let mut edges = vec![minimum];
    edges.extend(middles(&cluster_centers(known, &first_centers)));
    edges.push(maximum);
    Ok(edges)
}

/// Removes every edge that is at most [`LEAST_WIDTH`] above the edge before it.
fn without_narrow_bins(edges: &[f64]) -> Vec<f64> {
    let first = edges.first().copied();
    let wide = edges.windows(2).filter(|pair| pair[1] - pair[0] > LEAST_WIDTH).map(|pair| pair[1]);
    first.into_iter().chain(wide).collect()
}
