//! Fitted transforms: what was learned from the training rows, applied to any rows.

use serde::{Deserialize, Serialize};

use crate::{ColumnData, Frame, ModelError};

/// What to do with a category that training did not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCategory {
    /// Refuse the row.
    #[default]
    Error,
    /// All zeros.
    Ignore,
}

/// A fitted transform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FittedTransform {
    /// `(x − offset) / scale · factor + shift`, for each column: standardize, min-max and robust scaling.
    Scale {
        /// The columns.
        columns: Vec<String>,
        /// One for each column.
        offset: Vec<f64>,
        /// One for each column; never zero.
        scale: Vec<f64>,
        /// Width of the wanted range; 1 but for min-max.
        factor: f64,
        /// Beginning of the wanted range; 0 but for min-max.
        shift: f64,
    },
    /// A text column becomes a column of zeros and ones for each category, in its place.
    OneHot {
        /// The column.
        column: String,
        /// The categories of the training rows, sorted.
        categories: Vec<String>,
        /// What to do with others.
        unknown: UnknownCategory,
    },
}

impl FittedTransform {
    fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        match self {
            Self::Scale { columns, offset, scale, factor, shift } => {
                for ((name, offset), scale) in columns.iter().zip(offset).zip(scale) {
                    let found = frame.columns.iter_mut().find(|(column, _)| column == name);
                    let Some((_, ColumnData::Numbers(values))) = found else { return Err(no_column(name)) };
                    for value in values {
                        *value = (*value - offset) / scale * factor + shift;
                    }
                }
                Ok(())
            }
            Self::OneHot { column, categories, unknown } => one_hot(frame, column, categories, *unknown),
        }
    }
}

fn one_hot(
    frame: &mut Frame,
    name: &str,
    categories: &[String],
    unknown: UnknownCategory,
) -> Result<(), ModelError> {
    let at = frame.columns.iter().position(|(column, _)| column == name).ok_or_else(|| no_column(name))?;
    let (_, data) = frame.columns.remove(at);
    let ColumnData::Texts(texts) = data else { return Err(no_column(name)) };
    let mut encoded = vec![vec![0.0; texts.len()]; categories.len()];
    for (row, text) in texts.iter().enumerate() {
        match categories.binary_search(text) {
            Ok(category) => encoded[category][row] = 1.0,
            Err(_) if unknown == UnknownCategory::Ignore => {}
            Err(_) => {
                let message = format!("column `{name}` has the unknown category `{text}` in row {}", row + 1);
                return Err(ModelError::Columns(message));
            }
        }
    }
    let columns = categories
        .iter()
        .zip(encoded)
        .map(|(category, values)| (format!("{name}={category}"), ColumnData::Numbers(values)));
    frame.columns.splice(at..at, columns);
    Ok(())
}

fn no_column(name: &str) -> ModelError {
    ModelError::Columns(format!("a transform wants column `{name}`, which is absent or has another type"))
}

/// Applies transforms in order.
pub fn apply_all(transforms: &[FittedTransform], frame: &mut Frame) -> Result<(), ModelError> {
    transforms.iter().try_for_each(|transform| transform.apply(frame))
}
