//! The scheduler with an engine behind it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{App, AppError, default_parallel, run::runtime};
use crate::{
    engine::{self, Engine, EngineError},
    run::{RunId, Timestamp},
    scheduler::{
        Doing, LoadedFile, LoadedWorkflow, Scheduler, SchedulerHandle, SchedulerOptions, StartFailure,
        StartRequest, StartRuns,
    },
    store::Store,
    workflow::{SecretSource, Severity, Source},
    world::{SystemWorld, World},
};

/// The hidden command that watches schedules without a server: `__scheduler FOLDER…`.
pub const SCHEDULER_COMMAND: &str = "__scheduler";

/// Names a file that holds by how many milliseconds the clock of [`SCHEDULER_COMMAND`] is wrong. No other command reads it.
const CLOCK_VARIABLE: &str = "SLUICE_TEST_CLOCK";

/// Starts the runs of schedules with an engine.
struct EngineRuns {
    app: App,
    engine: Engine,
    store: Store,
}

impl App {
    /// A scheduler whose runs the engine drives, and the handle to it. Spawn [`Scheduler::run`] after interrupted runs were resumed.
    pub fn scheduler(
        &self,
        engine: &Engine,
        store: &Store,
        folders: Vec<PathBuf>,
    ) -> (Scheduler, SchedulerHandle) {
        self.scheduler_that(engine, store, folders, true)
    }

    /// The same; when not `by_itself`, only what someone asks for happens.
    pub(super) fn scheduler_that(
        &self,
        engine: &Engine,
        store: &Store,
        folders: Vec<PathBuf>,
        by_itself: bool,
    ) -> (Scheduler, SchedulerHandle) {
        let runs = EngineRuns { app: self.clone(), engine: engine.clone(), store: store.clone() };
        let folders = folders.iter().map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone()));
        Scheduler::new(SchedulerOptions {
            store: store.clone(),
            world: Arc::clone(&self.world),
            folders: folders.collect(),
            runs: Arc::new(runs),
            ends: engine.ends(),
            by_itself,
        })
    }

    /// Reads and checks a workflow file as the scheduler wants it.
    pub(super) fn load(&self, file: &Path) -> LoadedFile {
        let name = file.display().to_string();
        match self.check(file, &BTreeMap::new()) {
            Ok(checked) => LoadedFile {
                workflow: checked.workflow.map(|workflow| LoadedWorkflow {
                    name: workflow.name,
                    description: workflow.description,
                    file: file.to_owned(),
                    base_dir: checked.base_dir,
                    source: checked.source.clone(),
                    schedules: workflow.schedules,
                }),
                source: checked.source,
                diagnostics: checked.diagnostics,
            },
            Err(error) => {
                let source = Source { name, bytes: Vec::new() };
                let message = sluicegate_plugin::with_causes(&error);
                LoadedFile {
                    workflow: None,
                    source,
                    diagnostics: vec![crate::workflow::unreadable(&message)],
                }
            }
        }
    }

    /// Drives interrupted runs on, but for those that a task of another one started.
    pub(super) async fn resume_all(&self, engine: &Engine) -> Result<(), AppError> {
        for row in engine.mark_interrupted().await?.into_iter().filter(|row| row.parent.is_none()) {
            match engine.resume(row.id) {
                Ok(handle) => drop(handle),
                Err(error) => tracing::error!("run {} cannot go on: {error}", row.id),
            }
        }
        Ok(())
    }

    /// Watches the schedules of some folders until it is asked to end. Runs are left to whoever comes next.
    fn watch_schedules(&self, folders: Vec<PathBuf>) -> Result<(), AppError> {
        let runtime = runtime()?;
        let store = self.store()?;
        let _context = runtime.enter();
        let engine = self.engine(store.clone(), default_parallel())?;
        runtime.block_on(async {
            let mut signals = super::signals::Signals::listen()?;
            engine.respect_orphans()?;
            self.resume_all(&engine).await?;
            let (scheduler, handle) = self.scheduler(&engine, &store, folders);
            let service = tokio::spawn(scheduler.run());
            tokio::pin!(service);
            tokio::select! {
                ended = &mut service => return Ok(ended.map_err(|_| gone())??),
                _ = signals.next() => handle.stop(),
            }
            service.await.map_err(|_| gone())??;
            engine.leave(super::GRACE).await;
            Ok(())
        })
    }
}

fn gone() -> AppError {
    AppError::Internal("the scheduler panicked".into())
}

/// Watches schedules without a server; the way of tests.
pub fn serve_schedules(home: PathBuf, folders: Vec<PathBuf>) -> Result<(), AppError> {
    let mut app = App::new(home);
    if let Some(file) = std::env::var_os(CLOCK_VARIABLE) {
        app.world = Arc::new(WrongClock { file: file.into() });
    }
    app.watch_schedules(folders)
}

/// A clock that is wrong by as much as a file says.
struct WrongClock {
    file: PathBuf,
}

impl World for WrongClock {
    fn now(&self) -> Timestamp {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        Timestamp(SystemWorld.now().0.saturating_add(text.trim().parse().unwrap_or(0)))
    }

    fn random(&self) -> u128 {
        SystemWorld.random()
    }
}

impl StartRuns for EngineRuns {
    fn load(&self, file: &Path) -> LoadedFile {
        self.app.load(file)
    }

    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>> {
        let (app, engine, store) = (self.app.clone(), self.engine.clone(), self.store.clone());
        Box::pin(async move {
            let StartRequest { run, cause, workflow, overrides } = request;
            let refused = |error: EngineError| StartFailure(sluicegate_plugin::with_causes(&error));
            // A restart may find the run of a fire that was recorded: then it is there, and somebody drives it on.
            if store.row(run).map_err(|error| refused(error.into()))?.is_some() {
                return Ok(());
            }
            let checked = tokio::task::spawn_blocking(move || checked(&app, &workflow, &overrides));
            let request = checked.await.map_err(|_| StartFailure("its check panicked".into()))??;
            match engine.start_for(run, cause, request).await {
                // Whoever comes next finds the fire and starts this very run.
                Ok(_) | Err(EngineError::Leaving) => Ok(()),
                Err(error) => Err(refused(error)),
            }
        })
    }

    fn cancel(&self, run: RunId, reason: &str) {
        if !self.engine.cancel(run, reason) {
            tracing::warn!("run {run} is not driven by this process, and cannot be cancelled");
        }
    }

    fn secret(&self, source: &SecretSource, base_dir: &Path) -> Result<String, String> {
        engine::secret_text(source, base_dir)
    }
}

/// The last good version of a workflow with the parameters of a fire.
fn checked(
    app: &App,
    workflow: &LoadedWorkflow,
    overrides: &BTreeMap<String, String>,
) -> Result<engine::StartRequest, StartFailure> {
    let LoadedWorkflow { file, base_dir, source, .. } = workflow;
    let checked = app
        .check_source(file, base_dir.clone(), source.clone(), overrides)
        .map_err(|error| StartFailure(sluicegate_plugin::with_causes(&error)))?;
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let reasons: Vec<_> = errors.map(|found| found.message.as_str()).collect();
    let workflow = checked.workflow.ok_or_else(|| StartFailure(reasons.join("; ")))?;
    let (base_dir, file) = (checked.base_dir, file.clone());
    Ok(engine::StartRequest { workflow, base_dir, file, use_cache: true, started_by: String::new() })
}
