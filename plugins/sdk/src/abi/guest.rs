//! A task's way to its host, as the plugin sees it.

use std::{
    ffi::{OsString, c_void},
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
};

use arrow_array::{
    RecordBatch, RecordBatchIterator,
    ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream},
};
use arrow_schema::ArrowError;

use super::raw::{ABSENT, Bytes, HOST_SIZE, HostTable, OK, Sink, Status, keep};
use crate::{LogLevel, PortType, Table, TaskError};

/// The host of the running task: its table, and which task it is.
pub(crate) struct HostLink {
    table: HostTable,
    ctx: *mut c_void,
}

// SAFETY: the header promises that every function may be called from any thread of the task until `run` returns, and the link does not
// outlive `run`: it is in a `Context` that the task only borrows.
unsafe impl Send for HostLink {}
// SAFETY: as above.
unsafe impl Sync for HostLink {}

impl HostLink {
    /// Takes over what `run` was given; `None` when the host's table lacks functions that this version wants.
    ///
    /// # Safety
    /// `host` points to a host's table with as many bytes as its first field says, and `ctx` belongs to it, both until `run` returns.
    pub(super) unsafe fn new(host: *const HostTable, ctx: *mut c_void) -> Option<Self> {
        // SAFETY: the size is the first field of every version's table.
        let size = unsafe { *host.cast::<u32>() };
        if size < HOST_SIZE {
            return None;
        }
        // SAFETY: the table has at least the fields of this version.
        Some(Self { table: unsafe { *host }, ctx })
    }

    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Info => 0,
            LogLevel::Warn => 1,
            LogLevel::Error => 2,
        };
        // SAFETY: the message is borrowed for the length of the call, as in every call below.
        unsafe { (self.table.log)(self.ctx, level, Bytes::of(message)) }
    }

    pub(crate) fn metric(&self, name: &str, value: f64) {
        // SAFETY: see `log`.
        unsafe { (self.table.metric)(self.ctx, Bytes::of(name), value) }
    }

    pub(crate) fn progress(&self, fraction: f64, note: &str) {
        // SAFETY: see `log`.
        unsafe { (self.table.progress)(self.ctx, fraction, Bytes::of(note)) }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        // SAFETY: the function takes nothing but its own context.
        unsafe { (self.table.cancelled)(self.ctx) != 0 }
    }

    pub(crate) fn summary(&self, text: &str) {
        // SAFETY: see `log`.
        unsafe { (self.table.summary)(self.ctx, Bytes::of(text)) }
    }

    pub(crate) fn verdict(&self, json: &str) {
        // SAFETY: see `log`. A verdict that the host refuses fails the attempt there.
        let _: Status = unsafe { (self.table.verdict)(self.ctx, Bytes::of(json)) };
    }

    pub(super) fn fail(&self, json: &str) {
        // SAFETY: see `log`.
        unsafe { (self.table.fail)(self.ctx, Bytes::of(json)) }
    }

    pub(crate) fn input_table(&self, port: &str) -> Result<Table, TaskError> {
        let mut stream = FFI_ArrowArrayStream::empty();
        // SAFETY: the host fills the empty stream in.
        let status = unsafe { (self.table.input_table)(self.ctx, Bytes::of(port), &raw mut stream) };
        if status == ABSENT {
            return Err(TaskError::permanent("missing_input", format!("input `{port}` is not connected")));
        }
        if status != OK {
            return Err(TaskError::permanent("bad_table", format!("input `{port}` is not a table")));
        }
        let bad =
            |e: ArrowError| TaskError::permanent("bad_table", format!("input `{port}` is not a table: {e}"));
        // SAFETY: the host said that the stream is there; it is moved into the reader, which releases it.
        let reader = unsafe { ArrowArrayStreamReader::from_raw(&raw mut stream) }.map_err(bad)?;
        let schema = arrow_array::RecordBatchReader::schema(&reader);
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(bad)?;
        Ok(Table::new(schema, batches))
    }

    pub(crate) fn output_table(&self, port: &str, table: &Table) -> Result<(), TaskError> {
        let batches: Vec<Result<RecordBatch, ArrowError>> = table.batches().iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, table.schema().clone());
        let mut stream = FFI_ArrowArrayStream::new(Box::new(reader));
        // SAFETY: the stream is moved: the host leaves an empty one behind, whose drop does nothing.
        let status = unsafe { (self.table.output_table)(self.ctx, Bytes::of(port), &raw mut stream) };
        done(status, "write", port)
    }

    pub(crate) fn output_path(&self, port: &str, port_type: PortType) -> Result<PathBuf, TaskError> {
        let mut text: Option<Vec<u8>> = None;
        let (user, sink): (_, Sink) = ((&raw mut text).cast(), keep);
        let type_name = port_type.to_string();
        // SAFETY: `keep` gets the slot that it wants.
        let status =
            unsafe { (self.table.output_path)(self.ctx, Bytes::of(port), Bytes::of(&type_name), sink, user) };
        done(status, "write", port)?;
        Ok(OsString::from_vec(text.unwrap_or_default()).into())
    }

    pub(crate) fn output_value(&self, port: &str, json: &str) -> Result<(), TaskError> {
        // SAFETY: see `log`.
        let status = unsafe { (self.table.output_value)(self.ctx, Bytes::of(port), Bytes::of(json)) };
        done(status, "write", port)
    }

    /// A secret by name.
    pub(super) fn secret(&self, name: &str) -> Option<String> {
        let mut text: Option<Vec<u8>> = None;
        let (user, sink): (_, Sink) = ((&raw mut text).cast(), keep);
        // SAFETY: `keep` gets the slot that it wants.
        let status = unsafe { (self.table.secret)(self.ctx, Bytes::of(name), sink, user) };
        (status == OK).then(|| String::from_utf8_lossy(&text.unwrap_or_default()).into_owned())
    }
}

/// The host keeps why it refused; what is said here only stands in for it.
fn done(status: Status, verb: &str, port: &str) -> Result<(), TaskError> {
    if status == OK {
        return Ok(());
    }
    Err(TaskError::permanent(TaskError::TOLD, format!("the host did not {verb} output `{port}`")))
}
