//! The host's table: what a running native task can ask for, and what comes of it.

use std::{
    ffi::c_void,
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, mpsc},
};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use serde_json::Value;
use sluicegate_plugin::{
    Context, LogLevel, PortType, TaskError, Verdict,
    abi::raw::{ABI_MINOR, ABSENT, Bytes, FAILED, HOST_SIZE, HostTable, OK, Sink, Status},
};

use super::{mapped::MappedTable, stream};
use crate::plugin::manifest::is_port;

/// One running task. A pointer to it is the `ctx` of every call.
pub(super) struct Desk<'a> {
    pub(super) ctx: &'a Context,
    pub(super) params: &'a Value,
    /// The first thing that went wrong, in the host's words or the task's.
    pub(super) failure: Mutex<Option<TaskError>>,
    /// From a confined thread, the way to the one that may write anywhere: it opens the log before the first line.
    pub(super) outside: Option<mpsc::Sender<Outside>>,
}

/// What a confined thread cannot do itself.
pub(super) enum Outside {
    /// Open the log, and say when it is open.
    OpenLog(mpsc::SyncSender<()>),
    /// The task returned.
    Returned(Status),
}

/// The table that every task is given.
pub(super) static HOST: HostTable = HostTable {
    size: HOST_SIZE,
    abi_minor: ABI_MINOR as u32,
    log,
    metric,
    progress,
    cancelled,
    param,
    input_table,
    input_path,
    input_json,
    output_table,
    output_path,
    output_value,
    secret,
    summary,
    verdict,
    fail,
};

impl Desk<'_> {
    /// Takes what went wrong.
    pub(super) fn take_failure(&self) -> Option<TaskError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the first error.
    fn failed(&self, error: TaskError) -> Status {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        FAILED
    }

    /// The error that the task states stands before what the host refused: the task knows better why it fails.
    fn stated(&self, error: TaskError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn log(&self, level: i32, message: &str) {
        if let Some(outside) = self.outside.as_ref().filter(|_| !self.ctx.attempt_log().is_open()) {
            let (opened, wait) = mpsc::sync_channel(1);
            if outside.send(Outside::OpenLog(opened)).is_ok() {
                let _ = wait.recv();
            }
        }
        let level = match level {
            2 => LogLevel::Error,
            1 => LogLevel::Warn,
            _ => LogLevel::Info,
        };
        self.ctx.log(level, message);
    }

    /// An output's name becomes a file's name: it must be a plain one.
    fn port(&self, port: &str) -> Result<(), Status> {
        if is_port(port) {
            return Ok(());
        }
        let message = format!("`{port}` cannot be the name of an output: letters, digits, `_` and `-` can");
        Err(self.failed(TaskError::permanent("bad_output", message)))
    }
}

