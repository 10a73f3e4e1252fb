//! What a running task can ask for and say.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    AttemptLog, AttemptSpec, Finished, Host, Input, Output, PortType, ResolvedModel, RunInfo, Secret, Table,
    TaskError, Verdict, abi::HostLink,
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

/// An attempt as a plugin is given it: what [`AttemptSpec`] reads, and the names of the secrets.
#[derive(Serialize)]
struct AttemptText<'a> {
    run: &'a RunInfo,
    kind: &'a str,
    params: &'a Value,
    inputs: &'a BTreeMap<String, Input>,
    references: &'a BTreeMap<String, ResolvedModel>,
    timeout: Option<f64>,
    env: &'a BTreeMap<String, String>,
    base_dir: &'a Path,
    attempt_dir: &'a Path,
    home: &'a Path,
    secret_names: Vec<&'a str>,
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
    /// Where outputs are staged; without it, in the attempt's folder.
    pub staging: Option<PathBuf>,
}

/// What a running task can ask for and say. Safe to share between threads of the task.
pub struct Context {
    spec: AttemptSpec,
    options: ContextOptions,
    log: AttemptLog,
    finished: Mutex<Finished>,
    has_staged: AtomicBool,
    /// The way to the host, in a plugin: what the task says and asks goes there.
    link: Option<HostLink>,
}

impl Context {
    /// Makes nothing on the disk: the log comes with its first line, the attempt's folder with the first output.
    pub fn new(spec: AttemptSpec, options: ContextOptions) -> Self {
        let log = AttemptLog::of(&spec);
        Self {
            spec,
            options,
            log,
            finished: Mutex::default(),
            has_staged: AtomicBool::new(false),
            link: None,
        }
    }

    /// The context of a task in a plugin.
    pub(crate) fn of_host(spec: AttemptSpec, link: HostLink) -> Self {
        Self { link: Some(link), ..Self::new(spec, ContextOptions::default()) }
    }

    /// The way to the host, in a plugin.
    pub(crate) fn link(&self) -> Option<&HostLink> {
        self.link.as_ref()
    }

    /// This attempt's log.
    pub fn attempt_log(&self) -> &AttemptLog {
        &self.log
    }

    /// Tells whether the attempt's folder was made.
    pub fn has_staged(&self) -> bool {
        self.has_staged.load(Ordering::Acquire)
    }

    /// Takes what the task left behind, at its end.
    pub fn finish(&self) -> Finished {
        std::mem::take(&mut *self.state())
    }

    /// Which attempt this is.
    pub fn run(&self) -> &RunInfo {
        &self.spec.run
    }

    /// The parameters as they were given, before defaults.
    pub fn params(&self) -> &Value {
        &self.spec.params
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

    /// A secret that the task was given.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.spec.secrets.get(name).map(Secret::reveal)
    }

