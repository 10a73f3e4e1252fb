//! Transforms: what the author asks for, fitted on the training rows.
//!
//! Formulas and the treatment of constant columns are scikit-learn's: `StandardScaler` (population variance), `MinMaxScaler`,
//! `RobustScaler` (percentiles by linear interpolation), `OneHotEncoder`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{ColumnData, FittedTransform, Frame, UnknownCategory, apply_all};
use sluicegate_plugin::{Column, ColumnType, Problem, TaskError};

use crate::columns::Columns;

/// A transform, fitted on the training rows and stored in the bundle.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Transform {
    /// Subtracts the mean and divides by the standard deviation (population).
    Standardize(Columns),
    /// Maps the least value to 0 and the greatest to 1.
    MinMax(Columns),
    /// Subtracts the median and divides by the distance between the quartiles.
    Robust(Columns),
    /// Makes a column of zeros and ones for each category of a text column; "*" means all text columns.
    OneHot(Columns),
    /// Like `one_hot`, but a category that training did not see becomes all zeros instead of an error.
    OneHotIgnore(Columns),
}

impl Transform {
    fn columns(&self) -> (&'static str, &Columns) {
        match self {
            Self::Standardize(columns) => ("standardize", columns),
            Self::MinMax(columns) => ("min_max", columns),
            Self::Robust(columns) => ("robust", columns),
            Self::OneHot(columns) => ("one_hot", columns),
            Self::OneHotIgnore(columns) => ("one_hot_ignore", columns),
        }
    }

    fn wants_text(&self) -> bool {
        matches!(self, Self::OneHot(_) | Self::OneHotIgnore(_))
    }
}

/// Fits transforms one after the other, each on what the earlier ones made, and applies them.
pub(crate) fn fit_all(
    transforms: &[Transform],
    frame: &mut Frame,
) -> Result<Vec<FittedTransform>, TaskError> {
    let mut fitted = Vec::new();
    for transform in transforms {
        let (name, columns) = transform.columns();
        let chosen = choose(frame, columns, name, transform.wants_text())?;
        let new = fit(transform, frame, chosen);
        apply_all(&new, frame).map_err(|error| TaskError::permanent("transform", error.to_string()))?;
        fitted.extend(new);
    }
    Ok(fitted)
}

/// Turns texts that are left into the codes of their categories, where the estimator takes them, and refuses them where not.
/// Returns for each feature whether it is categorical.
pub(crate) fn encode_texts(
    frame: &mut Frame,
    fitted: &mut Vec<FittedTransform>,
    allowed: bool,
) -> Result<Vec<bool>, TaskError> {
    let is_categorical: Vec<bool> =
        frame.columns.iter().map(|(_, data)| matches!(data, ColumnData::Texts(_))).collect();
    let mut new = Vec::new();
    for (name, data) in &frame.columns {
        let ColumnData::Texts(texts) = data else { continue };
        if !allowed {
            let message = format!("feature `{name}` is text, which the model cannot use as it is");
            return Err(TaskError::permanent("text_feature", message).hint(format!(
                "add `{{ one_hot = [\"{name}\"] }}` to `transforms`, or leave it out with `features`"
            )));
        }
        new.push(FittedTransform::Codes { column: name.clone(), categories: texts.sorted() });
    }
    apply_all(&new, frame).map_err(|error| TaskError::permanent("transform", error.to_string()))?;
    fitted.extend(new);
    Ok(is_categorical)
}

fn choose(frame: &Frame, columns: &Columns, transform: &str, text: bool) -> Result<Vec<String>, TaskError> {
    let is_text = |data: &ColumnData| matches!(data, ColumnData::Texts(_));
    match columns {
        Columns::All => Ok(frame
            .columns
            .iter()
            .filter(|(_, data)| is_text(data) == text)
            .map(|(name, _)| name.clone())
            .collect()),
        Columns::Named(names) => {
            for name in names {
                let Some((_, data)) = frame.columns.iter().find(|(column, _)| column == name) else {
                    let message = format!("`{transform}` names `{name}`, which is not a feature");
                    return Err(TaskError::permanent("missing_column", message));
                };
                if is_text(data) != text {
                    let kind = if text { "numbers" } else { "text" };
                    let message = format!("`{transform}` cannot be applied to `{name}`, which holds {kind}");
                    return Err(TaskError::permanent("transform", message));
                }
            }
            Ok(names.clone())
        }
    }
}

