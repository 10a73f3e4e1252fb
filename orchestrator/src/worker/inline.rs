//! Attempts of inline kinds: on a thread of the orchestrator, with the host's services.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sluicegate_plugin::{AttemptSpec, ContextOptions, Host, Kind, TaskError};
use tokio::{sync::oneshot, time::timeout};

use super::{
    AttemptControl, AttemptReport,
    attempt::{Attempt, keep_outcome},
    control::stop_asked,
    limit::Limit,
    panics::PanicScope,
    threads,
};
use crate::{artifact::ArtifactStore, run::AttemptResult};

/// How long an inline task may go on after it was asked to stop. It cannot be killed; it is left behind, and ends with the process.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An attempt that runs in this process.
pub struct InlineAttempt {
    /// The kind.
    pub kind: Arc<dyn Kind>,
    /// What to do.
    pub spec: AttemptSpec,
    /// The registry and the deployments.
    pub host: Arc<dyn Host>,
    /// Where outputs go.
    pub artifacts: ArtifactStore,
    /// True when its outcome shall survive this process: it must not happen twice. Any other attempt simply runs again.
    pub keeps_outcome: bool,
    /// How it is stopped.
    pub control: AttemptControl,
}

/// Starts an inline attempt on a thread that it has for itself as long, and calls `done` there at its end. One that was asked to stop
/// and does not within [`PATIENCE`] is its caller's to give up.
pub fn start_inline(attempt: InlineAttempt, done: impl FnOnce(AttemptResult) + Send + 'static) {
    let InlineAttempt { kind, spec, host, artifacts, keeps_outcome, control } = attempt;
    let AttemptControl { stop, on_progress, token } = control;
    let options =
        ContextOptions { host: Some(host), cancel: token, progress: Some(on_progress), staging: None };
    let done = Arc::new(Mutex::new(Some(done)));
    let tell = move |result| {
        let done = done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            done(result);
        }
    };
    let refuse = tell.clone();
    let run = move || {
        let place = keeps_outcome.then(|| (spec.attempt_dir.clone(), spec.run.attempt_id.clone()));
        let (panics, limit) = (PanicScope::Thread, &Limit::of_inline(&spec.resources));
        let result = Attempt { kind: &kind, spec, options, artifacts: &artifacts, panics, limit }.run();
        if let Some((attempt_dir, attempt_id)) = place
            && let Err(error) = keep_outcome(&attempt_dir, &attempt_id, result.clone())
        {
            // What was done is done, and this process, which knows it, still lives.
            tracing::warn!("an outcome could not be kept for the case of a crash: {error}");
        }
        let reason = *stop.borrow();
        tell(match reason {
            Some(reason) => reason.settle(Some(result)),
            None => result,
        });
    };
    if let Err(error) = threads::run(run) {
        let error = TaskError::transient("no_thread", format!("cannot start a thread for the task: {error}"));
        refuse(AttemptResult::Failed { error });
    }
}

/// Runs an inline attempt to its end, or until it was asked to stop and did not.
pub async fn run_inline(attempt: InlineAttempt) -> AttemptReport {
    let mut stop = attempt.control.stop.clone();
    let (tx, mut result) = oneshot::channel();
    start_inline(attempt, move |result| drop(tx.send(result)));
    let result = tokio::select! {
        result = &mut result => result.unwrap_or_else(|_| AttemptResult::Failed {
            error: TaskError::permanent("panic", "the task's thread ended early"),
        }),
        reason = stop_asked(&mut stop) => reason.settle(timeout(PATIENCE, result).await.ok().and_then(Result::ok)),
    };
    AttemptReport::without_worker(result)
}