    /// All secrets by name: environment variables for programs that the task starts.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spec.secrets.iter().map(|(name, secret)| (name.as_str(), secret.reveal()))
    }

    /// The attempt as JSON, for code that is elsewhere: everything but the secrets, of which it has the names.
    pub fn to_attempt_json(&self, params: &Value) -> serde_json::Result<String> {
        let AttemptSpec { run, kind, inputs, references, timeout, env, base_dir, attempt_dir, home, .. } =
            &self.spec;
        let secret_names = self.spec.secrets.keys().map(String::as_str).collect();
        let timeout = *timeout;
        serde_json::to_string(&AttemptText {
            run,
            kind,
            params,
            inputs,
            references,
            timeout,
            env,
            base_dir,
            attempt_dir,
            home,
            secret_names,
        })
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
        if let Some(link) = &self.link {
            return link.input_table(port);
        }
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

    /// The folder in which outputs are staged.
    pub fn staging(&self) -> PathBuf {
        self.options.staging.clone().unwrap_or_else(|| self.spec.attempt_dir.join("out"))
    }

    /// Names an output and returns where to write it. The file becomes an artifact when the task succeeds.
    pub fn output_path(&self, port: &str, port_type: PortType) -> PathBuf {
        if let Some(link) = &self.link {
            // The host keeps why it refuses, and fails the attempt with it; nothing can be written to an empty path.
            return link.output_path(port, port_type).unwrap_or_default();
        }
        let staging = self.staging();
        // A folder that cannot be made is told by whoever writes into it.
        if !self.has_staged.swap(true, Ordering::AcqRel) {
            let _ = std::fs::create_dir_all(&staging);
        }
        let path = staging.join(port);
        self.state().outputs.insert(port.into(), Output { port_type, path: path.clone(), value: None });
        path
    }

    /// Writes a table output.
    pub fn write_table(&self, port: &str, table: &Table) -> Result<(), TaskError> {
        if let Some(link) = &self.link {
            return link.output_table(port, table);
        }
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
        let text = self
            .to_json(value)
            .map_err(|e| TaskError::permanent("bad_output", format!("output `{port}`: {e}")))?;
        std::fs::write(&path, text).map_err(|e| TaskError::io("write", &path, &e))
    }

    /// Writes bytes to an output.
    pub fn write_bytes(&self, port: &str, port_type: PortType, bytes: &[u8]) -> Result<(), TaskError> {
        let path = self.output_path(port, port_type);
        std::fs::write(&path, bytes).map_err(|e| TaskError::io("write", &path, &e))
    }

    /// Writes a small JSON value, usable in expressions as `tasks.NAME.outputs.PORT`.
    pub fn write_value(&self, port: &str, mut value: Value) -> Result<(), TaskError> {
        self.log.mask().value(&mut value);
        if let Some(link) = &self.link {
            return link.output_value(port, &value.to_string());
        }
        self.write_json(port, PortType::Value, &value)?;
        if let Some(output) = self.state().outputs.get_mut(port) {
            output.value = Some(value);
        }
        Ok(())
    }

    /// Hands an input on as an output, unchanged.
    pub fn pass_on(&self, input: &str, output: &str) -> Result<(), TaskError> {
        let input = self.input(input)?;
        if let (Some(link), Some(value)) = (&self.link, &input.value) {
            return link.output_value(output, &value.to_string());
        }
        let path = self.output_path(output, input.port_type);
        std::fs::copy(&input.path, &path).map_err(|e| TaskError::io("copy", &path, &e))?;
        if let Some(output) = self.state().outputs.get_mut(output) {
            output.value.clone_from(&input.value);
        }
        Ok(())
    }

    /// Records a metric; the last value of a name stands. Values that are not finite are logged and left out.
    pub fn metric(&self, name: &str, value: f64) {
        if let Some(link) = &self.link {
            return link.metric(name, value);
        }
        if value.is_finite() {
            self.state().metrics.insert(name.into(), value);
        } else {
            self.log(LogLevel::Warn, &format!("metric `{name}` is {value} and is not recorded"));
        }
    }

    /// Sets what a gate decided.
    pub fn verdict(&self, verdict: Verdict) {
        if let Some(link) = &self.link {
            return link.verdict(&serde_json::json!(verdict).to_string());
        }
        self.state().verdict = Some(verdict);
    }

    /// Sets the one line that the progress display shows behind the task.
    pub fn summary(&self, summary: impl Into<String>) {
        let summary = self.log.mask().text(&summary.into()).into_owned();
        match &self.link {
            Some(link) => link.summary(&summary),
            None => self.state().summary = Some(summary),
        }
    }

    /// Says how far the task is: a fraction from 0 to 1, NaN when unknown.
    pub fn progress(&self, fraction: f64, note: &str) {
        if let Some(link) = &self.link {
            return link.progress(fraction, note);
        }
        if let Some(progress) = &self.options.progress {
            progress(fraction, &self.log.mask().text(note));
        }
    }

    /// Writes a line to the attempt's log. A log that cannot be written does not fail the task.
    pub fn log(&self, level: LogLevel, message: &str) {
        if let Some(link) = &self.link {
            return link.log(level, message);
        }
        let prefix = match level {
            LogLevel::Info => "",
            LogLevel::Warn => "warning: ",
            LogLevel::Error => "error: ",
        };
        let _ = self.log.line(&format!("{prefix}{message}"));
    }

    /// Writes an informative line to the attempt's log.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    /// Another handle on the attempt's log, for a program's output. What goes there is not masked.
    pub fn log_file(&self) -> Result<File, TaskError> {
        self.log.file().map_err(|e| TaskError::io("open", self.log.path(), &e))
    }

    /// Tells whether the task should stop.
    pub fn is_cancelled(&self) -> bool {
        self.link.as_ref().map_or_else(|| self.options.cancel.is_cancelled(), HostLink::is_cancelled)
    }

    /// Fails when the task should stop; call it in long loops.
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::cancelled()) } else { Ok(()) }
    }

    /// A document without the task's secrets.
    fn to_json(&self, value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        if self.log.mask().is_empty() {
            return serde_json::to_vec(value);
        }
        let mut value = serde_json::to_value(value)?;
        self.log.mask().value(&mut value);
        serde_json::to_vec(&value)
    }

    fn state(&self) -> MutexGuard<'_, Finished> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
