//! Parquet: columns that know their types, turned into the plain ones.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, cast::AsArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
};
use sluicegate_plugin::{Table, TaskError};

use super::{
    build::{self, Fault},
    complaints::{Complaint, Complaints},
    file::SourceFile,
    params::Params,
    typed::missing_column,
};
use crate::{
    columns::{ValueType, fail_on, pointer_step},
    plain::{nested, plain_array, plain_type},
    table::{BATCH_ROWS, arrow_error},
};

/// The schema in the file's footer.
pub(super) fn schema(file: &SourceFile) -> Result<SchemaRef, TaskError> {
    let (handle, _) = file.open_for_run()?;
    let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::default())
        .map_err(|e| bad_parquet(file, &e))?;
    Ok(metadata.schema().clone())
}

/// Reads the table.
pub(super) fn read(
    file: &SourceFile,
    params: &Params,
    warn: &dyn Fn(&str),
    tick: &dyn Fn() -> Result<(), TaskError>,
) -> Result<Table, TaskError> {
    let (handle, size) = file.open_for_run()?;
    if size == 0 {
        return Err(file.bad("empty_file", "the file is empty"));
    }
    let builder = ParquetRecordBatchReaderBuilder::try_new(handle).map_err(|e| bad_parquet(file, &e))?;
    let picked = Picked::new(builder.schema(), params)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), picked.indices());
    let reader: parquet::arrow::arrow_reader::ParquetRecordBatchReader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| bad_parquet(file, &error))?;
    let schema = Arc::new(Schema::new(picked.fields.clone()));
    let mut complaints = Complaints::default();
    let mut batches = Vec::new();
    let mut first_row = 0;
    for batch in reader {
        tick()?;
        let batch = batch.map_err(|error| file.bad("bad_parquet", error))?;
        let columns = picked.convert(&batch, first_row, &mut complaints)?;
        first_row += batch.num_rows();
        batches.push(RecordBatch::try_new(schema.clone(), columns).map_err(|error| arrow_error(&error))?);
    }
    complaints.raise(file, |_| None)?;
    let table = Table::new(schema, batches);
    for (column_idx, field) in picked.fields.iter().enumerate() {
        if table.n_rows() > 0 && table.n_missing(column_idx) == table.n_rows() {
            warn(&format!("column `{}`: all values are missing", field.name()));
        }
    }
    Ok(table)
}

fn bad_parquet(file: &SourceFile, error: &parquet::errors::ParquetError) -> TaskError {
    file.bad("bad_parquet", format!("not a Parquet file that can be read: {error}"))
}

/// The wanted columns in the wanted order.
struct Picked {
    /// The index in the file of each.
    idx: Vec<usize>,
    /// Their plain fields.
    fields: Vec<Field>,
    /// The stated type of each.
    stated: Vec<Option<ValueType>>,
}

impl Picked {
    fn new(schema: &SchemaRef, params: &Params) -> Result<Self, TaskError> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let wanted = params.columns.as_ref().unwrap_or(&names);
        let mut problems = Vec::new();
        let mut picked = Self { idx: Vec::new(), fields: Vec::new(), stated: Vec::new() };
        for name in params.types.keys().filter(|name| !names.contains(name)) {
            problems.push(missing_column(format!("/types/{}", pointer_step(name)), name, &names));
        }
        for (place, name) in wanted.iter().enumerate() {
            let Some(idx) = names.iter().position(|other| other == name) else {
                problems.push(missing_column(format!("/columns/{place}"), name, &names));
                continue;
            };
            let stated = params.types.get(name).copied();
            let data_type = schema.field(idx).data_type();
            let plain = plain_type(data_type).ok_or_else(|| nested(name, data_type))?;
            let arrow = stated.map_or(plain, ValueType::arrow);
            picked.idx.push(idx);
            picked.fields.push(Field::new(name, arrow, true));
            picked.stated.push(stated);
        }
        fail_on(problems, "missing_column")?;
        Ok(picked)
    }

    fn indices(&self) -> Vec<usize> {
        self.idx.clone()
    }

    fn convert(
        &self,
        batch: &RecordBatch,
        first_row: usize,
        complaints: &mut Complaints,
    ) -> Result<Vec<ArrayRef>, TaskError> {
        let mut columns = Vec::with_capacity(self.fields.len());
        for (field, stated) in self.fields.iter().zip(&self.stated) {
            let name = field.name();
            let column = batch.column_by_name(name).ok_or_else(|| {
                TaskError::permanent("bad_parquet", format!("the reader left out column `{name}`"))
            })?;
            let converting = Converting { name, first_row, complaints: &mut *complaints };
            columns.push(converting.convert(&plain_array(name, column)?, *stated)?);
        }
        Ok(columns)
    }
}

