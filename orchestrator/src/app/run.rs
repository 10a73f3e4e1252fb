//! Running a workflow: a new run, or the one that was interrupted.

use std::path::PathBuf;

use super::{App, AppError, default_parallel};
use crate::{
    engine::{Engine, EngineError, PlannedTask, RunHandle, StartRequest, Update},
    run::{Resolution, Run, RunId, RunRow},
    store::{Store, StoreError, StoreOptions},
    worker::ask_to_end,
    workflow::{TaskIdx, Workflow},
};

/// What to run.
pub struct RunRequest {
    /// The checked workflow.
    pub workflow: Workflow,
    /// Its folder.
    pub base_dir: PathBuf,
    /// Its file, as the caller named it.
    pub file: PathBuf,
    /// False to run every task anew.
    pub use_cache: bool,
    /// True to start a new run even when one of the same workflow was interrupted.
    pub fresh: bool,
}

/// How a run was cancelled.
pub enum Cancelled {
    /// It has ended.
    Ended,
    /// The process that drives it was asked, and ends it in order.
    Asked(u32),
}

/// What is told of a run while it goes on.
pub trait Running {
    /// The run begins, or goes on after an interruption.
    fn begin(&mut self, run: &Run, resumed: bool);
    /// A task that went on without an orchestrator was taken over.
    fn taken_over(&mut self, task: TaskIdx);
    /// An interrupted run of the same workflow was given up.
    fn gave_up(&mut self, run: RunId);
    /// There is news.
    fn update(&mut self, update: &Update);
    /// Someone asked for the run's end.
    fn cancelling(&mut self);
}

impl App {
    /// Runs a workflow to its end, or drives on the run of it that was interrupted.
    pub fn run(&self, request: RunRequest, watcher: &mut dyn Running) -> Result<Run, AppError> {
        let n_workers = request.workflow.max_parallel.unwrap_or_else(default_parallel);
        let runtime = runtime()?;
        let store = self.store()?;
        let engine = self.engine(store, n_workers)?;
        let run = runtime.block_on(async {
            let handle = start(&engine, request, watcher).await?;
            watch(handle, watcher).await
        });
        runtime.block_on(engine.shutdown());
        run
    }

    /// Drives an interrupted run on, with the plan that was frozen when it started.
    pub fn resume(&self, id: RunId, watcher: &mut dyn Running) -> Result<Run, AppError> {
        self.go_on(|engine| engine.resume(id), watcher)
    }

    /// Lets a run that ended without success go on: what did not succeed starts over, with the recorded plan.
    pub fn retry(&self, id: RunId, watcher: &mut dyn Running) -> Result<Run, AppError> {
        self.go_on(|engine| engine.retry(id), watcher)
    }

    fn go_on(
        &self,
        start: impl Fn(&Engine) -> Result<RunHandle, EngineError>,
        watcher: &mut dyn Running,
    ) -> Result<Run, AppError> {
        let runtime = runtime()?;
        let engine = self.engine(self.store()?, default_parallel())?;
        let run = runtime.block_on(async {
            engine.mark_interrupted().await?;
            let handle = start(&engine)?;
            announce(&handle, watcher);
            watch(handle, watcher).await
        });
        runtime.block_on(engine.shutdown());
        run
    }

    /// Records what a person says of a task whose outcome was lost.
    pub fn resolve(&self, id: RunId, task: TaskIdx, resolution: Resolution) -> Result<Run, AppError> {
        let runtime = runtime()?;
        let _context = runtime.enter();
        let engine = self.engine(self.store()?, 1)?;
        Ok(runtime.block_on(engine.resolve(id, task, resolution))?)
    }

    /// Cancels a run: asks the process that drives it, or ends what an interrupted one left running.
    pub fn cancel(&self, row: &RunRow) -> Result<Cancelled, AppError> {
        match Store::open(&self.home, StoreOptions { wait: std::time::Duration::ZERO }) {
            Ok(store) => {
                let runtime = runtime()?;
                let _context = runtime.enter();
                let engine = self.engine(store, 1)?;
                runtime.block_on(async {
                    engine.mark_interrupted().await?;
                    engine.abandon(row.id, "cancelled by `sluice runs cancel`").await
                })?;
                Ok(Cancelled::Ended)
            }
            Err(StoreError::InUse { .. }) if ask_to_end(&row.owner) => Ok(Cancelled::Asked(row.owner.pid)),
            Err(error) => Err(error.into()),
        }
    }

    /// Predicts what [`App::run`] would do.
    pub fn plan(&self, request: RunRequest) -> Result<Vec<PlannedTask>, AppError> {
        let runtime = runtime()?;
        let _context = runtime.enter();
        let engine = self.engine(self.store()?, 1)?;
        let RunRequest { workflow, base_dir, file, use_cache, .. } = request;
        Ok(engine.plan(StartRequest { workflow, base_dir, file, use_cache }))
    }
}

/// Tells that a run goes on, and with which tasks.
fn announce(handle: &RunHandle, watcher: &mut dyn Running) {
    watcher.begin(&handle.run, true);
    for task in &handle.adopted {
        watcher.taken_over(*task);
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, AppError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| AppError::Internal(format!("cannot start the runtime: {error}")))
}

/// Starts a run, or resumes the interrupted one with the same definition and parameters. Interrupted runs of the same
/// workflow with another definition are given up, so that none is left behind.
async fn start(
    engine: &Engine,
    request: RunRequest,
    watcher: &mut dyn Running,
) -> Result<RunHandle, AppError> {
    let mut resumable = None;
    for row in engine.mark_interrupted().await? {
        if row.workflow != request.workflow.name {
            continue;
        }
        let run = engine.load(row.id)?;
        let same = run.workflow().hash == request.workflow.hash
            && run.workflow().params == request.workflow.params
            && run.base_dir() == request.base_dir;
        if same && !request.fresh && resumable.is_none() {
            resumable = Some(row.id);
        } else {
            engine.abandon(row.id, "a new run of the workflow took its place").await?;
            watcher.gave_up(row.id);
        }
    }
    if let Some(id) = resumable {
        let handle = engine.resume(id)?;
        announce(&handle, watcher);
        return Ok(handle);
    }
    let RunRequest { workflow, base_dir, file, use_cache, .. } = request;
    let handle = engine.start(StartRequest { workflow, base_dir, file, use_cache }).await?;
    watcher.begin(&handle.run, false);
    Ok(handle)
}

/// Passes news on until the run ends. The first interrupt cancels the run; it still ends in order.
async fn watch(mut handle: RunHandle, watcher: &mut dyn Running) -> Result<Run, AppError> {
    use tokio::signal::unix::{SignalKind, signal};
    let no_signal = |error| AppError::Internal(format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(no_signal)?;
    loop {
        let reason = tokio::select! {
            update = handle.updates.recv() => match update {
                Some(update) => { watcher.update(&update); continue }
                None => break,
            },
            _ = interrupt.recv() => "interrupted from the keyboard",
            _ = terminate.recv() => "asked to terminate",
            _ = hang_up.recv() => "the terminal was closed",
        };
        watcher.cancelling();
        handle.cancel(reason);
    }
    Ok(handle.wait().await?)
}