/// Runs the body of a host function. A panic of the host must not unwind into foreign code.
///
/// # Safety
/// `ctx` is the pointer that the task was given, and its `run` has not returned.
unsafe fn at<T>(ctx: *mut c_void, broken: T, body: impl FnOnce(&Desk<'_>) -> T) -> T {
    // SAFETY: the desk lives until `run` has returned, and is shared between threads.
    let desk = unsafe { &*ctx.cast::<Desk<'_>>() };
    catch_unwind(AssertUnwindSafe(|| body(desk))).unwrap_or_else(|panic| {
        std::mem::forget(panic);
        desk.failed(TaskError::permanent("host_panic", "the host panicked while it served the task"));
        broken
    })
}

/// Hands a text to a sink.
///
/// # Safety
/// Sink and user belong together.
unsafe fn give(text: &[u8], sink: Sink, user: *mut c_void) -> Status {
    let text = Bytes { ptr: text.as_ptr(), len: text.len() };
    // SAFETY: passed on to the caller; the text lives until the call returns.
    unsafe { sink(user, text) };
    OK
}

// SAFETY of all functions below: the header tells plugins what they may pass: their own `ctx`, texts that live for the call, sinks with
// their user. A plugin that breaks this can end this process, which is why it is a worker.

unsafe extern "C" fn log(ctx: *mut c_void, level: i32, message: Bytes) {
    // SAFETY: see above.
    unsafe { at(ctx, (), |desk| desk.log(level, &message.to_text())) }
}

unsafe extern "C" fn metric(ctx: *mut c_void, name: Bytes, value: f64) {
    // SAFETY: see above.
    unsafe { at(ctx, (), |desk| desk.ctx.metric(&name.to_text(), value)) }
}

unsafe extern "C" fn progress(ctx: *mut c_void, fraction: f64, note: Bytes) {
    // SAFETY: see above.
    unsafe { at(ctx, (), |desk| desk.ctx.progress(fraction, &note.to_text())) }
}

unsafe extern "C" fn cancelled(ctx: *mut c_void) -> i32 {
    // SAFETY: see above.
    unsafe { at(ctx, 1, |desk| i32::from(desk.ctx.is_cancelled())) }
}

unsafe extern "C" fn param(ctx: *mut c_void, pointer: Bytes, sink: Sink, user: *mut c_void) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let found = desk.params.pointer(&unsafe { pointer.to_text() }).map(Value::to_string);
        // SAFETY: see above.
        found.map_or(ABSENT, |json| unsafe { give(json.as_bytes(), sink, user) })
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn input_table(ctx: *mut c_void, port: Bytes, out: *mut FFI_ArrowArrayStream) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let port = unsafe { port.to_text() };
        let Some(input) = desk.ctx.inputs().get(&port) else { return ABSENT };
        match MappedTable::open(&input.path) {
            Ok(table) => {
                // SAFETY: the plugin gives room for a stream, which need not be initialised.
                unsafe { out.write(FFI_ArrowArrayStream::new(Box::new(table))) };
                OK
            }
            Err(error) => desk
                .failed(TaskError::permanent("bad_table", format!("input `{port}` is not a table: {error}"))),
        }
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn input_path(ctx: *mut c_void, port: Bytes, sink: Sink, user: *mut c_void) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let input = desk.ctx.inputs().get(&unsafe { port.to_text() });
        // SAFETY: see above.
        input.map_or(ABSENT, |input| unsafe { give(input.path.as_os_str().as_bytes(), sink, user) })
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn input_json(ctx: *mut c_void, port: Bytes, sink: Sink, user: *mut c_void) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let port = unsafe { port.to_text() };
        if !desk.ctx.inputs().contains_key(&port) {
            return ABSENT;
        }
        match desk.ctx.json::<Value>(&port) {
            // SAFETY: see above.
            Ok(value) => unsafe { give(value.to_string().as_bytes(), sink, user) },
            Err(error) => desk.failed(error),
        }
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn output_table(
    ctx: *mut c_void,
    port: Bytes,
    stream: *mut FFI_ArrowArrayStream,
) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let port = unsafe { port.to_text() };
        // SAFETY: the stream is moved out of the plugin's; an empty one is left behind.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
        if let Err(status) = desk.port(&port) {
            return status;
        }
        let path = desk.ctx.output_path(&port, PortType::Table);
        match stream::write(stream, &path, &|| desk.ctx.is_cancelled()) {
            Ok(()) => OK,
            Err(error) => desk.failed(error.of_port(&port)),
        }
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn output_path(
    ctx: *mut c_void,
    port: Bytes,
    kind: Bytes,
    sink: Sink,
    user: *mut c_void,
) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let (port, type_name) = unsafe { (port.to_text(), kind.to_text()) };
        if let Err(status) = desk.port(&port) {
            return status;
        }
        let port_type = serde_json::from_value(Value::String(type_name.clone()));
        let Some(port_type) = port_type.ok().filter(|port_type| *port_type != PortType::Any) else {
            let message = format!("output `{port}` cannot have the type `{type_name}`");
            return desk.failed(TaskError::permanent("bad_output", message));
        };
        let path = desk.ctx.output_path(&port, port_type);
        // SAFETY: see above.
        unsafe { give(path.as_os_str().as_bytes(), sink, user) }
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn output_value(ctx: *mut c_void, port: Bytes, json: Bytes) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let (port, json) = unsafe { (port.to_text(), json.as_slice()) };
        if let Err(status) = desk.port(&port) {
            return status;
        }
        let written = serde_json::from_slice(json)
            .map_err(|e| TaskError::permanent("bad_output", format!("output `{port}` is not JSON: {e}")))
            .and_then(|value| desk.ctx.write_value(&port, value));
        written.map_or_else(|error| desk.failed(error), |()| OK)
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn secret(ctx: *mut c_void, name: Bytes, sink: Sink, user: *mut c_void) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let found = desk.ctx.secret(&unsafe { name.to_text() });
        // SAFETY: see above.
        found.map_or(ABSENT, |text| unsafe { give(text.as_bytes(), sink, user) })
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn summary(ctx: *mut c_void, text: Bytes) {
    // SAFETY: see above.
    unsafe { at(ctx, (), |desk| desk.ctx.summary(text.to_text())) }
}

unsafe extern "C" fn verdict(ctx: *mut c_void, json: Bytes) -> Status {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        match serde_json::from_slice::<Verdict>(unsafe { json.as_slice() }) {
            Ok(verdict) => {
                desk.ctx.verdict(verdict);
                OK
            }
            Err(error) => desk
                .failed(TaskError::permanent("bad_verdict", format!("the verdict cannot be read: {error}"))),
        }
    };
    // SAFETY: see above.
    unsafe { at(ctx, FAILED, body) }
}

unsafe extern "C" fn fail(ctx: *mut c_void, json: Bytes) {
    let body = |desk: &Desk<'_>| {
        // SAFETY: see above.
        let json = unsafe { json.as_slice() };
        desk.stated(stated_error(json));
    };
    // SAFETY: see above.
    unsafe { at(ctx, (), body) }
}

/// What a plugin says of its failure; one that cannot be read is shown as it is.
fn stated_error(json: &[u8]) -> TaskError {
    let text = || String::from_utf8_lossy(json).chars().take(500).collect::<String>();
    let value: Value = serde_json::from_slice(json).unwrap_or(Value::Null);
    let message = value["message"].as_str().map_or_else(text, str::to_owned);
    let code = value["code"].as_str().unwrap_or("failed");
    let is_retryable = value["retryable"].as_bool().unwrap_or(true);
    let error =
        if is_retryable { TaskError::transient(code, message) } else { TaskError::permanent(code, message) };
    let hints = value["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
    hints.fold(error, TaskError::hint)
}
