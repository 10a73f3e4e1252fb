//! A state folder with workers, and tasks for them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use sluicegate_plugin::{AttemptSpec, RunInfo, TaskError};
use tempfile::TempDir;

use crate::{
    run::AttemptResult,
    worker::{
        AttemptControl, AttemptReport, PoolOptions, WorkerPool,
        entry::Entry,
        mark::is_of_home,
        process::{Process, marked},
    },
};

/// A state folder with a pool of workers.
pub(super) struct Yard {
    pub(super) folder: TempDir,
    pub(super) pool: WorkerPool,
    pub(super) n_attempts: AtomicU32,
}

impl Yard {
    pub(super) fn new(size: usize) -> Self {
        Self::with_grace(size, Duration::from_secs(20))
    }

    pub(super) fn with_grace(size: usize, grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = WorkerPool::new(options(folder.path(), size, grace));
        Self { folder, pool, n_attempts: AtomicU32::new(0) }
    }

    /// A yard whose workers have no control groups.
    pub(super) fn without_groups(grace: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path(), 1, grace);
        let program = std::mem::replace(&mut options.program, "/usr/bin/env".into());
        options.args.splice(0..0, ["SLUICE_CGROUPS=off".into(), program.display().to_string()]);
        Self { pool: WorkerPool::new(options), folder, n_attempts: AtomicU32::new(0) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn spec(&self, params: Value) -> AttemptSpec {
        let attempt = self.n_attempts.fetch_add(1, Ordering::Relaxed) + 1;
        spec(self.folder.path(), attempt, params)
    }

    pub(super) async fn run(&self, what: Value) -> AttemptReport {
        self.run_spec(self.spec(json!({ "what": what, "value": 7 }))).await
    }

    pub(super) async fn run_spec(&self, spec: AttemptSpec) -> AttemptReport {
        let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
        self.pool.execute(spec, control).await
    }

    pub(super) fn log(&self, attempt: u32) -> String {
        std::fs::read_to_string(self.path(&format!("attempts/{attempt}.txt"))).unwrap_or_default()
    }

    /// The process that a task left running.
    pub(super) fn left(&self) -> Option<Process> {
        Process::find(std::fs::read_to_string(self.path("left")).unwrap().trim().parse().unwrap())
    }

    /// Processes of this folder.
    pub(super) fn processes(&self) -> Vec<Process> {
        marked(&|mark| is_of_home(mark, self.folder.path())).found
    }

    /// Tells whether the arguments of any process name this folder.
    pub(super) fn is_named(&self) -> bool {
        let name = self.folder.path().as_os_str().as_encoded_bytes();
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            arguments.windows(name.len()).any(|part| part == name)
        })
    }

    /// What workers noted of themselves.
    pub(super) fn entries(&self) -> Vec<Entry> {
        Entry::all(self.folder.path())
    }

    /// Ends the workers; nothing may remain.
    pub(super) async fn close(self) {
        let groups: Vec<_> = self.entries().iter().map(|entry| entry.groups().clone()).collect();
        self.pool.shutdown().await;
        assert_eq!(self.processes(), []);
        assert!(self.entries().is_empty());
        for group in groups.iter().flat_map(|groups| [&groups.unified, &groups.memory, &groups.cpu]).flatten()
        {
            assert!(!group.exists(), "{}", group.display());
        }
    }
}

pub(super) fn options(home: &Path, size: usize, grace: Duration) -> PoolOptions {
    // Two threads, because with one the test runner writes the test's name where the worker says hello.
    let args =
        ["worker::tests::trial::worker_process", "--exact", "--nocapture", "--quiet", "--test-threads=2"];
    PoolOptions {
        program: std::env::current_exe().unwrap(),
        args: args.map(String::from).to_vec(),
        size,
        home: home.to_owned(),
        grace,
    }
}

pub(in crate::worker) fn spec(home: &Path, attempt: u32, params: Value) -> AttemptSpec {
    AttemptSpec {
        run: RunInfo {
            run_id: "run".into(),
            workflow: "trials".into(),
            task: "trial".into(),
            attempt,
            attempt_id: format!("attempt-{attempt}"),
        },
        kind: "trial".into(),
        plugin: None,
        params,
        inputs: BTreeMap::new(),
        references: BTreeMap::new(),
        timeout: None,
        env: BTreeMap::new(),
        resources: sluicegate_plugin::Resources::default(),
        secrets: BTreeMap::new(),
        base_dir: home.to_owned(),
        attempt_dir: home.join(format!("attempts/{attempt}")),
        home: home.to_owned(),
    }
}

#[track_caller]
pub(super) fn failed(report: AttemptReport) -> TaskError {
    match report.result {
        AttemptResult::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}
