//! Distances between rows.
//!
//! A search compares *rankings*, which grow with the distance and cost less: the sum of squares for the
//! Euclidean distance. Sums go from the first column to the last everywhere, so that every search computes
//! the same numbers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// `(Σ |x − y|²)^½`
    Euclidean,
    /// `Σ |x − y|`
    Manhattan,
    /// `(Σ |x − y|^p)^(1/p)`
    Minkowski {
        /// The power, above 0. For 1, 2 and infinity, a model says Manhattan, Euclidean and Chebyshev.
        p: f64,
    },
    /// `max |x − y|`
    Chebyshev,
    /// `1 − x·y / (‖x‖ ‖y‖)`; a row of zeros is at distance 1 from every row, itself included.
    Cosine,
}

/// How much each neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteWeights {
    /// All alike.
    Uniform,
    /// By the inverse of the distance; neighbours at distance 0 alone, if there are any.
    Distance,
}

impl Metric {
    /// The same metric under its own name, if it is a power that has one.
    pub(super) fn simplified(self) -> Self {
        match self {
            Self::Minkowski { p: 1.0 } => Self::Manhattan,
            Self::Minkowski { p: 2.0 } => Self::Euclidean,
            Self::Minkowski { p: f64::INFINITY } => Self::Chebyshev,
            other => other,
        }
    }

    /// The number of columns of rows that are searched.
    pub(super) fn n_columns(self, n_features: usize) -> usize {
        n_features + usize::from(self == Self::Cosine)
    }

    /// Rows as they are searched.
    ///
    /// For the cosine those are points on the unit sphere, where `‖x − y‖² = 2 − 2 x·y`. They have one more
    /// column, in which a row of zeros has its only 1, at a right angle to all others.
    pub(super) fn points(self, n_features: usize, rows: Cow<'_, [f64]>) -> Cow<'_, [f64]> {
        if self != Self::Cosine || n_features == 0 {
            return rows;
        }
        let mut points = Vec::with_capacity(rows.len() + rows.len() / n_features);
        for row in rows.chunks_exact(n_features) {
            let largest = row.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            if largest == 0.0 {
                points.extend(row.iter().map(|_| 0.0).chain([1.0]));
                continue;
            }
            // Divided by the largest value first, the squares neither overflow nor vanish.
            let norm = row.iter().map(|value| (value / largest).powi(2)).sum::<f64>().sqrt();
            points.extend(row.iter().map(|value| value / largest / norm).chain([0.0]));
        }
        Cow::Owned(points)
    }

    /// Whether a point has no direction, so that every row is at distance 1 from it.
    pub(super) fn is_without_direction(self, point: &[f64]) -> bool {
        self == Self::Cosine && point.last() == Some(&1.0)
    }

    /// The distance that belongs to a ranking.
    pub(super) fn distance(self, ranking: f64) -> f64 {
        match self {
            Self::Euclidean => ranking.sqrt(),
            Self::Manhattan | Self::Chebyshev => ranking,
            Self::Minkowski { p } => ranking.powf(1.0 / p),
            Self::Cosine => (ranking / 2.0).min(2.0),
        }
    }
}

/// Nearer rows count as rows at distance 0: the inverse might overflow.
const NO_DISTANCE: f64 = 1e-200;

impl VoteWeights {
    /// What each neighbour counts, given their distances in ascending order.
    pub(super) fn votes(self, nearest: &[(f64, usize)]) -> Vec<f64> {
        let nearest_distance = nearest.first().map_or(0.0, |nearest| nearest.0);
        let vote = |distance: f64| match self {
            Self::Uniform => 1.0,
            Self::Distance if nearest_distance < NO_DISTANCE => f64::from(distance < NO_DISTANCE),
            // All are too far away for numbers.
            Self::Distance if nearest_distance.is_infinite() => 1.0,
            Self::Distance => 1.0 / distance,
        };
        nearest.iter().map(|(distance, _)| vote(*distance)).collect()
    }
}

/// What a search compares: grows with the distance.
pub(super) trait Ranking: Copy + Send + Sync {
    /// Adds one column's difference.
    fn add(self, sum: f64, difference: f64) -> f64;

    /// A number that is not above the ranking of any row whose differences are at least those that gave
    /// `sum`.
    ///
    /// Rounding never changes the order of two numbers, so that sums of rounded squares and absolute values
    /// are bounds as they are.
    fn lower_bound(self, sum: f64) -> f64 {
        sum
    }
}

/// The sum of squares.
#[derive(Clone, Copy)]
pub(super) struct Squares;

/// The sum of absolute values.
#[derive(Clone, Copy)]
pub(super) struct Absolutes;

/// The sum of powers.
#[derive(Clone, Copy)]
pub(super) struct Powers(pub(super) f64);

/// The largest absolute value.
#[derive(Clone, Copy)]
pub(super) struct Largest;

impl Ranking for Squares {
    #[inline]
    fn add(self, sum: f64, difference: f64) -> f64 {
        sum + difference * difference
    }
}

impl Ranking for Absolutes {
    #[inline]
    fn add(self, sum: f64, difference: f64) -> f64 {
        sum + difference.abs()
    }
}

impl Ranking for Powers {
    #[inline]
    fn add(self, sum: f64, difference: f64) -> f64 {
        sum + difference.abs().powf(self.0)
    }

    // `powf` may be a little off the order of its arguments.
    fn lower_bound(self, sum: f64) -> f64 {
        sum * (1.0 - 1e-12)
    }
}

impl Ranking for Largest {
    #[inline]
    fn add(self, sum: f64, difference: f64) -> f64 {
        let absolute = difference.abs();
        if absolute > sum { absolute } else { sum }
    }
}
