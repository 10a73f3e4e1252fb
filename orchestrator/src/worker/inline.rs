//! Attempts of inline kinds: on a thread of the orchestrator, with the host's services.

use std::{sync::Arc, time::Duration};

use sluicegate_plugin::{AttemptSpec, ContextOptions, Host, Kind, TaskError};
use tokio::{sync::oneshot, time::timeout};

use super::{
    AttemptControl, AttemptReport,
    attempt::{Attempt, keep_outcome},
    panics::PanicScope,
};
use crate::{artifact::ArtifactStore, run::AttemptResult};

/// How long an inline task may go on after it was asked to stop. It cannot be killed; it is left behind, and ends with the process.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// How it is stopped.
    pub control: AttemptControl,
}

/// Runs an inline attempt to its end.
///
/// The thread is not one of the runtime's: those must end before the runtime does, and a task that never ends would hold the
/// whole process.
pub async fn run_inline(attempt: InlineAttempt) -> AttemptReport {
    let InlineAttempt { kind, spec, host, artifacts, mut control } = attempt;
    let on_progress = std::mem::replace(&mut control.on_progress, Box::new(|_, _| ()));
    let options =
        ContextOptions { host: Some(host), cancel: control.token.clone(), progress: Some(on_progress) };
    let (done, mut result) = oneshot::channel();
    let run = move || {
        let (attempt_dir, attempt_id) = (spec.attempt_dir.clone(), spec.run.attempt_id.clone());
        let attempt =
            Attempt { kind: &kind, spec, options, artifacts: &artifacts, panics: PanicScope::Thread };
        let result = attempt.run();
        let kept = keep_outcome(&attempt_dir, &attempt_id, result.clone());
        let _ = done.send(kept.map_or_else(|error| AttemptResult::Failed { error }, |()| result));
    };
    if let Err(error) = std::thread::Builder::new().name("inline task".into()).spawn(run) {
        let error = TaskError::transient("no_thread", format!("cannot start a thread for the task: {error}"));
        return AttemptReport::without_worker(AttemptResult::Failed { error });
    }
    let result = tokio::select! {
        result = &mut result => result.unwrap_or_else(|_| AttemptResult::Failed {
            error: TaskError::permanent("panic", "the task's thread ended early"),
        }),
        reason = control.stopped() => reason.settle(timeout(PATIENCE, result).await.ok().and_then(Result::ok)),
    };
    AttemptReport::without_worker(result)
}
