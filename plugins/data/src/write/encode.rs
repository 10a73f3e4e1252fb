//! Tables as bytes of a file format.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use arrow_json::{WriterBuilder, writer::LineDelimited};
use arrow_schema::ArrowError;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};
use sluicegate_plugin::{Table, TaskError};

use crate::format::Format;

/// Writes a table to a file that is not there yet.
pub(super) fn encode(table: &Table, format: Format, delimiter: u8, path: &Path) -> Result<(), TaskError> {
    let file = File::create(path).map_err(|error| TaskError::io("create", path, &error))?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    match format {
        Format::Csv => csv(table, delimiter, &mut out).map_err(|error| cannot_write(path, error)),
        Format::JsonLines => json_lines(table, &mut out).map_err(|error| cannot_write(path, error)),
        Format::Parquet => parquet(table, &mut out).map_err(|error| match error {
            ParquetError::ArrowError(_) | ParquetError::General(_) | ParquetError::NYI(_) => {
                bad_table(&error)
            }
            other => cannot_write(path, ArrowError::from(other)),
        }),
    }?;
    out.flush().map_err(|error| TaskError::io("write", path, &error))
}

fn csv(table: &Table, delimiter: u8, out: &mut impl Write) -> Result<(), ArrowError> {
    let builder = || arrow_csv::WriterBuilder::new().with_delimiter(delimiter);
    let header = arrow_array::RecordBatch::new_empty(table.schema().clone());
    builder().with_header(true).build(&mut *out).write(&header)?;
    let mut writer = builder().with_header(false).build(out);
    table.batches().iter().try_for_each(|batch| writer.write(batch))
}

fn json_lines(table: &Table, out: &mut impl Write) -> Result<(), ArrowError> {
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(out);
    table.batches().iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()
}

fn parquet(table: &Table, out: &mut (impl Write + Send)) -> Result<(), ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(out, table.schema().clone(), Some(properties))?;
    for batch in table.batches() {
        writer.write(batch)?;
    }
    writer.close().map(|_| ())
}

fn cannot_write(path: &Path, error: ArrowError) -> TaskError {
    match error {
        ArrowError::IoError(_, error) => TaskError::io("write", path, &error),
        ArrowError::ExternalError(error) if error.is::<io::Error>() => {
            TaskError::transient("io", format!("cannot write `{}`: {error}", path.display()))
        }
        error => bad_table(&error),
    }
}

fn bad_table(error: &dyn std::fmt::Display) -> TaskError {
    TaskError::permanent("bad_table", format!("the table cannot be written: {error}"))
}
