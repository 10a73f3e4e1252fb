//! The driver's hands: preparing tasks, starting and stopping attempts, setting timers.

use std::{sync::Arc, time::Duration};

use sluicegate_plugin::{AttemptSpec, Placement, TaskError};
use tokio::sync::mpsc;

use super::{
    driver::{Driver, Engine, Message, Update},
    prepare::{Claim, Preparation},
};
use crate::{
    run::{AttemptResult, Effect, Input, Prepared, Timestamp},
    worker::{AttemptControl, CancelHandle, InlineAttempt, OnProgress, StopReason, run_inline},
    workflow::TaskIdx,
    world::fraction,
};

impl Driver {
    /// Performs effects; true when the run is at its end.
    pub(super) fn act(&mut self, effects: Vec<Effect>) -> bool {
        let mut finished = false;
        for effect in effects {
            match effect {
                Effect::Prepare { task } => self.prepare(task),
                Effect::StartAttempt { task, attempt } => self.start_attempt(task, attempt),
                Effect::StopAttempt { task } => {
                    if let Some(handle) = self.running.get(&task) {
                        handle.stop(StopReason::Cancelled);
                    }
                }
                Effect::WakeAt { at } => self.wake_at(at),
                Effect::Finish => finished = true,
            }
        }
        finished
    }

    fn prepare(&self, task: TaskIdx) {
        let preparer = self.engine.preparer();
        let attempt_id = format!("{:032x}", self.engine.options.world.random());
        let claim = Claim::of(&self.run, task, &preparer, attempt_id);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let preparation = tokio::task::spawn_blocking(move || preparer.prepare(claim)).await;
            let preparation = preparation.unwrap_or_else(|panic| Preparation {
                prepared: Prepared::Broken {
                    error: TaskError::permanent("panic", format!("preparing the task panicked: {panic}")),
                },
                spec: None,
            });
            let _ = inbox.send(Message::Prepared(task, Box::new(preparation)));
        });
    }

    fn start_attempt(&mut self, task: TaskIdx, attempt: u32) {
        let Some(spec) = self.specs.remove(&task) else { return };
        let definition = self.run.task(task);
        let (control, handle) = AttemptControl::new(self.progress_of(task));
        self.running.insert(task, handle.clone());
        let placed = PlacedAttempt {
            engine: self.engine.clone(),
            placement: definition.placement,
            timeout: definition.timeout,
            spec,
        };
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let random = fraction(placed.engine.options.world.as_ref());
            let result = placed.run(control, handle).await;
            let _ = inbox.send(Message::Input(Input::AttemptFinished { task, attempt, result, random }));
        });
    }

    fn progress_of(&self, task: TaskIdx) -> OnProgress {
        let updates: mpsc::UnboundedSender<Update> = self.updates.clone();
        Box::new(move |fraction, note| {
            let _ = updates.send(Update::Progress { task, fraction, note: note.into() });
        })
    }

    fn wake_at(&self, at: Timestamp) {
        let now = self.engine.options.world.now();
        let inbox = self.inbox.clone();
        let wait = Duration::from_secs_f64(at.seconds_since(now));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = inbox.send(Message::Input(Input::Dispatch));
        });
    }
}

/// An attempt with the place it runs in.
struct PlacedAttempt {
    engine: Engine,
    placement: Placement,
    timeout: Option<f64>,
    spec: AttemptSpec,
}

impl PlacedAttempt {
    /// Runs the attempt to its end, at the latest when its timeout stops it.
    async fn run(self, control: AttemptControl, handle: CancelHandle) -> AttemptResult {
        let staging = self.spec.attempt_dir.join("out");
        let timer = self.timeout.map(|after| {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs_f64(after)).await;
                handle.stop(StopReason::TimedOut { after });
            })
        });
        let options = self.engine.options.clone();
        let report = match self.placement {
            Placement::Worker => options.pool.execute(self.spec, control).await,
            Placement::Inline => {
                let Some(entry) = options.catalog.entry(&self.spec.kind) else {
                    let message = format!("kind `{}` is not at hand", self.spec.kind);
                    return AttemptResult::Failed { error: TaskError::permanent("unknown_kind", message) };
                };
                run_inline(InlineAttempt {
                    kind: entry.kind.clone(),
                    spec: self.spec,
                    host: Arc::clone(&options.host),
                    artifacts: options.artifacts.clone(),
                    control,
                })
                .await
            }
        };
        if let Some(timer) = timer {
            timer.abort();
        }
        // What is still staged belongs to an attempt that did not succeed.
        let _ = tokio::fs::remove_dir_all(staging).await;
        report.result
    }
}
