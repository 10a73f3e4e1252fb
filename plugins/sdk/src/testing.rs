//! A bench on which kinds are tried without an engine.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::{
    AttemptLog, AttemptSpec, Context, ContextOptions, Finished, Host, Input, Kind, PortType, ProbeContext,
    ResolvedModel, RunInfo, Secret, Table, TaskError,
};

/// Runs one task in a temporary folder, which lives as long as the bench.
pub struct Bench {
    folder: PathBuf,
    spec: AttemptSpec,
    host: Option<Arc<dyn Host>>,
}

impl Bench {
    /// A bench in an empty folder; relative paths in parameters start at `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let spec = AttemptSpec {
            run: RunInfo {
                run_id: "run".into(),
                workflow: "bench".into(),
                task: "task".into(),
                attempt: 1,
                attempt_id: "attempt".into(),
            },
            kind: String::new(),
            plugin: None,
            params: Value::Null,
            inputs: BTreeMap::new(),
            references: BTreeMap::new(),
            timeout: None,
            env: BTreeMap::new(),
            resources: crate::Resources::default(),
            secrets: BTreeMap::new(),
            base_dir: folder.clone(),
            attempt_dir: folder.join("attempt"),
            home: folder.join("home"),
        };
        Self { folder, spec, host: None }
    }

    /// Connects a table.
    ///
    /// # Panics
    /// When it cannot be written to the bench's folder.
    #[must_use]
    pub fn table(self, port: &str, table: &Table) -> Self {
        let path = self.folder.join(format!("input-{port}"));
        table.write(&path).expect("a bench can write its inputs");
        self.file(port, PortType::Table, path)
    }

    /// Connects a JSON document: a report, a verdict, a value.
    ///
    /// # Panics
    /// When it cannot be written to the bench's folder.
    #[must_use]
    pub fn json(mut self, port: &str, port_type: PortType, value: &Value) -> Self {
        let path = self.folder.join(format!("input-{port}"));
        std::fs::write(&path, value.to_string()).expect("a bench can write its inputs");
        self = self.file(port, port_type, path);
        if port_type == PortType::Value
            && let Some(input) = self.spec.inputs.get_mut(port)
        {
            input.value = Some(value.clone());
        }
        self
    }

    /// Connects a file, such as an output of a task that ran before.
    #[must_use]
    pub fn file(mut self, port: &str, port_type: PortType, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let hash = format!("bench-{port}");
        self.spec.inputs.insert(port.into(), Input { port_type, hash, path, value: None });
        self
    }

    /// Resolves a model reference.
    #[must_use]
    pub fn reference(mut self, key: &str, model: ResolvedModel) -> Self {
        self.spec.references.insert(key.into(), model);
        self
    }

    /// Offers the host's services.
    #[must_use]
    pub fn host(mut self, host: Arc<dyn Host>) -> Self {
        self.host = Some(host);
        self
    }

    /// Sets an environment variable for programs.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.spec.env.insert(name.into(), value.into());
        self
    }

    /// Gives the task a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.spec.secrets.insert(name.into(), Secret::new(value));
        self
    }

    /// The attempt that the bench runs; kind and parameters are missing.
    pub fn spec(&self) -> &AttemptSpec {
        &self.spec
    }

    /// What a probe of the bench's attempt is given.
    pub fn probe_context(&self) -> ProbeContext {
        ProbeContext {
            run: self.spec.run.clone(),
            base_dir: self.spec.base_dir.clone(),
            env: self.spec.env.clone(),
            secrets: self.spec.secrets.clone(),
        }
    }

    /// Runs a kind. Relative paths start at the bench's folder; a second run starts with an empty staging folder.
    pub fn run(&self, kind: &dyn Kind, params: Value) -> Result<Finished, TaskError> {
        let _ = std::fs::remove_dir_all(self.spec.attempt_dir.join("out"));
        let mut spec = self.spec.clone();
        spec.kind = kind.describe().name;
        spec.params = params.clone();
        let options = ContextOptions { host: self.host.clone(), ..ContextOptions::default() };
        let ctx = Context::new(spec, options);
        kind.run(&ctx, params)?;
        Ok(ctx.finish())
    }

    /// The log of the runs so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(AttemptLog::path_of(&self.spec.attempt_dir)).unwrap_or_default()
    }
}

impl Finished {
    /// Reads a table output, in tests.
    ///
    /// # Panics
    /// When the output is absent or not a table.
    pub fn table(&self, port: &str) -> Table {
        Table::read(&self.outputs[port].path).expect("the output is a table")
    }

    /// Reads a JSON output, in tests.
    ///
    /// # Panics
    /// When the output is absent or not JSON.
    pub fn json(&self, port: &str) -> Value {
        let text = std::fs::read(&self.outputs[port].path).expect("the output exists");
        serde_json::from_slice(&text).expect("the output is JSON")
    }
}
