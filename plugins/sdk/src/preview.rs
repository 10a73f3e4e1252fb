//! The beginning of a table, for people.

use std::{fs::File, path::Path};

use arrow_array::{Array, ArrayRef, cast::AsArray, types};
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;
use serde_json::{Number, Value};

use crate::TableError;

/// Batches that are read, at most, to count rows.
const MAX_BATCHES: usize = 16;

/// The beginning of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TablePreview {
    /// Names and types of the columns.
    pub columns: Vec<(String, String)>,
    /// The first rows; cells of a type that has no plain form tell their type.
    pub rows: Vec<Vec<Value>>,
    /// The number of rows, when the table is small enough to be counted.
    pub n_rows: Option<usize>,
}

impl TablePreview {
    /// Reads the first rows of an Arrow IPC file; texts are cut to `max_cell` characters.
    pub fn read(path: &Path, max_rows: usize, max_cell: usize) -> Result<Self, TableError> {
        let file = File::open(path)
            .map_err(|source| TableError::Open { path: path.display().to_string(), source })?;
        let reader = FileReader::try_new_buffered(file, None)?;
        let n_batches = reader.num_batches();
        let schema = reader.schema();
        let columns = schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().to_string()))
            .collect();
        let (mut rows, mut counted) = (Vec::new(), 0);
        for batch in reader.take(MAX_BATCHES) {
            let batch = batch?;
            counted += batch.num_rows();
            for row in 0..batch.num_rows().min(max_rows.saturating_sub(rows.len())) {
                rows.push(batch.columns().iter().map(|column| cell(column, row, max_cell)).collect());
            }
            if rows.len() >= max_rows && n_batches > MAX_BATCHES {
                break;
            }
        }
        Ok(Self { columns, rows, n_rows: (n_batches <= MAX_BATCHES).then_some(counted) })
    }
}

fn cell(column: &ArrayRef, row: usize, max_cell: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let text = |text: &str| Value::from(text.chars().take(max_cell).collect::<String>());
    let float =
        |number: f64| Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number);
    match column.data_type() {
        DataType::Float64 => float(column.as_primitive::<types::Float64Type>().value(row)),
        DataType::Float32 => float(column.as_primitive::<types::Float32Type>().value(row).into()),
        DataType::Int64 => column.as_primitive::<types::Int64Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<types::Int32Type>().value(row).into(),
        DataType::Int16 => column.as_primitive::<types::Int16Type>().value(row).into(),
        DataType::Int8 => column.as_primitive::<types::Int8Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<types::UInt64Type>().value(row).into(),
        DataType::UInt32 => column.as_primitive::<types::UInt32Type>().value(row).into(),
        DataType::UInt16 => column.as_primitive::<types::UInt16Type>().value(row).into(),
        DataType::UInt8 => column.as_primitive::<types::UInt8Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Utf8 => text(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text(column.as_string::<i64>().value(row)),
        DataType::Utf8View => text(column.as_string_view().value(row)),
        other => Value::from(format!("({other})")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, RecordBatch, StringArray};
    use arrow_schema::{Field, Schema};
    use serde_json::json;

    use super::*;
    use crate::Table;

    #[test]
    fn the_first_rows_are_told_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.arrow");
        let fields = vec![Field::new("x", DataType::Float64, true), Field::new("name", DataType::Utf8, true)];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![Some(1.5), None, Some(3.0)])),
            Arc::new(StringArray::from(vec![Some("a long name"), Some("b"), Some("c")])),
        ];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        Table::from_batch(batch).write(&path).unwrap();
        let preview = TablePreview::read(&path, 2, 6).unwrap();
        assert_eq!(preview.columns[1], ("name".to_owned(), "Utf8".to_owned()));
        assert_eq!(preview.rows, [vec![json!(1.5), json!("a long")], vec![Value::Null, json!("b")]]);
        assert_eq!(preview.n_rows, Some(3));
        std::fs::write(&path, "no table").unwrap();
        assert!(TablePreview::read(&path, 2, 6).is_err());
    }
}
