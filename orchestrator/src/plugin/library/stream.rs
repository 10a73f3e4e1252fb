//! A foreign stream of record batches, verified and written to a file.

use std::{fs::File, io::BufWriter, path::Path};

use arrow_array::{
    Array, RecordBatch, RecordBatchReader,
    ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream},
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::ArrowError;
use sluicegate_plugin::TaskError;

/// More rows at once are written in parts, so that memory does not grow with the table: a part is encoded in memory.
const MAX_ROWS: usize = 64 * 1024;

/// A stream could not be taken in.
pub(super) enum StreamError {
    /// It is not what the interface says.
    Malformed(ArrowError),
    /// The file could not be written.
    Write(String),
    /// The task was asked to stop meanwhile.
    Cancelled,
}

impl StreamError {
    /// As the failure of a task.
    pub(super) fn of_port(self, port: &str) -> TaskError {
        match self {
            Self::Malformed(error) => TaskError::permanent(
                "malformed_table",
                format!("output `{port}` is a malformed Arrow stream: {error}"),
            )
            .hint(
                "this is a mistake in the plugin: what it exports must follow the Arrow C stream interface",
            ),
            Self::Write(error) => {
                TaskError::transient("io", format!("cannot write output `{port}`: {error}"))
            }
            Self::Cancelled => TaskError::cancelled(),
        }
    }
}

/// Writes the batches of a foreign stream to an Arrow IPC file. Every batch is verified whole before anyone reads it.
pub(super) fn write(
    stream: FFI_ArrowArrayStream,
    path: &Path,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), StreamError> {
    if stream.get_schema.is_none() || stream.get_next.is_none() || stream.release.is_none() {
        let what = "it lacks one of its functions".into();
        return Err(StreamError::Malformed(ArrowError::CDataInterface(what)));
    }
    let reader = ArrowArrayStreamReader::try_new(stream).map_err(StreamError::Malformed)?;
    let io = |error: &dyn std::fmt::Display| StreamError::Write(error.to_string());
    let file = File::create(path).map_err(|error| io(&error))?;
    let mut writer =
        FileWriter::try_new(BufWriter::new(file), &reader.schema()).map_err(|error| io(&error))?;
    for batch in reader {
        let batch = batch.and_then(verified).map_err(StreamError::Malformed)?;
        for from in (0..batch.num_rows().max(1)).step_by(MAX_ROWS) {
            if is_cancelled() {
                return Err(StreamError::Cancelled);
            }
            let part = batch.slice(from, MAX_ROWS.min(batch.num_rows() - from));
            writer.write(&part).map_err(|error| io(&error))?;
        }
    }
    writer.finish().map_err(|error| io(&error))
}

fn verified(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    for column in batch.columns() {
        column.to_data().validate_full()?;
    }
    Ok(batch)
}
