//! What a running task can ask for and say.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    AttemptSpec, Finished, Host, Input, Output, PortType, ResolvedModel, RunInfo, Table, TaskError, Verdict,
};

/// How loud a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What happened.
    Info,
    /// What a person should look at.
    Warn,
    /// What went wrong.
    Error,
}

/// Tells a task that it should stop soon.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks for a stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Tells whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

type ProgressFn = dyn Fn(f64, &str) + Send + Sync;

/// What the engine connects a [`Context`] to.
#[derive(Default)]
pub struct ContextOptions {
    /// The host's services; only inline kinds have them.
    pub host: Option<Arc<dyn Host>>,
    /// The stop signal.
    pub cancel: CancelToken,
    /// Called with a fraction from 0 to 1 (NaN when unknown) and a note.
    pub progress: Option<Box<ProgressFn>>,
}

/// What a running task can ask for and say. Safe to share between threads of the task.
pub struct Context {
    spec: AttemptSpec,
    options: ContextOptions,
    log: Mutex<File>,
    finished: Mutex<Finished>,
}

impl Context {
    /// Opens the attempt's log. The staging folder is made with the first output.
    pub fn open(spec: AttemptSpec, options: ContextOptions) -> Result<Self, TaskError> {
        let folder = &spec.attempt_dir;
        std::fs::create_dir_all(folder).map_err(|e| TaskError::io("create", folder, &e))?;
        let path = Self::log_path(&spec);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| TaskError::io("open", &path, &e))?;
        Ok(Self { spec, options, log: Mutex::new(log), finished: Mutex::default() })
    }

    /// Where an attempt's log is.
    pub fn log_path(spec: &AttemptSpec) -> PathBuf {
        spec.attempt_dir.join("log.txt")
    }

    /// Where this attempt's log is.
    pub fn log_file_path(&self) -> PathBuf {
        Self::log_path(&self.spec)
    }

    /// Ends the task and takes what it left behind.
    pub fn finish(self) -> Finished {
        self.finished.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which attempt this is.
    pub fn run(&self) -> &RunInfo {
        &self.spec.run
    }

    /// The workflow's folder: relative paths in parameters start here.
    pub fn base_dir(&self) -> &Path {
        &self.spec.base_dir
    }

    /// The folder of the state, `.sluice`.
    pub fn home(&self) -> &Path {
        &self.spec.home
    }

    /// A path from a parameter, resolved against the workflow's folder.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.spec.base_dir.join(path)
    }

    /// Environment variables for programs that the task starts.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.spec.env
    }

    /// All connected inputs.
    pub fn inputs(&self) -> &BTreeMap<String, Input> {
        &self.spec.inputs
    }

    /// A connected input; an unconnected one is an error.
    pub fn input(&self, port: &str) -> Result<&Input, TaskError> {
        self.spec
            .inputs
            .get(port)
            .ok_or_else(|| TaskError::permanent("missing_input", format!("input `{port}` is not connected")))
    }

    /// Reads a table input.
    pub fn table(&self, port: &str) -> Result<Table, TaskError> {
        let input = self.input(port)?;
        Table::read(&input.path).map_err(|error| {
            TaskError::permanent("bad_table", format!("input `{port}` is not a table: {error}"))
        })
    }

    /// Reads a JSON input such as a report.
    pub fn json<T: DeserializeOwned>(&self, port: &str) -> Result<T, TaskError> {
        let input = self.input(port)?;
        let text = std::fs::read(&input.path).map_err(|e| TaskError::io("read", &input.path, &e))?;
        serde_json::from_slice(&text).map_err(|error| {
            TaskError::permanent("bad_input", format!("input `{port}` cannot be read: {error}"))
        })
    }

    /// A model reference that resolved to a version.
    pub fn reference(&self, key: &str) -> Option<&ResolvedModel> {
        self.spec.references.get(key)
    }

    /// The host's services; an error in kinds that are not inline.
    pub fn host(&self) -> Result<&Arc<dyn Host>, TaskError> {
        self.options.host.as_ref().ok_or_else(|| {
            TaskError::permanent("no_host", "only inline kinds can use the registry and deployments")
        })
    }

    /// Names an output and returns where to write it. The file becomes an artifact when the task succeeds.
    pub fn output_path(&self, port: &str, port_type: PortType) -> PathBuf {
        let staging = self.spec.attempt_dir.join("out");
        // A folder that cannot be made is told by whoever writes into it.
        let _ = std::fs::create_dir(&staging);
        let path = staging.join(port);
        self.state().outputs.insert(port.into(), Output { port_type, path: path.clone(), value: None });
        path
    }

    /// Writes a table output.
    pub fn write_table(&self, port: &str, table: &Table) -> Result<(), TaskError> {
        let path = self.output_path(port, PortType::Table);
        table
            .write(&path)
            .map_err(|e| TaskError::transient("io", format!("cannot write output `{port}`: {e}")))
    }

    /// Writes an output as JSON: a report, a verdict.
    pub fn write_json(
        &self,
        port: &str,
        port_type: PortType,
        value: &impl Serialize,
    ) -> Result<(), TaskError> {
        let path = self.output_path(port, port_type);
        let text = serde_json::to_vec(value)
            .map_err(|e| TaskError::permanent("bad_output", format!("output `{port}`: {e}")))?;
        std::fs::write(&path, text).map_err(|e| TaskError::io("write", &path, &e))
    }

    /// Writes bytes to an output.
    pub fn write_bytes(&self, port: &str, port_type: PortType, bytes: &[u8]) -> Result<(), TaskError> {
        let path = self.output_path(port, port_type);
        std::fs::write(&path, bytes).map_err(|e| TaskError::io("write", &path, &e))
    }

    /// Writes a small JSON value, usable in expressions as `tasks.NAME.outputs.PORT`.
    pub fn write_value(&self, port: &str, value: Value) -> Result<(), TaskError> {
        self.write_json(port, PortType::Value, &value)?;
        if let Some(output) = self.state().outputs.get_mut(port) {
            output.value = Some(value);
        }
        Ok(())
    }

    /// Hands an input on as an output, unchanged.
    pub fn pass_on(&self, input: &str, output: &str) -> Result<(), TaskError> {
        let input = self.input(input)?;
        let path = self.output_path(output, input.port_type);
        std::fs::copy(&input.path, &path).map_err(|e| TaskError::io("copy", &path, &e))?;
        if let Some(output) = self.state().outputs.get_mut(output) {
            output.value.clone_from(&input.value);
        }
        Ok(())
    }

    /// Records a metric; the last value of a name stands. Values that are not finite are logged and left out.
    pub fn metric(&self, name: &str, value: f64) {
        if value.is_finite() {
            self.state().metrics.insert(name.into(), value);
        } else {
            self.log(LogLevel::Warn, &format!("metric `{name}` is {value} and is not recorded"));
        }
    }

    /// Sets what a gate decided.
    pub fn verdict(&self, verdict: Verdict) {
        self.state().verdict = Some(verdict);
    }

    /// Sets the one line that the progress display shows behind the task.
    pub fn summary(&self, summary: impl Into<String>) {
        self.state().summary = Some(summary.into());
    }

    /// Says how far the task is: a fraction from 0 to 1, NaN when unknown.
    pub fn progress(&self, fraction: f64, note: &str) {
        if let Some(progress) = &self.options.progress {
            progress(fraction, note);
        }
    }

    /// Writes a line to the attempt's log. A log that cannot be written does not fail the task.
    pub fn log(&self, level: LogLevel, message: &str) {
        let prefix = match level {
            LogLevel::Info => "",
            LogLevel::Warn => "warning: ",
            LogLevel::Error => "error: ",
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(log, "{prefix}{message}");
    }

    /// Writes an informative line to the attempt's log.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    /// Another handle on the attempt's log, for a program's output.
    pub fn log_file(&self) -> Result<File, TaskError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.try_clone().map_err(|e| TaskError::io("open", &Self::log_path(&self.spec), &e))
    }

    /// Tells whether the task should stop.
    pub fn is_cancelled(&self) -> bool {
        self.options.cancel.is_cancelled()
    }

    /// Fails when the task should stop; call it in long loops.
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::cancelled()) } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, Finished> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