/// One column on its way to its stated type.
struct Converting<'a> {
    name: &'a str,
    first_row: usize,
    complaints: &'a mut Complaints,
}

impl Converting<'_> {
    fn convert(mut self, column: &ArrayRef, stated: Option<ValueType>) -> Result<ArrayRef, TaskError> {
        let column =
            if *column.data_type() == DataType::Float64 { self.finite(column) } else { column.clone() };
        let Some(wanted) = stated.filter(|wanted| wanted.arrow() != *column.data_type()) else {
            return Ok(column);
        };
        Ok(match (column.data_type(), wanted) {
            (DataType::Utf8, ValueType::Number) => {
                let parsed = self.parse(&column, wanted, build::number);
                Arc::new(Float64Array::from(parsed))
            }
            (DataType::Utf8, ValueType::Integer) => {
                let parsed = self.parse(&column, wanted, build::integer);
                Arc::new(Int64Array::from(parsed))
            }
            (DataType::Utf8, ValueType::Boolean) => {
                let parsed = self.parse(&column, wanted, build::boolean);
                Arc::new(arrow_array::BooleanArray::from(parsed))
            }
            (DataType::Float64, ValueType::Integer) => {
                let column = column.as_primitive::<arrow_array::types::Float64Type>();
                let values = column.iter().enumerate().map(|(idx, value)| {
                    let value = value?;
                    build::whole(value)
                        .map_err(|fault| self.complain(idx, &value.to_string(), wanted, fault))
                        .ok()
                });
                Arc::new(values.collect::<Int64Array>())
            }
            _ => cast(&column, &wanted.arrow()).map_err(|error| arrow_error(&error))?,
        })
    }

    /// NaN becomes missing; infinity is a fault.
    fn finite(&mut self, column: &ArrayRef) -> ArrayRef {
        let numbers = column.as_primitive::<arrow_array::types::Float64Type>();
        if numbers.iter().flatten().all(f64::is_finite) {
            return column.clone();
        }
        let values = numbers.iter().enumerate().map(|(idx, value)| {
            let value = value.filter(|value| !value.is_nan())?;
            if value.is_infinite() {
                self.complain(idx, &value.to_string(), ValueType::Number, Fault::NotFinite);
            }
            Some(value)
        });
        Arc::new(values.collect::<Float64Array>())
    }

    fn parse<V>(
        &mut self,
        column: &ArrayRef,
        wanted: ValueType,
        parse: impl Fn(&str) -> Result<V, Fault>,
    ) -> Vec<Option<V>> {
        let cells = column.as_string::<i32>();
        cells
            .iter()
            .enumerate()
            .map(|(idx, cell)| {
                let cell = cell?;
                parse(cell.trim()).map_err(|fault| self.complain(idx, cell, wanted, fault)).ok()
            })
            .collect()
    }

    fn complain(&mut self, idx: usize, value: &str, wanted: ValueType, fault: Fault) {
        let (name, row_idx) = (self.name, self.first_row + idx);
        self.complaints.add(|| Complaint {
            code: fault.code(),
            row_idx,
            column: Some(name.into()),
            what: fault.text(value, wanted),
        });
    }
}
