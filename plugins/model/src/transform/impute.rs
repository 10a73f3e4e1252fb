//! Values in place of missing ones.

use serde::{Deserialize, Serialize};

use super::no_column;
use crate::{ColumnData, Frame, ModelError};

/// Fills missing values of some columns, and may tell where they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impute {
    /// The columns with what takes the place of their missing values.
    pub fills: Vec<(String, Fill)>,
    /// Columns that had missing values in training; each gets a column of zeros and ones at the end of the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<String>,
}

/// A value for missing ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// In a column of numbers.
    Number(f64),
    /// In a column of texts.
    Text(String),
}

/// The name of the column that tells where another had no value.
#[must_use]
pub fn indicator_name(column: &str) -> String {
    format!("{column} is missing")
}

impl Impute {
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        for name in &self.indicators {
            let values = match &frame.columns[frame.position(name).ok_or_else(|| no_column(name))?].1 {
                ColumnData::Numbers(values) => values.iter().map(|value| value.is_nan()).collect(),
                ColumnData::Flags(flags) => vec![false; flags.len()],
                ColumnData::Texts(texts) => texts.codes.iter().map(|code| *code == crate::MISSING).collect(),
            };
            frame.add(indicator_name(name), ColumnData::Flags(values))?;
        }
        for (name, fill) in &self.fills {
            let at = frame.position(name).ok_or_else(|| no_column(name))?;
            match (&mut frame.columns[at].1, fill) {
                (ColumnData::Numbers(values), Fill::Number(fill)) => {
                    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = *fill);
                }
                (ColumnData::Flags(_), Fill::Number(_)) => {}
                (ColumnData::Texts(texts), Fill::Text(fill)) => texts.fill(fill),
                _ => return Err(no_column(name)),
            }
        }
        Ok(())
    }
}
