//! What the classifiers are fitted to, and why they may not be.

use std::error::Error;
use std::fmt;

use ndarray::{ArrayView1, ArrayView2};

/// The number of rows between two questions whether to stop.
const STOP_ROWS: usize = 4096;

/// Rows with their classes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrainingRows<'a> {
    /// The features.
    pub(crate) x: ArrayView2<'a, f64>,
    /// The class of each row, as an index.
    pub(crate) classes: &'a [usize],
    /// The number of classes.
    pub(crate) n_classes: usize,
    /// The weight of each row, not negative; all 1 if absent.
    pub(crate) weights: Option<&'a [f64]>,
}

/// Where the prior probabilities of the classes come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Priors {
    /// The classes' shares of the weight of all rows.
    FromData,
    /// All alike.
    Uniform,
    /// One for each class; they sum to 1.
    Given(Vec<f64>),
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FitError {
    /// The caller asked to stop.
    Stopped,
    /// A sum is not a finite number; the text says which.
    NotFinite(String),
    /// There are no rows, or all of them have weight 0.
    NoWeight,
    /// A count is negative.
    NegativeCount {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A value is not the number of a category.
    NotACategory {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// The number of priors given, and of classes.
    PriorsDiffer {
        /// The number of priors.
        n_priors: usize,
        /// The number of classes.
        n_classes: usize,
    },
}

impl fmt::Display for FitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => write!(formatter, "stopped before the model was fitted"),
            Self::NotFinite(what) => write!(formatter, "{what} is too large for a number"),
            Self::NoWeight => write!(formatter, "no row has a weight above 0"),
            Self::NegativeCount { row, column } => {
                write!(formatter, "row {row}, column {column}: a count cannot be negative")
            }
            Self::NotACategory { row, column } => {
                write!(formatter, "row {row}, column {column}: categories are whole numbers from 0")
            }
            Self::PriorsDiffer { n_priors, n_classes } => {
                write!(formatter, "{n_priors} priors for {n_classes} classes")
            }
        }
    }
}

impl Error for FitError {}

/// One row of [`TrainingRows`].
pub(super) struct Row<'a> {
    pub(super) idx: usize,
    pub(super) values: ArrayView1<'a, f64>,
    pub(super) class: usize,
    pub(super) weight: f64,
}

impl TrainingRows<'_> {
    /// Visits all rows in order.
    pub(super) fn visit(
        &self,
        stop: &(dyn Fn() -> bool + Sync),
        mut visit: impl FnMut(Row<'_>) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        for (idx, (values, class)) in self.x.outer_iter().zip(self.classes).enumerate() {
            if idx % STOP_ROWS == 0 && stop() {
                return Err(FitError::Stopped);
            }
            let weight = self.weights.map_or(1.0, |weights| weights[idx]);
            visit(Row { idx, values, class: *class, weight })?;
        }
        Ok(())
    }

    /// The weight of the rows of each class.
    pub(super) fn class_weights(&self) -> Result<Vec<f64>, FitError> {
        let mut sums = vec![0.0; self.n_classes];
        for (idx, class) in self.classes.iter().enumerate() {
            sums[*class] += self.weights.map_or(1.0, |weights| weights[idx]);
        }
        let sum: f64 = sums.iter().sum();
        if !sum.is_finite() {
            return Err(FitError::NotFinite("the sum of the weights".into()));
        }
        if sum > 0.0 { Ok(sums) } else { Err(FitError::NoWeight) }
    }
}

impl Priors {
    /// The prior of each class, given the weights of their rows.
    pub(super) fn of_classes(&self, class_weights: &[f64]) -> Result<Vec<f64>, FitError> {
        let n_classes = class_weights.len();
        match self {
            Self::FromData => {
                let sum: f64 = class_weights.iter().sum();
                Ok(class_weights.iter().map(|weight| weight / sum).collect())
            }
            Self::Uniform => Ok(vec![1.0 / n_classes as f64; n_classes]),
            Self::Given(priors) if priors.len() == n_classes => Ok(priors.clone()),
            Self::Given(priors) => Err(FitError::PriorsDiffer { n_priors: priors.len(), n_classes }),
        }
    }
}
