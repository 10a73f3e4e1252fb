//! Running one attempt where its kind belongs: in a worker, on a thread of this process, or as a run of its own.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sluicegate_plugin::{AttemptSpec, Effect as EffectClass, Kind, Placement, ProbeContext, TaskError};
use tokio::task::JoinHandle;

use super::{Engine, nested::NestedAttempt, recover::probe};
use crate::{
    run::AttemptResult,
    worker::{AttemptControl, AttemptReport, CancelHandle, InlineAttempt, StopReason, run_inline},
};

/// Stops an attempt when its time, of which `left` seconds are left, is over.
pub(super) fn stop_after(handle: CancelHandle, after: f64, left: f64) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::try_from_secs_f64(left).unwrap_or_default()).await;
        handle.stop(StopReason::TimedOut { after });
    })
}

/// An attempt with the place it runs in.
pub(super) struct PlacedAttempt {
    pub(super) engine: Engine,
    pub(super) placement: Placement,
    pub(super) effect: sluicegate_plugin::Effect,
    pub(super) timeout: Option<f64>,
    pub(super) nested: Option<NestedAttempt>,
    pub(super) spec: AttemptSpec,
}

impl PlacedAttempt {
    /// Runs the attempt to its end, at the latest when its timeout stops it.
    pub(super) async fn run(self, control: AttemptControl, handle: CancelHandle) -> AttemptResult {
        let timer = self.timeout.map(|after| stop_after(handle, after, after));
        if let Some(nested) = self.nested {
            let result = nested.run(control).await;
            if let Some(timer) = timer {
                timer.abort();
            }
            return result;
        }
        let options = self.engine.options.clone();
        let report = match self.placement {
            Placement::Worker => {
                let question = self.question();
                let report = options.pool.execute(self.spec, control).await;
                AttemptReport { result: asked(report.result, question).await, ..report }
            }
            Placement::Inline => {
                let unknown = format!("kind `{}` is not at hand", self.spec.kind);
                match inline_attempt(&self.engine, self.spec, self.effect, control) {
                    Some(attempt) => run_inline(attempt).await,
                    None => {
                        let error = TaskError::permanent("unknown_kind", unknown);
                        return AttemptResult::Failed { error };
                    }
                }
            }
        };
        if let Some(timer) = timer {
            timer.abort();
        }
        report.result
    }

    /// What to ask if the worker dies in the middle of a task that must not happen twice.
    fn question(&self) -> Option<Question> {
        let entry = self.engine.options.catalog.entry(&self.spec.kind)?;
        (self.effect == EffectClass::Once).then(|| Question {
            kind: entry.kind.clone(),
            ctx: ProbeContext {
                run: self.spec.run.clone(),
                base_dir: self.spec.base_dir.clone(),
                env: self.spec.env.clone(),
                secrets: self.spec.secrets.clone(),
            },
            params: self.spec.params.clone(),
        })
    }
}

/// An attempt for a thread of this process; `None` when its kind is not at hand.
pub(super) fn inline_attempt(
    engine: &Engine,
    spec: AttemptSpec,
    effect: EffectClass,
    control: AttemptControl,
) -> Option<InlineAttempt> {
    let options = &engine.options;
    Some(InlineAttempt {
        kind: options.catalog.entry(&spec.kind)?.kind.clone(),
        spec,
        host: Arc::clone(&options.host),
        artifacts: options.artifacts.clone(),
        keeps_outcome: effect == EffectClass::Once,
        control,
    })
}

/// What to ask a kind about an attempt.
struct Question {
    kind: Arc<dyn Kind>,
    ctx: ProbeContext,
    params: Value,
}

/// The result of an attempt, or what its kind found out when its worker died.
async fn asked(result: AttemptResult, question: Option<Question>) -> AttemptResult {
    let (AttemptResult::Crashed { .. }, Some(Question { kind, ctx, params })) = (&result, question) else {
        return result;
    };
    let found = tokio::task::spawn_blocking(move || probe(kind.as_ref(), &ctx, &params)).await;
    found.ok().flatten().unwrap_or(result)
}
