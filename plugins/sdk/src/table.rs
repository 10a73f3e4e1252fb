//! Tables: Arrow record batches with one schema, stored as an Arrow IPC file.

use std::{fs::File, io::BufWriter, path::Path};

use arrow_array::{Array, RecordBatch};
use arrow_ipc::{reader::FileReader, writer::FileWriter};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use crate::{Column, ColumnType, TaskError};

/// A table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file could not be opened.
    #[error("cannot open `{path}`")]
    Open {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Arrow refused the content.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}

/// Record batches with one schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// A table of batches that all have the given schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    /// A table of one batch.
    pub fn from_batch(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch] }
    }

    /// The columns' names and Arrow types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batches, in order.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The number of columns.
    pub fn n_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// Columns as kinds see them.
    pub fn columns(&self) -> Vec<Column> {
        columns_of(&self.schema)
    }

    /// All rows as one batch.
    pub fn to_batch(&self) -> Result<RecordBatch, TableError> {
        match self.batches.as_slice() {
            [one] => Ok(one.clone()),
            [] => Ok(RecordBatch::new_empty(self.schema.clone())),
            many => Ok(arrow_select::concat::concat_batches(&self.schema, many)?),
        }
    }

    /// The table of what becomes of each batch; all must have one schema. A table without rows is one empty batch.
    pub fn map_batches(
        &self,
        mut each: impl FnMut(&RecordBatch) -> Result<RecordBatch, TaskError>,
    ) -> Result<Self, TaskError> {
        let empty = [RecordBatch::new_empty(self.schema.clone())];
        let batches = if self.batches.is_empty() { &empty[..] } else { &self.batches };
        let batches = batches.iter().map(&mut each).collect::<Result<Vec<_>, _>>()?;
        let schema = batches.first().map_or_else(|| self.schema.clone(), RecordBatch::schema);
        if let Some(other) = batches.iter().find(|batch| batch.schema() != schema) {
            let message =
                format!("batches of one table have different columns: {schema:?} and {:?}", other.schema());
            return Err(TaskError::permanent("bad_table", message));
        }
        Ok(Self { schema, batches })
    }

    /// Reads an Arrow IPC file.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path)
            .map_err(|source| TableError::Open { path: path.display().to_string(), source })?;
        let reader = FileReader::try_new_buffered(file, None)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { schema, batches })
    }

    /// Writes an Arrow IPC file. Equal tables in equal batches give equal bytes.
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        let file = File::create(path)
            .map_err(|source| TableError::Open { path: path.display().to_string(), source })?;
        let mut writer = FileWriter::try_new(BufWriter::new(file), &self.schema)?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        Ok(())
    }

    /// The number of missing values in a column, by index.
    pub fn n_missing(&self, column_idx: usize) -> usize {
        self.batches.iter().map(|batch| batch.column(column_idx).null_count()).sum()
    }
}

/// Columns as kinds see them.
pub(crate) fn columns_of(schema: &SchemaRef) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|field| Column { name: field.name().clone(), column_type: column_type(field.data_type()) })
        .collect()
}

fn column_type(data_type: &DataType) -> ColumnType {
    match data_type {
        DataType::Float64 | DataType::Float32 | DataType::Float16 => ColumnType::Number,
        integer if integer.is_integer() => ColumnType::Integer,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Boolean => ColumnType::Boolean,
        other => ColumnType::Other(other.to_string()),
    }
}
