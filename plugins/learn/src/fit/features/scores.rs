//! Scores of single columns against a target, with p-values where there is a test.
//!
//! They follow scikit-learn's `f_classif`, `f_regression`, `chi2`, `mutual_info_classif` and
//! `mutual_info_regression`. Classes are given as numbers; any numbers do, in any order.

pub(crate) use super::mutual::{mutual_info_classif, mutual_info_regression};

use super::{
    error::Error,
    numeric::{check_columns, check_length, dot, encode, float, mean, squared_deviations, standardise},
    special::{chi_squared_survival, f_survival},
};

/// The score of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    /// The score, larger for a stronger relation; `None` where scikit-learn returns NaN.
    pub(crate) score: Option<f64>,
    /// The chance of a score at least as large without a relation; `None` without a score or a test.
    pub(crate) p_value: Option<f64>,
}

impl Score {
    /// Pairs a statistic with its p-value; NaN becomes `None` in both.
    fn tested(statistic: f64, p_value: f64) -> Self {
        let defined = !statistic.is_nan();
        Self { score: defined.then_some(statistic), p_value: defined.then_some(p_value) }
    }
}

/// Scores each column by the F statistic of a one-way analysis of variance between classes.
///
/// A constant column has no score (`None`; scikit-learn: NaN). A column that is constant within each class but
/// not between them has an infinite score and p-value 0. Fisher, "Statistical methods for research workers",
/// 1925. Sums of squares are taken about the means, where scikit-learn subtracts squares of sums.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; the classes have another length or are fewer than two; there
/// are no more rows than classes.
pub(crate) fn f_classif(columns: &[&[f64]], classes: &[usize]) -> Result<Vec<Score>, Error> {
    let (codes, class_count) = check_classes(columns, classes)?;
    if codes.len() <= class_count {
        return Err(Error::TooFewRows { needed: class_count + 1, found: codes.len() });
    }
    Ok(columns.iter().map(|column| analysis_of_variance(column, &codes, class_count)).collect())
}

/// Checks columns and classes; returns each row's class as a number below the number of classes.
fn check_classes(columns: &[&[f64]], classes: &[usize]) -> Result<(Vec<usize>, usize), Error> {
    check_length(check_columns(columns)?, classes.len())?;
    let (codes, class_count) = encode(classes, Ord::cmp);
    if class_count < 2 { Err(Error::TooFewClasses) } else { Ok((codes, class_count)) }
}

/// Returns the F statistic between the classes and its p-value.
fn analysis_of_variance(column: &[f64], codes: &[usize], class_count: usize) -> Score {
    let mut groups = vec![Vec::new(); class_count];
    for (value, &code) in column.iter().zip(codes) {
        groups[code].push(*value);
    }
    let grand_mean = mean(column);
    let (mut between, mut within) = (0.0, 0.0);
    for group in &groups {
        let group_mean = mean(group);
        between += float(group.len()) * (group_mean - grand_mean) * (group_mean - grand_mean);
        within += squared_deviations(group, group_mean);
    }
    let (upper_freedom, lower_freedom) = (float(class_count - 1), float(column.len() - class_count));
    let statistic = (between / upper_freedom) / (within / lower_freedom);
    Score::tested(statistic, f_survival(statistic, upper_freedom, lower_freedom))
}

/// Scores each column by the F statistic of a linear regression of the target on it.
///
/// As scikit-learn does by default (`force_finite=True`), a constant column or target scores 0 with p-value 1,
/// and a column exactly proportional to the target (less their means) scores `f64::MAX` with p-value 0. The
/// statistic is `r^2 / (1 - r^2)` times the rows less two, with Pearson's correlation `r`.
///
/// # Errors
///
/// The columns are empty, uneven or not finite; the target has another length or is not finite; there are
/// fewer than three rows (scikit-learn: NaN p-values).
pub(crate) fn f_regression(columns: &[&[f64]], target: &[f64]) -> Result<Vec<Score>, Error> {
    let rows = check_target(columns, target)?;
    if rows < 3 {
        return Err(Error::TooFewRows { needed: 3, found: rows });
    }
    let standard_target = standardise(target);
    let correlation = |column: &[f64]| Some(dot(&standardise(column)?, standard_target.as_ref()?));
    Ok(columns.iter().map(|column| regression(correlation(column).unwrap_or(0.0), float(rows - 2))).collect())
}

/// Checks columns and a numeric target; returns the number of rows.
pub(crate) fn check_target(columns: &[&[f64]], target: &[f64]) -> Result<usize, Error> {
    let rows = check_columns(columns)?;
    check_length(rows, target.len())?;
    if target.iter().all(|value| value.is_finite()) { Ok(rows) } else { Err(Error::TargetNotFinite) }
}

/// Turns a correlation into an F statistic and its p-value.
fn regression(correlation: f64, freedom: f64) -> Score {
    let square = correlation * correlation;
    let statistic = if square < 1.0 { square / (1.0 - square) * freedom } else { f64::MAX };
    Score::tested(statistic, if square < 1.0 { f_survival(statistic, 1.0, freedom) } else { 0.0 })
}

/// Scores each column of counts by the chi-squared statistic of its sums per class.
///
/// A column of zeros has no score (`None`; scikit-learn: NaN). Pearson, "On the criterion that a given system
/// of deviations from the probable ... can be reasonably supposed to have arisen from random sampling", Phil.
/// Mag. 50, 1900.
///
/// # Errors
///
/// The columns are empty, uneven, not finite or hold a negative number; the classes have another length or are
/// fewer than two.
pub(crate) fn chi2(columns: &[&[f64]], classes: &[usize]) -> Result<Vec<Score>, Error> {
    let (codes, class_count) = check_classes(columns, classes)?;
    if let Some(column) = columns.iter().position(|column| column.iter().any(|value| *value < 0.0)) {
        return Err(Error::Negative { column });
    }
    let mut shares = vec![0.0; class_count];
    for &code in &codes {
        shares[code] += 1.0 / float(codes.len());
    }
    Ok(columns.iter().map(|column| chi_squared(column, &codes, &shares)).collect())
}

/// Compares the sums per class with the classes' shares of the whole sum.
fn chi_squared(column: &[f64], codes: &[usize], shares: &[f64]) -> Score {
    let mut observed = vec![0.0; shares.len()];
    for (value, &code) in column.iter().zip(codes) {
        observed[code] += value;
    }
    let total: f64 = observed.iter().sum();
    let term = |(count, share): (&f64, &f64)| (count - share * total).powi(2) / (share * total);
    let statistic: f64 = observed.iter().zip(shares).map(term).sum();
    Score::tested(statistic, chi_squared_survival(statistic, float(shares.len() - 1)))
}
