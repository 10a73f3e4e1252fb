//! The driver's hands: preparing tasks, starting and stopping attempts, setting timers.

use std::{sync::Arc, time::Duration};

use sluicegate_plugin::{AttemptSpec, Placement, TaskError};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    driver::{Driver, Engine, Message, Update},
    prepare::{Claim, Preparation},
    recover::Adopted,
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

    /// Watches over an attempt that an earlier orchestrator started.
    pub(super) fn take_over(&mut self, adopted: Adopted) {
        let Adopted { open, orphan } = adopted;
        let (control, handle) = AttemptControl::new(self.progress_of(open.task));
        self.running.insert(open.task, handle.clone());
        let world = &self.engine.options.world;
        let (random, elapsed) = (fraction(world.as_ref()), world.now().seconds_since(orphan.since()));
        let (grace, inbox) = (self.engine.options.pool.grace(), self.inbox.clone());
        tokio::spawn(async move {
            let timer = open.timeout.map(|after| stop_after(handle, after, after - elapsed));
            let report = orphan.adopt(open.folder.clone(), open.attempt_id, control, grace).await;
            if let Some(timer) = timer {
                timer.abort();
            }
            let _ = tokio::fs::remove_dir_all(open.folder.join("out")).await;
            let (task, attempt, result) = (open.task, open.attempt, report.result);
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

/// Stops an attempt when its time, of which `left` seconds are left, is over.
fn stop_after(handle: CancelHandle, after: f64, left: f64) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::try_from_secs_f64(left).unwrap_or_default()).await;
        handle.stop(StopReason::TimedOut { after });
    })
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
        let timer = self.timeout.map(|after| stop_after(handle, after, after));
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
