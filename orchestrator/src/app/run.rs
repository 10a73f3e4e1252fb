//! Running a workflow: a new run, or one that goes on.

use std::path::PathBuf;

use hyper::Method;
use serde_json::json;
use sluicegate_plugin::Placement;

use super::{
    App, AppError, default_parallel,
    signals::{Asked, Signals},
};
use crate::{
    engine::{Engine, EngineError, PlannedTask, RerunFrom, RunHandle, StartRequest, Update},
    run::{Resolution, Run, RunId},
    server::user_name,
    store::Store,
    worker::WorkerPool,
    workflow::{Task, TaskIdx, Workflow},
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

/// Tells whether the first thing that a run of the workflow needs is a worker, because a task that waits for nothing is
/// never taken from the cache.
fn begins_with_a_worker(workflow: &Workflow) -> bool {
    let waits_for_nothing =
        |task: &Task| task.needs.is_empty() && task.inputs.is_empty() && task.mentions.is_empty();
    workflow.tasks.iter().any(|task| {
        waits_for_nothing(task)
            && task.when.is_none()
            && task.placement == Placement::Worker
            && task.nested.is_none()
            && !task.cache
    })
}

/// What is told of a run while it goes on.
pub trait Running {
    /// The run begins, or goes on after an interruption.
    fn begin(&mut self, run: RunId, workflow: &Workflow, resumed: bool);
    /// A task that went on without an orchestrator was taken over.
    fn taken_over(&mut self, task: TaskIdx, name: &str);
    /// An interrupted run of the same workflow was given up.
    fn gave_up(&mut self, run: RunId);
    /// There is news.
    fn update(&mut self, update: &Update);
    /// Someone asked for the run's end.
    fn cancelling(&mut self);
    /// Someone asked that nothing new starts, or that the run goes on.
    fn pausing(&mut self, paused: bool);
}

impl App {
    /// Runs a workflow to its end, or drives on the run of it that was interrupted.
    pub fn run(&self, request: RunRequest, watcher: &mut dyn Running) -> Result<Run, AppError> {
        if let Some(daemon) = self.daemon()? {
            return daemon.run(&request, watcher);
        }
        let n_workers = request.workflow.max_parallel.unwrap_or_else(default_parallel);
        let pool = self.pool(n_workers)?;
        let ahead = begins_with_a_worker(&request.workflow).then(|| pool.clone());
        let engine = |store| self.engine_for(store, pool, n_workers);
        self.drive(ahead, engine, watcher, async |engine, watcher| start(engine, request, watcher).await)
    }

    /// Drives an interrupted run on, with the plan that was frozen when it started.
    pub fn resume(&self, id: RunId, watcher: &mut dyn Running) -> Result<Run, AppError> {
        if let Some(daemon) = self.daemon()? {
            return daemon.go_on(id, "resume", watcher);
        }
        self.go_on(id, async |engine| engine.resume(id), watcher)
    }

    /// Lets a run that ended without success go on: what did not succeed starts over, with the recorded plan.
    pub fn retry(&self, id: RunId, watcher: &mut dyn Running) -> Result<Run, AppError> {
        if let Some(daemon) = self.daemon()? {
            return daemon.go_on(id, "retry", watcher);
        }
        self.go_on(id, async |engine| engine.retry(id), watcher)
    }

    /// Runs a workflow with what an earlier run left, from a task on.
    pub fn rerun(
        &self,
        request: RunRequest,
        from: RerunFrom,
        watcher: &mut dyn Running,
    ) -> Result<Run, AppError> {
        if let Some(daemon) = self.daemon()? {
            return daemon.rerun(&request, &from, watcher);
        }
        let n_workers = request.workflow.max_parallel.unwrap_or_else(default_parallel);
        let engine = |store| self.engine(store, n_workers);
        self.drive(None, engine, watcher, async |engine, watcher| {
            engine.mark_interrupted().await?;
            let RunRequest { workflow, base_dir, file, use_cache, .. } = request;
            let handle = engine
                .rerun(StartRequest { workflow, base_dir, file, use_cache, started_by: user() }, &from)
                .await?;
            watcher.begin(handle.id, &handle.workflow, false);
            Ok(handle)
        })
    }

    fn go_on(
        &self,
        id: RunId,
        go_on: impl AsyncFnOnce(&Engine) -> Result<RunHandle, EngineError>,
        watcher: &mut dyn Running,
    ) -> Result<Run, AppError> {
        let engine = |store: Store| {
            let run = Run::replay(id, &store.events(id)?)?;
            self.engine(store, run.workflow().max_parallel.unwrap_or_else(default_parallel))
        };
        self.drive(None, engine, watcher, async |engine, watcher| {
            engine.mark_interrupted().await?;
            let handle = go_on(engine).await?;
            announce(&handle, watcher);
            Ok(handle)
        })
    }

    /// Opens the store, lets `begin` start a run, and follows it to its end, which is the process's too. A worker of the
    /// pool `ahead` starts while the store is opened.
    fn drive(
        &self,
        ahead: Option<WorkerPool>,
        engine: impl FnOnce(Store) -> Result<Engine, AppError>,
        watcher: &mut dyn Running,
        begin: impl AsyncFnOnce(&Engine, &mut dyn Running) -> Result<RunHandle, AppError>,
    ) -> Result<Run, AppError> {
        let runtime = runtime()?;
        let ahead = ahead.map(|pool| runtime.spawn(async move { pool.warm(1).await }));
        let store = self.store()?;
        let engine = engine(store.clone())?;
        let run = runtime.block_on(async {
            if let Some(ahead) = ahead {
                // Whatever became of it: a task that needs a worker starts one, or says why it cannot.
                let _ = ahead.await;
            }
            // Before the run is there to be asked for anything.
            let signals = Signals::listen()?;
            engine.respect_orphans()?;
            let handle = begin(&engine, watcher).await?;
            watch(handle, signals, watcher).await
        });
        runtime.block_on(engine.shutdown());
        store.leave();
        run
    }

    /// Records what a person says of a task whose outcome was lost.
    pub fn resolve(&self, run: &Run, task: TaskIdx, resolution: Resolution) -> Result<(), AppError> {
        let id = run.id();
        let body = json!({ "task": run.task(task).name, "as": resolution });
        let path = format!("/api/v1/runs/{id}/resolve");
        if self.ask_daemon(Method::POST, &path, Some(&body))?.is_some() {
            return Ok(());
        }
        let runtime = runtime()?;
        let _context = runtime.enter();
        let engine = self.engine(self.store()?, 1)?;
        Ok(runtime.block_on(engine.resolve(id, task, resolution)).map(drop)?)
    }

    /// Predicts what [`App::run`] would do.
    pub fn plan(&self, request: RunRequest) -> Result<Vec<PlannedTask>, AppError> {
        if let Some(daemon) = self.daemon()? {
            return daemon.plan(&request);
        }
        let runtime = runtime()?;
        let _context = runtime.enter();
        let engine = self.engine(self.store()?, 1)?;
        let RunRequest { workflow, base_dir, file, use_cache, .. } = request;
        Ok(engine.plan(StartRequest { workflow, base_dir, file, use_cache, started_by: user() }))
    }
}

/// The user of this process.
fn user() -> String {
    user_name(rustix::process::geteuid().as_raw())
}

/// Tells that a run goes on, and with which tasks.
fn announce(handle: &RunHandle, watcher: &mut dyn Running) {
    watcher.begin(handle.id, &handle.workflow, true);
    for (task, name) in &handle.adopted {
        watcher.taken_over(*task, name);
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, AppError> {
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
        if row.workflow != request.workflow.name || row.parent.is_some() {
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
    let handle =
        engine.start(StartRequest { workflow, base_dir, file, use_cache, started_by: user() }).await?;
    watcher.begin(handle.id, &handle.workflow, false);
    Ok(handle)
}

/// Passes news on until the run ends. The first request to end cancels the run; it still ends in order.
async fn watch(
    mut handle: RunHandle,
    mut signals: Signals,
    watcher: &mut dyn Running,
) -> Result<Run, AppError> {
    loop {
        tokio::select! {
            update = handle.next() => match update {
                Some(update) => watcher.update(&update),
                None => break,
            },
            asked = signals.next() => match asked {
                Asked::End(reason) => {
                    watcher.cancelling();
                    handle.cancel(reason);
                }
                Asked::Pause(paused) => {
                    watcher.pausing(paused);
                    if paused { handle.pause() } else { handle.unpause() }
                }
            }
        }
    }
    Ok(handle.wait().await?)
}
