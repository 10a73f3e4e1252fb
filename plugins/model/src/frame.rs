//! Feature columns in memory, read from a table.

use arrow_array::{Array, BooleanArray, Float64Array, Int64Array, StringArray};
use sluicegate_plugin::Table;

use crate::{InputColumn, InputType, ModelError, Signature, Texts, texts::TextsBuilder};

/// The values of a feature column, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnData {
    /// Numbers; NaN where a value is missing.
    Numbers(Vec<f64>),
    /// Zeros and ones, none of them missing.
    Flags(Vec<bool>),
    /// Texts.
    Texts(Texts),
}

impl ColumnData {
    /// Whether it holds texts.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Texts(_))
    }

    /// The numbers, which flags are turned into; `None` for texts.
    pub fn to_numbers(&mut self) -> Option<&mut Vec<f64>> {
        if let Self::Flags(flags) = self {
            *self = Self::Numbers(flags.iter().map(|flag| f64::from(u8::from(*flag))).collect());
        }
        match self {
            Self::Numbers(values) => Some(values),
            _ => None,
        }
    }
}

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Names and values.
    pub columns: Vec<(String, ColumnData)>,
    /// The number of rows.
    pub n_rows: usize,
}

impl Frame {
    /// Reads the columns of a signature from a table. All that is wrong is told at once: missing columns, other types, and
    /// the first row of each column with a value that is not finite, or missing where it may not be.
    pub fn from_table(table: &Table, signature: &Signature) -> Result<Self, ModelError> {
        let mut wrong = Vec::new();
        let mut frame = Self { columns: Vec::new(), n_rows: table.n_rows() };
        for input in &signature.inputs {
            let Some((idx, _)) = table.schema().column_with_name(&input.name) else {
                let names: Vec<_> =
                    table.schema().fields().iter().map(|field| field.name().as_str()).collect();
                let near = sluicegate_plugin::nearest(&input.name, names);
                let hint = near.map(|near| format!(" (there is `{near}`)")).unwrap_or_default();
                wrong.push(format!("the table has no column `{}`{hint}", input.name));
                continue;
            };
            let parts = table.batches().iter().map(|batch| batch.column(idx).as_ref());
            match read(parts, input) {
                Ok(values) => frame.columns.push((input.name.clone(), values)),
                Err(reason) => wrong.push(format!("column `{}` {reason}", input.name)),
            }
        }
        if wrong.is_empty() { Ok(frame) } else { Err(ModelError::Columns(wrong.join("; "))) }
    }

    /// The place of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    /// Turns flags among some columns into numbers.
    pub fn make_numbers(&mut self, names: &[String]) {
        for (name, data) in &mut self.columns {
            if names.contains(name) {
                data.to_numbers();
            }
        }
    }

    /// The values of a column of numbers.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match &self.columns[self.position(name)?].1 {
            ColumnData::Numbers(values) => Some(values),
            _ => None,
        }
    }

    /// The values of a column of texts.
    pub fn texts(&self, name: &str) -> Option<&Texts> {
        match &self.columns[self.position(name)?].1 {
            ColumnData::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// Puts a new column in a place; two columns of one name are an error.
    pub(crate) fn insert(&mut self, at: usize, name: String, data: ColumnData) -> Result<(), ModelError> {
        if self.position(&name).is_some() {
            let message = format!("a transform makes the column `{name}`, which is there already");
            return Err(ModelError::Columns(message));
        }
        self.columns.insert(at, (name, data));
        Ok(())
    }

    /// Puts a new column behind the others.
    pub(crate) fn add(&mut self, name: String, data: ColumnData) -> Result<(), ModelError> {
        self.insert(self.columns.len(), name, data)
    }

    /// Puts columns of numbers behind the others.
    pub(crate) fn add_all(&mut self, columns: Vec<(String, Vec<f64>)>) -> Result<(), ModelError> {
        columns.into_iter().try_for_each(|(name, values)| self.add(name, ColumnData::Numbers(values)))
    }

    /// The columns as rows of numbers, row after row; all columns must be numbers.
    pub fn to_matrix(&self) -> Result<(Vec<f64>, usize), ModelError> {
        let n_columns = self.columns.len();
        let mut matrix = vec![0.0; self.n_rows * n_columns];
        for (column_idx, (name, data)) in self.columns.iter().enumerate() {
            let cells = matrix.iter_mut().skip(column_idx).step_by(n_columns);
            match data {
                ColumnData::Numbers(values) => cells.zip(values).for_each(|(cell, value)| *cell = *value),
                ColumnData::Flags(flags) => {
                    cells.zip(flags).for_each(|(cell, flag)| *cell = f64::from(u8::from(*flag)));
                }
                ColumnData::Texts(_) => {
                    return Err(ModelError::Columns(format!(
                        "column `{name}` is text and no transform turned it into numbers"
                    )));
                }
            }
        }
        Ok((matrix, n_columns))
    }
}

fn read<'a>(parts: impl Iterator<Item = &'a dyn Array>, input: &InputColumn) -> Result<ColumnData, String> {
    let wanted = input.input_type;
    let mut numbers: Vec<f64> = Vec::new();
    let mut texts = TextsBuilder::default();
    let mut n_rows = 0;
    for part in parts {
        if !input.nullable
            && let Some(at) = (0..part.len()).find(|at| part.is_null(*at))
        {
            let row = n_rows + at + 1;
            return Err(format!("has a missing value in row {row}; fill or drop missing values before"));
        }
        n_rows += part.len();
        let any = part.as_any();
        if wanted == InputType::Text {
            let values = any.downcast_ref::<StringArray>().ok_or_else(|| other_type(part, wanted))?;
            values.iter().for_each(|text| texts.push(text));
        } else if let Some(values) = any.downcast_ref::<Float64Array>() {
            extend(&mut numbers, part, values.values().iter().copied());
        } else if let Some(values) = any.downcast_ref::<Int64Array>() {
            extend(&mut numbers, part, values.values().iter().map(|number| *number as f64));
        } else if let Some(values) = any.downcast_ref::<BooleanArray>() {
            numbers.extend(
                values.iter().map(|truth| truth.map_or(f64::NAN, |truth| f64::from(u8::from(truth)))),
            );
        } else {
            return Err(other_type(part, wanted));
        }
    }
    let is_bad = |number: &f64| !(number.is_finite() || input.nullable && number.is_nan());
    if let Some(row) = numbers.iter().position(is_bad) {
        return Err(format!("has the value {} in row {}; values must be finite", numbers[row], row + 1));
    }
    Ok(if wanted == InputType::Text {
        ColumnData::Texts(texts.finish())
    } else {
        ColumnData::Numbers(numbers)
    })
}

/// Adds a part's numbers, NaN where it has none.
fn extend(numbers: &mut Vec<f64>, part: &dyn Array, values: impl Iterator<Item = f64>) {
    if part.null_count() == 0 {
        numbers.extend(values);
    } else {
        numbers.extend(values.enumerate().map(|(at, value)| if part.is_null(at) { f64::NAN } else { value }));
    }
}

fn other_type(array: &dyn Array, wanted: InputType) -> String {
    format!("has the type {}, but the model wants {wanted}", array.data_type())
}
