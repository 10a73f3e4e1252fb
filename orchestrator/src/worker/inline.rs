//! Attempts of inline kinds: on a thread of the orchestrator, with the host's services.

use std::{sync::Arc, time::Duration};

use sluicegate_plugin::{AttemptSpec, ContextOptions, Host, Kind, TaskError};

use super::{AttemptControl, AttemptReport, StopReason, attempt::run_attempt};
use crate::{artifact::ArtifactStore, run::AttemptResult};

/// How long an inline task may go on after it was asked to stop. It cannot be killed; it is left behind.
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
pub async fn run_inline(attempt: InlineAttempt) -> AttemptReport {
    let InlineAttempt { kind, spec, host, artifacts, mut control } = attempt;
    let on_progress = std::mem::replace(&mut control.on_progress, Box::new(|_, _| ()));
    let options =
        ContextOptions { host: Some(host), cancel: control.token.clone(), progress: Some(on_progress) };
    let mut task = tokio::task::spawn_blocking(move || run_attempt(&kind, spec, options, &artifacts));
    let mut stopped = None;
    let result = tokio::select! {
        result = &mut task => result.ok(),
        reason = control.stopped() => {
            stopped = Some(reason);
            tokio::time::timeout(PATIENCE, task).await.ok().and_then(Result::ok)
        }
    };
    let result = match (result, stopped) {
        (Some(AttemptResult::Cancelled) | None, Some(StopReason::TimedOut { after })) => AttemptResult::TimedOut { after },
        (Some(AttemptResult::Cancelled) | None, Some(StopReason::Cancelled)) => AttemptResult::Cancelled,
        (Some(result), _) => result,
        (None, None) => AttemptResult::Failed { error: TaskError::permanent("panic", "the task's thread ended early") },
    };
    AttemptReport { result }
}
