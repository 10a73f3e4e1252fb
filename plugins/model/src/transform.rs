//! Fitted transforms: what was learned from the training rows, applied to any rows.

use serde::{Deserialize, Serialize};

use crate::{ColumnData, Frame, InputColumn, ModelError, Texts};

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
    /// A text column becomes a column of zeros and ones for each category, in its place; all zeros for a missing text.
    OneHot {
        /// The column.
        column: String,
        /// The categories of the training rows, sorted.
        categories: Vec<String>,
        /// What to do with others.
        unknown: UnknownCategory,
    },
    /// A text column becomes the number of its category, from zero. A missing text, and a category that training did not
    /// see, become a missing value.
    Codes {
        /// The column.
        column: String,
        /// The categories of the training rows, sorted.
        categories: Vec<String>,
    },
}

impl FittedTransform {
    fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        match self {
            Self::Scale { columns, offset, scale, factor, shift } => {
                let mut next = 0;
                for ((name, offset), scale) in columns.iter().zip(offset).zip(scale) {
                    let at = find(&frame.columns, |(column, _)| column == name, next);
                    let at = at.ok_or_else(|| no_column(name))?;
                    next = at + 1;
                    let ColumnData::Numbers(values) = &mut frame.columns[at].1 else {
                        return Err(no_column(name));
                    };
                    for value in values {
                        *value = (*value - offset) / scale * factor + shift;
                    }
                }
                Ok(())
            }
            Self::OneHot { column, categories, unknown } => one_hot(frame, column, categories, *unknown),
            Self::Codes { column, categories } => codes(frame, column, categories),
        }
    }

    /// Applies a transform to one row of numbers, given with the names of its columns; none when that is not enough.
    pub(crate) fn apply_to_row(&self, inputs: &[InputColumn], row: &mut [f64]) -> Option<()> {
        let Self::Scale { columns, offset, scale, factor, shift } = self else { return None };
        let mut next = 0;
        for ((name, offset), scale) in columns.iter().zip(offset).zip(scale) {
            let at = find(inputs, |input| input.name == *name, next)?;
            next = at + 1;
            row[at] = (row[at] - offset) / scale * factor + shift;
        }
        Some(())
    }
}

/// The index of a column; columns mostly stand in the order in which they are asked for, so the search begins at `from`.
fn find<T>(columns: &[T], is_wanted: impl Fn(&T) -> bool, from: usize) -> Option<usize> {
    (from..columns.len()).chain(0..from.min(columns.len())).find(|at| is_wanted(&columns[*at]))
}

/// Takes a text column out of a frame, with its place.
fn take_texts(frame: &mut Frame, name: &str) -> Result<(usize, Texts), ModelError> {
    let at = frame.columns.iter().position(|(column, _)| column == name).ok_or_else(|| no_column(name))?;
    match frame.columns.remove(at) {
        (_, ColumnData::Texts(texts)) => Ok((at, texts)),
        _ => Err(no_column(name)),
    }
}

/// For each different text of a column, the number of its category.
fn numbers(texts: &Texts, categories: &[String]) -> Vec<Option<usize>> {
    texts.distinct.iter().map(|text| categories.binary_search(text).ok()).collect()
}

fn one_hot(
    frame: &mut Frame,
    name: &str,
    categories: &[String],
    unknown: UnknownCategory,
) -> Result<(), ModelError> {
    let (at, texts) = take_texts(frame, name)?;
    let numbers = numbers(&texts, categories);
    if unknown == UnknownCategory::Error
        && let Some(code) = numbers.iter().position(Option::is_none)
    {
        // Texts are numbered by their first rows, so this is the first row of an unknown category.
        let row = texts.codes.iter().position(|own| *own as usize == code).unwrap_or_default();
        let text = &texts.distinct[code];
        let message = format!("column `{name}` has the unknown category `{text}` in row {}", row + 1);
        return Err(ModelError::Columns(message));
    }
    let mut encoded = vec![vec![0.0; texts.codes.len()]; categories.len()];
    for (row, code) in texts.codes.iter().enumerate() {
        if let Some(category) = numbers.get(*code as usize).copied().flatten() {
            encoded[category][row] = 1.0;
        }
    }
    let columns = categories
        .iter()
        .zip(encoded)
        .map(|(category, values)| (format!("{name}={category}"), ColumnData::Numbers(values)));
    frame.columns.splice(at..at, columns);
    Ok(())
}

fn codes(frame: &mut Frame, name: &str, categories: &[String]) -> Result<(), ModelError> {
    let (at, texts) = take_texts(frame, name)?;
    let numbers = numbers(&texts, categories);
    let number = |code: &u32| numbers.get(*code as usize).copied().flatten().map_or(f64::NAN, |n| n as f64);
    let values = texts.codes.iter().map(number).collect();
    frame.columns.insert(at, (name.to_owned(), ColumnData::Numbers(values)));
    Ok(())
}

fn no_column(name: &str) -> ModelError {
    ModelError::Columns(format!("a transform wants column `{name}`, which is absent or has another type"))
}

/// Applies transforms in order.
pub fn apply_all(transforms: &[FittedTransform], frame: &mut Frame) -> Result<(), ModelError> {
    transforms.iter().try_for_each(|transform| transform.apply(frame))
}
