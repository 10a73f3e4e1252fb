//! The driver's hands: preparing tasks, starting and stopping attempts, setting timers.

use std::{sync::Arc, time::Duration};

use sluicegate_plugin::{AttemptSpec, Placement, TaskError};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{
    driver::{Driver, Engine, Message, Update},
    prepare::{Claim, Preparation, attempt_dir},
    recover::Adopted,
};
use crate::{
    run::{AttemptResult, Effect, Event, EventRecord, Input, Prepared, Timestamp},
    worker::{AttemptControl, CancelHandle, InlineAttempt, OnProgress, StopReason, run_inline, tidy_attempt},
    workflow::TaskIdx,
    world::fraction,
};

/// How long a turn waits for tasks that are being prepared: less than a commit takes.
const SOON: Duration = Duration::from_millis(1);

/// What came of preparing a task, also when that panicked.
fn settled(done: Result<Preparation, JoinError>) -> Preparation {
    done.unwrap_or_else(|panic| Preparation {
        prepared: Prepared::Broken {
            error: TaskError::permanent("panic", format!("preparing the task panicked: {panic}")),
        },
        spec: None,
    })
}

impl Driver {
    /// Performs effects; true when the run is at its end.
    pub(super) fn act(&mut self, effects: Vec<Effect>) -> bool {
        let mut finished = false;
        for effect in effects {
            match effect {
                Effect::Prepare { task } => self.report_later(task, self.start_preparing(task)),
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

    /// Takes the preparations out of `effects` and starts them. Those that are done soon come back as inputs; the others report
    /// to the inbox.
    pub(super) async fn prepare(&mut self, effects: &mut Vec<Effect>) -> Vec<Input> {
        let tasks: Vec<_> = effects
            .extract_if(.., |effect| matches!(effect, Effect::Prepare { .. }))
            .filter_map(|effect| if let Effect::Prepare { task } = effect { Some(task) } else { None })
            .collect();
        let started: Vec<_> = tasks.into_iter().map(|task| (task, self.start_preparing(task))).collect();
        let mut inputs = Vec::with_capacity(started.len());
        let deadline = tokio::time::Instant::now() + SOON;
        for (task, mut handle) in started {
            if let Ok(done) = tokio::time::timeout_at(deadline, &mut handle).await {
                inputs.push(self.prepared(task, settled(done)));
            } else {
                self.report_later(task, handle);
            }
        }
        inputs
    }

    fn report_later(&self, task: TaskIdx, preparing: JoinHandle<Preparation>) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let _ = inbox.send(Message::Prepared(task, Box::new(settled(preparing.await))));
        });
    }

    fn start_preparing(&self, task: TaskIdx) -> JoinHandle<Preparation> {
        let preparer = self.engine.preparer();
        let attempt_id = format!("{:032x}", self.engine.options.world.random());
        let claim = Claim::of(&self.run, task, &preparer, attempt_id);
        tokio::task::spawn_blocking(move || preparer.prepare(claim))
    }

    fn start_attempt(&mut self, task: TaskIdx, attempt: u32) {
        let Some(spec) = self.specs.remove(&task) else { return };
        let definition = self.run.task(task);
        let (control, handle) = AttemptControl::new(self.progress_of(task));
        self.running.insert(task, handle.clone());
        let placed = PlacedAttempt {
            engine: self.engine.clone(),
            placement: definition.placement,
            effect: definition.effect,
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

    /// Tells the workers which results are durable now, so that they need not remember them, and removes what attempts left that did
    /// not end in order or kept their outcome in a file.
    pub(super) fn tidy(&self, records: &[EventRecord]) {
        let ended: Vec<_> = records
            .iter()
            .filter_map(|record| match &record.event {
                Event::AttemptFinished { task, attempt, result, .. } => Some((*task, *attempt, result)),
                _ => None,
            })
            .collect();
        let home = &self.engine.options.home;
        let folders: Vec<_> =
            ended.iter().map(|(task, attempt, _)| attempt_dir(home, &self.run, *task, *attempt)).collect();
        self.engine.options.pool.kept(&folders);
        let in_order = |result: &AttemptResult| {
            matches!(result, AttemptResult::Succeeded { .. } | AttemptResult::Failed { .. })
        };
        let left_behind: Vec<_> = ended
            .iter()
            .zip(folders)
            .filter(|((.., result), folder)| !in_order(result) || folder.exists())
            .map(|(_, folder)| folder)
            .collect();
        if !left_behind.is_empty() {
            tokio::task::spawn_blocking(move || left_behind.iter().for_each(|folder| tidy_attempt(folder)));
        }
    }

    /// Watches over an attempt that an earlier orchestrator started.
    pub(super) fn take_over(&mut self, adopted: Adopted) {
        let Adopted { open, orphan } = adopted;
        let (control, handle) = AttemptControl::new(self.progress_of(open.task));
        self.running.insert(open.task, handle.clone());
        if self.run.cancel_reason().is_some() {
            // The orchestrator died while it cancelled the run.
            handle.stop(StopReason::Cancelled);
        }
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

    /// Sets the run's one timer. Every turn ends with a look at all that waits, so the latest time is the right one.
    fn wake_at(&mut self, at: Timestamp) {
        let now = self.engine.options.world.now();
        let inbox = self.inbox.clone();
        let wait = Duration::from_secs_f64(at.seconds_since(now));
        let timer = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = inbox.send(Message::Input(Input::Dispatch));
        });
        if let Some(earlier) = self.timer.replace(timer) {
            earlier.abort();
        }
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
    effect: sluicegate_plugin::Effect,
    timeout: Option<f64>,
    spec: AttemptSpec,
}

impl PlacedAttempt {
    /// Runs the attempt to its end, at the latest when its timeout stops it.
    async fn run(self, control: AttemptControl, handle: CancelHandle) -> AttemptResult {
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
                    keeps_outcome: self.effect == sluicegate_plugin::Effect::Once,
                    control,
                })
                .await
            }
        };
        if let Some(timer) = timer {
            timer.abort();
        }
        report.result
    }
}
