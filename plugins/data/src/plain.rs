//! Turns Arrow's many types into the four plain ones that all kinds read.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, Field, Schema};
use sluicegate_plugin::TaskError;

/// The plain type that stands for an Arrow type: `None` when there is none, as for lists, structs and binary values.
///
/// Decimals become numbers (rounded to the nearest 64-bit one); dates, times and intervals become text.
pub(crate) fn plain_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Boolean => Some(DataType::Boolean),
        integer if integer.is_integer() => Some(DataType::Int64),
        DataType::Null | DataType::Float16 | DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        decimal if decimal.is_decimal() => Some(DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8),
        temporal if temporal.is_temporal() => Some(DataType::Utf8),
        DataType::Dictionary(_, value) => plain_type(value),
        _ => None,
    }
}

/// Turns every column of a batch into a plain type.
pub(crate) fn plain_batch(batch: &RecordBatch) -> Result<RecordBatch, TaskError> {
    let schema = batch.schema();
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let column = plain_array(field.name(), column)?;
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| crate::table::arrow_error(&error))
}

/// Turns one column into a plain type.
pub(crate) fn plain_array(name: &str, column: &ArrayRef) -> Result<ArrayRef, TaskError> {
    let Some(wanted) = plain_type(column.data_type()) else {
        return Err(nested(name, column.data_type()));
    };
    if *column.data_type() == wanted {
        return Ok(column.clone());
    }
    let column = match column.data_type() {
        DataType::Dictionary(_, value) => cast(column, value).map_err(|error| cannot(name, &error))?,
        _ => column.clone(),
    };
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&column, &wanted, &exact).map_err(|error| cannot(name, &error))
}

/// The refusal of a column that has no plain type.
pub(crate) fn nested(name: &str, data_type: &DataType) -> TaskError {
    TaskError::permanent(
        "nested_column",
        format!("column `{name}` holds values of the type {data_type}, not numbers, text or booleans"),
    )
    .hint("take the column apart before, or leave it out")
}

fn cannot(name: &str, error: &arrow_schema::ArrowError) -> TaskError {
    TaskError::permanent("bad_value", format!("column `{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, StringViewArray, UInt64Array};

    use super::*;

    #[test]
    fn small_integers_and_string_views_become_plain() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let words: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
        assert_eq!(plain_array("n", &numbers).unwrap().data_type(), &DataType::Int64);
        assert_eq!(plain_array("w", &words).unwrap().data_type(), &DataType::Utf8);
    }

    #[test]
    fn an_integer_that_does_not_fit_is_refused_by_column() {
        let numbers: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let error = plain_array("id", &numbers).unwrap_err();
        assert!(error.message.starts_with("column `id`"), "{error}");
    }
}
