//! The scheduler with an engine behind it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::App;
use crate::{
    engine::{self, Engine, EngineError},
    run::RunId,
    scheduler::{
        Doing, Library, LoadedWorkflow, Scheduler, SchedulerHandle, SchedulerOptions, StartFailure,
        StartRequest, StartRuns,
    },
    store::Store,
    workflow::{SecretSource, Severity},
};

/// Starts the runs of schedules with an engine.
struct EngineRuns {
    app: App,
    engine: Engine,
    store: Store,
}

impl App {
    /// A scheduler whose runs the engine drives, and the handle to it. Spawn [`Scheduler::run`] after interrupted runs were resumed. When
    /// not `by_itself`, only what someone asks for happens.
    pub(super) fn scheduler(
        &self,
        engine: &Engine,
        store: &Store,
        library: Arc<Library>,
        by_itself: bool,
    ) -> (Scheduler, SchedulerHandle) {
        let runs = EngineRuns { app: self.clone(), engine: engine.clone(), store: store.clone() };
        Scheduler::new(SchedulerOptions {
            store: store.clone(),
            world: Arc::clone(&self.world),
            library,
            runs: Arc::new(runs),
            ends: engine.ends(),
            by_itself,
        })
    }
}

impl StartRuns for EngineRuns {
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
                // Whoever comes next finds the fire and starts this very run; or somebody drives it already.
                Ok(_) | Err(EngineError::Leaving | EngineError::Driven(_)) => Ok(()),
                Err(error) => Err(refused(error)),
            }
        })
    }

    fn cancel(&self, run: RunId, reason: &str) {
        let has_ended = || self.store.row(run).is_ok_and(|row| row.is_some_and(|row| row.status.is_final()));
        if self.engine.cancel(run, reason) || has_ended() {
            return;
        }
        // Nobody drives it: it could not go on after a restart. It would keep its schedule from going on for ever.
        let (engine, reason) = (self.engine.clone(), reason.to_owned());
        tokio::spawn(async move {
            if let Err(error) = engine.abandon(run, &reason).await {
                tracing::warn!("run {run} cannot be cancelled: {error}");
            }
        });
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