fn fit(transform: &Transform, frame: &Frame, columns: Vec<String>) -> Vec<FittedTransform> {
    let unknown = match transform {
        Transform::OneHot(_) => UnknownCategory::Error,
        Transform::OneHotIgnore(_) => UnknownCategory::Ignore,
        _ => return vec![scale(transform, frame, columns)],
    };
    columns
        .into_iter()
        .map(|column| {
            let texts = frame.columns.iter().find_map(|(name, data)| match data {
                ColumnData::Texts(texts) if *name == column => Some(texts.sorted()),
                _ => None,
            });
            let categories = texts.unwrap_or_default();
            FittedTransform::OneHot { column, categories, unknown }
        })
        .collect()
}

fn scale(transform: &Transform, frame: &Frame, columns: Vec<String>) -> FittedTransform {
    let (mut offset, mut scale) = (Vec::new(), Vec::new());
    for column in &columns {
        let values = frame.columns.iter().find_map(|(name, data)| match data {
            ColumnData::Numbers(values) if name == column => Some(known(values)),
            _ => None,
        });
        let values = values.unwrap_or_default();
        let (centre, width) = match transform {
            _ if values.is_empty() => (0.0, 1.0),
            Transform::Standardize(_) => standard(&values),
            Transform::MinMax(_) => min_max(&values),
            _ => robust(&values),
        };
        offset.push(centre);
        scale.push(width);
    }
    FittedTransform::Scale { columns, offset, scale, factor: 1.0, shift: 0.0 }
}

/// The values that are not missing.
fn known(values: &[f64]) -> Cow<'_, [f64]> {
    if values.iter().any(|value| value.is_nan()) {
        Cow::Owned(values.iter().copied().filter(|value| !value.is_nan()).collect())
    } else {
        Cow::Borrowed(values)
    }
}

/// Mean and population standard deviation; 1 for a column that is constant up to rounding.
fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // The second term takes back what rounding left in the mean (Chan, Golub and LeVeque).
    let (squares, rest) =
        values.iter().fold((0.0, 0.0), |(s, r), x| (s + (x - mean) * (x - mean), r + (x - mean)));
    let variance = (squares - rest * rest / n) / n;
    let floor = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
    (mean, if variance <= floor { 1.0 } else { variance.sqrt() })
}

fn min_max(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, nonzero(greatest - least))
}

fn robust(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (percentile(&sorted, 0.5), nonzero(percentile(&sorted, 0.75) - percentile(&sorted, 0.25)))
}

/// A width of zero would divide by zero; such a column stays as it is.
fn nonzero(width: f64) -> f64 {
    if width < 10.0 * f64::EPSILON { 1.0 } else { width }
}

/// A percentile of sorted values by linear interpolation.
fn percentile(sorted: &[f64], fraction: f64) -> f64 {
    let at = fraction * (sorted.len().saturating_sub(1)) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is an index of the slice"
    )]
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

/// Problems of transforms that name columns which are not features, for `sluice check`.
pub(crate) fn check(transforms: &[Transform], features: &[Column], prefix: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, transform) in transforms.iter().enumerate() {
        let (key, columns) = transform.columns();
        for (idx, name) in columns.named().iter().enumerate() {
            let pointer = format!("{prefix}/{number}/{key}/{idx}");
            match features.iter().find(|column| column.name == *name) {
                None => problems.push(Problem::missing_column(pointer, name, features)),
                Some(column) if !transform.wants_text() && column.column_type == ColumnType::Text => {
                    problems.push(Problem::new(
                        pointer,
                        format!("`{key}` cannot be applied to the text column `{name}`"),
                    ));
                }
                Some(_) => {}
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalers_follow_their_formulas_and_leave_constant_columns_alone() {
        assert_eq!(standard(&[1.0, 2.0, 3.0, 4.0]), (2.5, 1.25_f64.sqrt()));
        assert_eq!(standard(&[7.0, 7.0, 7.0]), (7.0, 1.0));
        assert_eq!(min_max(&[2.0, 6.0]), (2.0, 4.0));
        assert_eq!(robust(&[1.0, 2.0, 3.0, 4.0, 10.0]), (3.0, 2.0));
        assert_eq!(robust(&[5.0, 5.0]), (5.0, 1.0));
    }
}
