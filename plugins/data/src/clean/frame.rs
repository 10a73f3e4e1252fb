//! The table while it is cleaned: all columns in one piece, and a mark for every row that is still in.
//!
//! Rows are only marked, so that a row keeps its number until the end and messages can name it.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use sluicegate_plugin::{Column, ColumnType, Table, TaskError};

use super::columns::is_numeric;
use crate::{
    columns::Columns,
    plain::plain_batch,
    table::{arrow_error, one_batch},
};

/// The table while it is cleaned.
pub(super) struct Frame {
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    /// Whether each row is still in.
    pub(super) keep: Vec<bool>,
}

impl Frame {
    /// Takes a table in; NaN becomes missing.
    pub(super) fn new(table: &Table) -> Result<Self, TaskError> {
        let batch = plain_batch(&one_batch(table)?)?;
        let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let columns = batch.columns().iter().map(without_nan).collect();
        Ok(Self { names, columns, keep: vec![true; batch.num_rows()] })
    }

    /// The number of rows, removed ones included.
    pub(super) fn n_rows(&self) -> usize {
        self.keep.len()
    }

    /// The number of rows that are still in.
    pub(super) fn n_kept(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }

    /// The columns as kinds see them.
    pub(super) fn described(&self) -> Vec<Column> {
        let described = |(name, column): (&String, &ArrayRef)| Column {
            name: name.clone(),
            column_type: column_type(column.data_type()),
        };
        self.names.iter().zip(&self.columns).map(described).collect()
    }

    /// A column's name.
    pub(super) fn name(&self, idx: usize) -> &str {
        &self.names[idx]
    }

    /// A column's values.
    pub(super) fn column(&self, idx: usize) -> &ArrayRef {
        &self.columns[idx]
    }

    /// A column's type.
    pub(super) fn column_type(&self, idx: usize) -> ColumnType {
        column_type(self.columns[idx].data_type())
    }

    /// Replaces a column's values.
    pub(super) fn replace(&mut self, idx: usize, column: ArrayRef) {
        self.columns[idx] = column;
    }

    /// The index of a column by name.
    pub(super) fn idx_of(&self, name: &str) -> Result<usize, TaskError> {
        self.names.iter().position(|other| other == name).ok_or_else(|| {
            TaskError::permanent("missing_column", format!("the table has no column `{name}`"))
        })
    }

    /// The indices of the columns that a rule is about.
    pub(super) fn select(
        &self,
        columns: &Columns,
        applies: impl Fn(&ColumnType) -> bool,
    ) -> Result<Vec<usize>, TaskError> {
        match columns {
            Columns::None => Ok(Vec::new()),
            Columns::All => {
                Ok((0..self.columns.len()).filter(|idx| applies(&self.column_type(*idx))).collect())
            }
            Columns::Named(names) => names.iter().map(|name| self.idx_of(name)).collect(),
        }
    }

    /// A number or integer column as numbers, row by row; `None` is missing.
    pub(super) fn numbers(&self, idx: usize) -> Vec<Option<f64>> {
        let column = &self.columns[idx];
        if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
            return numbers.iter().collect();
        }
        match column.as_primitive_opt::<Int64Type>() {
            Some(integers) => integers.iter().map(|value| value.map(|value| value as f64)).collect(),
            None => vec![None; self.n_rows()],
        }
    }

    /// The present values of a number column in the rows that are still in; infinity is an error.
    pub(super) fn present_numbers(&self, idx: usize) -> Result<Vec<f64>, TaskError> {
        let mut values = Vec::with_capacity(self.n_rows());
        for (row_idx, value) in self.numbers(idx).into_iter().enumerate() {
            let Some(value) = value.filter(|_| self.keep[row_idx]) else {
                continue;
            };
            if !value.is_finite() {
                let what = format!("row {}, column `{}`: {value} is not finite", row_idx + 1, self.name(idx));
                return Err(TaskError::permanent("not_finite", what)
                    .hint("give the column a range, whose rules run before"));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// Puts numbers in place of a column; an integer column stays one while all values are whole.
    pub(super) fn put_numbers(&mut self, idx: usize, values: Vec<Option<f64>>) {
        /// Up to 2^53 every whole number is exact.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = |value: &f64| value.fract() == 0.0 && value.abs() <= EXACT;
        if *self.columns[idx].data_type() == DataType::Int64 && values.iter().flatten().all(whole) {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            let integers = values.into_iter().map(|value| value.map(|value| value as i64));
            self.columns[idx] = Arc::new(integers.collect::<Int64Array>());
        } else {
            self.columns[idx] = Arc::new(Float64Array::from(values));
        }
    }

    /// The rows that are still in.
    pub(super) fn finish(self) -> Result<RecordBatch, TaskError> {
        let fields: Vec<_> = self
            .names
            .iter()
            .zip(&self.columns)
            .map(|(name, column)| Field::new(name, column.data_type().clone(), true))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.keep.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), self.columns, &options);
        let batch = batch.map_err(|error| arrow_error(&error))?;
        filter_record_batch(&batch, &BooleanArray::from(self.keep)).map_err(|error| arrow_error(&error))
    }
}

/// Tells whether a rule on numbers applies to a column.
pub(super) fn numeric(column_type: &ColumnType) -> bool {
    is_numeric(column_type)
}

fn column_type(data_type: &DataType) -> ColumnType {
    match data_type {
        DataType::Float64 => ColumnType::Number,
        DataType::Int64 => ColumnType::Integer,
        DataType::Utf8 => ColumnType::Text,
        DataType::Boolean => ColumnType::Boolean,
        other => ColumnType::Other(other.to_string()),
    }
}

fn without_nan(column: &ArrayRef) -> ArrayRef {
    let Some(numbers) = column.as_primitive_opt::<Float64Type>() else {
        return column.clone();
    };
    if !numbers.iter().flatten().any(f64::is_nan) {
        return column.clone();
    }
    Arc::new(numbers.iter().map(|value| value.filter(|value| !value.is_nan())).collect::<Float64Array>())
}
