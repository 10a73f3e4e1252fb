//! Attempts on the bench of the conformance suite: a worker of its own, in a folder that goes afterwards.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use sluicegate_plugin::{AttemptLog, AttemptSpec, Input, PluginSource, PortType, Resources, RunInfo, Secret};
use tempfile::TempDir;

use super::case::{Case, Given};
use crate::{
    app::WORKER_COMMAND,
    artifact::{ArtifactStore, hash_file},
    run::AttemptResult,
    worker::{AttemptControl, PoolOptions, StopReason, WorkerPool},
};

/// How long a task may take to stop when it is asked to.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// The bench.
pub(super) struct Bench {
    folder: TempDir,
    pool: WorkerPool,
    artifacts: ArtifactStore,
    timeout: f64,
    memory: u64,
    n_attempts: u32,
}

/// How an attempt ended.
pub(super) struct Tried {
    pub(super) result: AttemptResult,
    pub(super) log: String,
    /// The worker's process, to see whether it lived on.
    pub(super) worker: Option<u32>,
}

/// What is tried: a kind and where it comes from.
pub(super) struct Subject<'a> {
    pub(super) kind: &'a str,
    pub(super) plugin: Option<PluginSource>,
    /// Relative paths start here.
    pub(super) base_dir: &'a Path,
}

impl Bench {
    pub(super) fn new(sluice: PathBuf, timeout: f64, memory: u64) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sluice-conformance-").tempdir()?;
        let home = folder.path().to_owned();
        let artifacts = ArtifactStore::open(&home.join("artifacts")).map_err(std::io::Error::other)?;
        let args = vec![WORKER_COMMAND.into()];
        let pool = WorkerPool::new(PoolOptions { program: sluice, args, size: 1, home, grace: GRACE });
        Ok(Self { folder, pool, artifacts, timeout, memory, n_attempts: 0 })
    }

    /// Where outputs are.
    pub(super) fn artifact(&self, hash: &str) -> PathBuf {
        self.artifacts.path(hash)
    }

    /// Writes what a case connects.
    pub(super) fn inputs(&mut self, case: &Case, base_dir: &Path) -> Result<BTreeMap<String, Input>, String> {
        let mut inputs = BTreeMap::new();
        for (port, given) in &case.inputs {
            let of_port = |why: String| format!("input `{port}`: {why}");
            let staged = self.folder.path().join(format!("input-{}-{port}", self.n_attempts));
            let (port_type, path, value) = match Given::parse(given).map_err(of_port)? {
                Given::Table(table) => {
                    table.write(&staged).map_err(|error| of_port(error.to_string()))?;
                    (PortType::Table, staged, None)
                }
                Given::Value(value) => {
                    std::fs::write(&staged, value.to_string()).map_err(|error| of_port(error.to_string()))?;
                    (PortType::Value, staged, Some(value))
                }
                Given::File(name) => (PortType::File, base_dir.join("tests").join(name), None),
            };
            let (hash, _) =
                hash_file(&path).map_err(|error| of_port(sluicegate_plugin::with_causes(&error)))?;
            inputs.insert(port.clone(), Input { port_type, hash, path, value });
        }
        Ok(inputs)
    }

    /// Runs an attempt to its end; with `stop_after`, asks it to stop then.
    pub(super) async fn run(
        &mut self,
        subject: &Subject<'_>,
        params: Value,
        inputs: BTreeMap<String, Input>,
        secrets: &BTreeMap<String, String>,
        stop_after: Option<Duration>,
    ) -> Tried {
        self.n_attempts += 1;
        let attempt_dir = self.folder.path().join(format!("runs/bench/attempts/task-{}", self.n_attempts));
        let spec = AttemptSpec {
            run: RunInfo {
                run_id: "conformance".into(),
                workflow: "conformance".into(),
                task: "task".into(),
                attempt: self.n_attempts,
                attempt_id: format!("conformance-{}", self.n_attempts),
            },
            kind: subject.kind.into(),
            plugin: subject.plugin.clone(),
            params,
            inputs,
            references: BTreeMap::new(),
            timeout: Some(self.timeout),
            env: BTreeMap::new(),
            resources: Resources { memory: Some(self.memory), cpus: None },
            secrets: secrets.iter().map(|(name, text)| (name.clone(), Secret::new(text))).collect(),
            base_dir: subject.base_dir.to_owned(),
            attempt_dir: attempt_dir.clone(),
            home: self.folder.path().to_owned(),
        };
        let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
        let (after, reason) = match stop_after {
            Some(after) => (after, StopReason::Cancelled),
            None => (Duration::from_secs_f64(self.timeout), StopReason::TimedOut { after: self.timeout }),
        };
        let stop = async move {
            tokio::time::sleep(after).await;
            handle.stop(reason);
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = self.pool.execute(spec, control) => report,
            () = stop => unreachable!("stopping never ends"),
        };
        let log = std::fs::read_to_string(AttemptLog::path_of(&attempt_dir)).unwrap_or_default();
        Tried { result: report.result, log, worker: report.worker.map(|process| process.pid) }
    }

    /// Ends the worker.
    pub(super) async fn close(self) {
        self.pool.shutdown().await;
    }
}
