//! What an estimator is fitted to: features as columns, a target, and weights.

use std::collections::BTreeMap;

use ndarray::Array2;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use sluicegate_model::{ColumnData, Frame, Label};
use sluicegate_plugin::TaskError;

use crate::fit::{self, boosting};

/// A target, read for an estimator.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The sorted classes, and each row's as an index.
    Classes { classes: Vec<Label>, indices: Vec<usize> },
    /// A number for each row.
    Numbers(Vec<f64>),
}

/// Rows to fit an estimator to.
#[derive(Clone, Debug)]
pub(crate) struct TrainingSet {
    /// The features after all transforms; numbers only.
    frame: Frame,
    /// For each feature, whether its numbers are codes of categories.
    pub(crate) is_categorical: Vec<bool>,
    /// The codes of categorical features.
    codes: BTreeMap<usize, Vec<u32>>,
    /// What is to be predicted.
    pub(crate) target: Target,
    /// The weight of each row; `None` when all are the same.
    pub(crate) weights: Option<Vec<f64>>,
    /// Rows to validate on, when the task was given some.
    pub(crate) validation: Option<Box<TrainingSet>>,
}

impl TrainingSet {
    /// A training set of features that are numbers, some of them codes of categories.
    pub(crate) fn new(
        frame: Frame,
        is_categorical: Vec<bool>,
        target: Target,
        weights: Option<Vec<f64>>,
    ) -> Self {
        let code = |value: &f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a code is a small index"
            )]
            let code = *value as u32;
            if value.is_nan() { boosting::MISSING } else { code }
        };
        let codes = frame.columns.iter().enumerate().filter(|(at, _)| is_categorical[*at]);
        let codes = codes
            .filter_map(|(at, (_, data))| match data {
                ColumnData::Numbers(values) => Some((at, values.iter().map(code).collect())),
                _ => None,
            })
            .collect();
        Self { frame, is_categorical, codes, target, weights, validation: None }
    }

    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.frame.n_rows
    }

    /// A row's weight.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The features' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.frame.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The features as a row-major matrix.
    pub(crate) fn matrix(&self) -> Result<Array2<f64>, TaskError> {
        let (values, n_columns) =
            self.frame.to_matrix().map_err(|error| TaskError::permanent("bad_feature", error.to_string()))?;
        Ok(fit::matrix(values, n_columns))
    }

    /// The features as columns.
    pub(crate) fn columns(&self) -> Vec<boosting::Column<'_>> {
        let columns = self.frame.columns.iter().enumerate();
        columns
            .map(|(at, (_, data))| match (self.codes.get(&at), data) {
                (Some(codes), _) => boosting::Column::Categories(codes),
                (None, ColumnData::Numbers(values)) => boosting::Column::Numbers(values),
                (None, ColumnData::Flags(flags)) => boosting::Column::Flags(flags),
                (None, ColumnData::Texts(_)) => unreachable!("features are numbers"),
            })
            .collect()
    }

    /// The classes and each row's as an index.
    ///
    /// # Panics
    /// For an estimator that is given a regression though its task is classification.
    pub(crate) fn classes(&self) -> (&[Label], &[usize]) {
        match &self.target {
            Target::Classes { classes, indices } => (classes, indices),
            Target::Numbers(_) => panic!("a classifier was given numbers"),
        }
    }

    /// The target's numbers.
    ///
    /// # Panics
    /// For an estimator that is given classes though its task is regression.
    pub(crate) fn numbers(&self) -> &[f64] {
        match &self.target {
            Target::Numbers(numbers) => numbers,
            Target::Classes { .. } => panic!("a regression was given classes"),
        }
    }

    /// The target as numbers, which for classes are their indices.
    pub(crate) fn target_numbers(&self) -> Vec<f64> {
        match &self.target {
            Target::Classes { indices, .. } => indices.iter().map(|index| *index as f64).collect(),
            Target::Numbers(numbers) => numbers.clone(),
        }
    }

    /// Some of the rows, in the order given.
    fn select(&self, rows: &[usize]) -> Self {
        let columns = self.frame.columns.iter().map(|(name, data)| {
            let data = match data {
                ColumnData::Numbers(values) => {
                    ColumnData::Numbers(rows.iter().map(|row| values[*row]).collect())
                }
                ColumnData::Flags(flags) => ColumnData::Flags(rows.iter().map(|row| flags[*row]).collect()),
                ColumnData::Texts(_) => unreachable!("features are numbers"),
            };
            (name.clone(), data)
        });
        let frame = Frame { columns: columns.collect(), n_rows: rows.len() };
        let target = match &self.target {
            Target::Classes { classes, indices } => Target::Classes {
                classes: classes.clone(),
                indices: rows.iter().map(|row| indices[*row]).collect(),
            },
            Target::Numbers(numbers) => Target::Numbers(rows.iter().map(|row| numbers[*row]).collect()),
        };
        let weights = self.weights.as_ref().map(|weights| rows.iter().map(|row| weights[*row]).collect());
        Self::new(frame, self.is_categorical.clone(), target, weights)
    }
}

/// Rows to fit to, and rows to validate on.
pub(crate) struct Holdout<'a> {
    pub(crate) training: std::borrow::Cow<'a, TrainingSet>,
    pub(crate) validation: Option<std::borrow::Cow<'a, TrainingSet>>,
}

impl<'a> Holdout<'a> {
    /// All rows are fitted to.
    pub(crate) fn none(data: &'a TrainingSet) -> Self {
        Self { training: std::borrow::Cow::Borrowed(data), validation: None }
    }

    /// All rows are fitted to, and others are validated on.
    pub(crate) fn given(data: &'a TrainingSet, validation: &'a TrainingSet) -> Self {
        let validation = Some(std::borrow::Cow::Borrowed(validation));
        Self { training: std::borrow::Cow::Borrowed(data), validation }
    }

    /// Holds a share of the rows back, of each class the same share.
    pub(crate) fn split(data: &'a TrainingSet, share: f64, seed: u64) -> Result<Self, TaskError> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for row in 0..data.n_rows() {
            let group = match &data.target {
                Target::Classes { indices, .. } => indices[row],
                Target::Numbers(_) => 0,
            };
            groups.entry(group).or_default().push(row);
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        for mut rows in groups.into_values() {
            rows.shuffle(&mut random);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is a share of a count"
            )]
            let n_held = (rows.len() as f64 * share).round() as usize;
            held.extend_from_slice(&rows[..n_held]);
            kept.extend_from_slice(&rows[n_held..]);
        }
        if kept.is_empty() || held.is_empty() {
            let message = format!("{} rows cannot be parted for early stopping", data.n_rows());
            return Err(TaskError::permanent("too_few_rows", message)
                .hint("leave `early_stopping` out, or connect the input `validation`"));
        }
        kept.sort_unstable();
        held.sort_unstable();
        let owned = |rows: &[usize]| std::borrow::Cow::Owned(data.select(rows));
        Ok(Self { training: owned(&kept), validation: Some(owned(&held)) })
    }
}
