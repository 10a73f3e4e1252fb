//! The composition root: the one place that names the packs and puts the parts together.

mod audit;
mod conformance;
mod control;
mod deployments;
mod doctor;
mod error;
mod files;
mod gc;
mod history;
mod init;
mod library;
mod models;
mod plugins;
mod remote;
mod remote_backfill;
mod remote_runs;
mod run;
mod schedule;
mod schedule_view;
mod serve;
mod serve_parts;
mod serve_schedules;
mod serve_workflows;
mod signals;
mod tokens;
mod torture;
mod worker;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use crate::server::{AuditEntry, ListenError, Role, TokenError, TokenInfo};
pub use conformance::{Check, Conformance, ConformanceRequest, Verdict as CheckVerdict};
pub use control::Cancelled;
pub use deployments::StoppedDeployment;
pub use error::AppError;
pub use files::{CheckedFile, find_home};
pub use gc::GcRequest;
pub use history::{History, LoggedAttempt};
pub use init::{NewProject, PROJECT_TEMPLATES, ProjectTemplate, init_project};
pub use models::{ModelDetail, Promotion, ServeRequest, bundle_hash};
pub use plugins::{LockReport, NewPlugin, PluginRow};
pub use run::{RunRequest, Running};
pub use schedule_view::{BackfillOrder, Schedules, SimulateRequest, Simulated};
pub use serve::{DaemonRequest, Listening};
pub use sluicegate_deploy::DeploymentHealth;
pub use sluicegate_serve::ServeError;
pub use torture::{Torture, TortureReport, TortureRequest};
pub use worker::{WORKER_COMMAND, serve_hidden};

use crate::{
    artifact::ArtifactStore,
    catalog::Catalog,
    engine::{Engine, EngineOptions, StoreHost},
    store::{Store, StoreError, StoreOptions},
    worker::{PoolOptions, WorkerPool},
    world::{SystemWorld, World, WrongClock},
};

/// How long a command waits for another one to let go of the store.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// How long a task may take to stop when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The parts that every command shares. Cheap to clone.
#[derive(Clone)]
pub struct App {
    home: PathBuf,
    /// The folder of the project: that of the nearest `sluice.toml`, else that of the state.
    project: PathBuf,
    /// Made when a command first needs kinds: most need none.
    catalog: OnceLock<Arc<Catalog>>,
    world: Arc<dyn World>,
}

/// Every kind that is linked in.
pub fn built_in_kinds() -> Catalog {
    Catalog::new(vec![
        sluicegate_data::pack(),
        sluicegate_learn::pack(),
        sluicegate_deploy::pack(),
        sluicegate_monitor::pack(),
        sluicegate_system::pack(),
        crate::workflow::pack(),
    ])
}

impl App {
    /// An app whose state lives in `home`. Opens nothing.
    pub fn new(home: PathBuf) -> Self {
        let project = home.parent().unwrap_or(std::path::Path::new("/")).to_owned();
        Self { home, project, catalog: OnceLock::new(), world: Arc::new(SystemWorld) }
    }

    /// The same app for the project that a folder belongs to, wherever the state is.
    #[must_use]
    pub fn in_folder(mut self, current: &std::path::Path) -> Self {
        if let Some(project) = files::find_project(current) {
            project.clone_into(&mut self.project);
        }
        self
    }

    /// The same app with a clock that is wrong by as many milliseconds as a file says, whenever it is asked: for tests.
    #[must_use]
    pub fn with_wrong_clock(&self, file: PathBuf) -> Self {
        Self { world: Arc::new(WrongClock { file }), ..self.clone() }
    }

    /// The kinds at hand: those that are linked in, and those of the project's plugins. A project's file that is broken names no plugins;
    /// commands that depend on it say so.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.catalog.get_or_init(|| Arc::new(built_in_kinds().with_plugins(self.plugins())))
    }

    /// Where the state lives.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// The time now.
    pub fn now(&self) -> crate::run::Timestamp {
        self.world.now()
    }

    /// Tells whether there is any state to look at. Commands that only look make none.
    fn has_state(&self) -> bool {
        self.home.join("version").exists()
    }

    fn store(&self) -> Result<Store, AppError> {
        match Store::open(&self.home, StoreOptions { wait: Duration::ZERO }) {
            Err(StoreError::InUse { holder, .. }) if control::is_daemon(&holder) => Err(AppError::Invalid {
                message: format!("the daemon holds the store: {holder}"),
                hint: "this command cannot go through the daemon; stop it first".into(),
            }),
            Err(StoreError::InUse { .. }) => Ok(Store::open(&self.home, StoreOptions { wait: STORE_WAIT })?),
            opened => Ok(opened?),
        }
    }

    fn host(&self, store: &Store) -> Arc<StoreHost> {
        Arc::new(StoreHost::new(store.clone(), self.world.clone()))
    }

    fn artifacts(&self) -> Result<ArtifactStore, AppError> {
        Ok(ArtifactStore::open(&self.home.join("artifacts"))?)
    }

    fn engine(&self, store: Store, n_workers: usize) -> Result<Engine, AppError> {
        self.engine_for(store, self.pool(n_workers)?, n_workers)
    }

    /// An engine for many runs, which share the workers; each has as many tasks at a time as a command would give it.
    fn daemon_engine(&self, store: Store, n_workers: usize) -> Result<Engine, AppError> {
        self.engine_for(store, self.pool(n_workers)?, default_parallel())
    }

    /// Workers, none of which has started.
    fn pool(&self, n_workers: usize) -> Result<WorkerPool, AppError> {
        let program = std::env::current_exe().map_err(|source| AppError::NoProgram { source })?;
        Ok(WorkerPool::new(PoolOptions {
            program,
            args: vec![WORKER_COMMAND.into()],
            size: n_workers,
            home: self.home.clone(),
            grace: GRACE,
        }))
    }

    fn engine_for(&self, store: Store, pool: WorkerPool, max_parallel: usize) -> Result<Engine, AppError> {
        let owner = sluicegate_plugin::ProcessId::of(std::process::id())
            .ok_or_else(|| AppError::Internal("this process has no entry in /proc".into()))?;
        Ok(Engine::new(EngineOptions {
            home: self.home.clone(),
            artifacts: self.artifacts()?,
            pool,
            catalog: self.catalog().clone(),
            host: self.host(&store),
            store,
            world: self.world.clone(),
            owner,
            max_parallel,
            pools: self.project()?.pools,
        }))
    }
}

/// Tasks at a time where a workflow does not say: one for each core, at least two.
fn default_parallel() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}
