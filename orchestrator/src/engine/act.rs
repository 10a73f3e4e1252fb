//! The driver's hands: preparing tasks, starting and stopping attempts, setting timers.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sluicegate_plugin::{AttemptSpec, Effect as EffectClass, Kind, Placement, ProbeContext, TaskError};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{
    Engine, Update,
    driver::{Driver, Message},
    nested::{self, NestedAttempt},
    prepare::{AttemptNames, Begun, Claim, Preparation, attempt_dir},
    recover::{Adopted, Remains, probe},
};
use crate::{
    run::{AttemptResult, Effect, Event, EventRecord, Input},
    worker::{
        AttemptControl, AttemptReport, CancelHandle, InlineAttempt, OnProgress, StopReason, run_inline,
        tidy_attempt,
    },
    workflow::TaskIdx,
    world::{fraction, new_run_id},
};

/// What came of preparing a task on a thread of its own, also when that panicked.
fn settled(done: Result<Preparation, JoinError>) -> Preparation {
    done.unwrap_or_else(|panic| {
        Preparation::broken(TaskError::permanent("panic", format!("preparing the task panicked: {panic}")))
    })
}

impl Driver {
    /// Performs effects; true when the run is at its end.
    pub(super) fn act(&mut self, effects: Vec<Effect>) -> bool {
        let mut finished = false;
        for effect in effects {
            match effect {
                Effect::Prepare { task } => {
                    if let Some(input) = self.start_preparing(task) {
                        let _ = self.inbox.send(Message::Input(input));
                    }
                }
                Effect::StartAttempt { task, attempt } => self.start_attempt(task, attempt),
                Effect::StopAttempt { task } => {
                    if let Some(handle) = self.running.get(&task) {
                        handle.stop(StopReason::Cancelled);
                    }
                }
                Effect::Finish => finished = true,
                // The driver has seen to these when it decided.
                Effect::Again | Effect::WakeAt { .. } => {}
            }
        }
        finished
    }

    /// Takes the preparations out of `effects` and does them. What is quick comes back as inputs; the rest reports to the inbox.
    pub(super) fn prepare(&mut self, effects: &mut Vec<Effect>) -> Vec<Input> {
        let tasks: Vec<_> = effects
            .extract_if(.., |effect| matches!(effect, Effect::Prepare { .. }))
            .filter_map(|effect| if let Effect::Prepare { task } = effect { Some(task) } else { None })
            .collect();
        tasks.into_iter().filter_map(|task| self.start_preparing(task)).collect()
    }

    fn start_preparing(&mut self, task: TaskIdx) -> Option<Input> {
        let preparer = Arc::clone(&self.engine.preparer);
        let world = self.engine.options.world.as_ref();
        let child = self.run.task(task).nested.as_ref().map(|_| new_run_id(world));
        let names = AttemptNames { attempt_id: format!("{:032x}", world.random()), child };
        let draft = match preparer.begin(Claim::of(&self.run, task, &preparer, names)) {
            Begun::Done(done) => return Some(self.prepared(task, *done)),
            Begun::Slow(draft) => draft,
        };
        let inbox = self.inbox.clone();
        let preparing = tokio::task::spawn_blocking(move || preparer.complete(*draft));
        tokio::spawn(async move {
            let _ = inbox.send(Message::Prepared(task, Box::new(settled(preparing.await))));
        });
        None
    }

    fn start_attempt(&mut self, task: TaskIdx, attempt: u32) {
        let Some(spec) = self.specs.remove(&task) else { return };
        let definition = self.run.task(task);
        let (control, handle) = AttemptControl::new(self.progress_of(task));
        self.running.insert(task, handle.clone());
        let nested = definition.nested.as_deref().zip(self.run.record(task).child).map(|(nested, child)| {
            NestedAttempt {
                engine: self.engine.clone(),
                nested: nested.clone(),
                spec: spec.clone(),
                parent: self.run.id(),
                child,
                use_cache: self.run.uses_cache(),
            }
        });
        let placed = PlacedAttempt {
            engine: self.engine.clone(),
            placement: definition.placement,
            effect: definition.effect,
            timeout: definition.timeout,
            nested,
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
        let Adopted { open, remains } = adopted;
        let (control, handle) = AttemptControl::new(self.progress_of(open.task));
        self.running.insert(open.task, handle.clone());
        if self.run.cancel_reason().is_some() && self.run.task(open.task).hook.is_none() {
            // The orchestrator died while it cancelled the run.
            handle.stop(StopReason::Cancelled);
        }
        let world = &self.engine.options.world;
        let since = match &remains {
            Remains::Worker(orphan) => orphan.since(),
            Remains::Run(handle) => handle.created_at,
        };
        let (random, elapsed) = (fraction(world.as_ref()), world.now().seconds_since(since));
        let (grace, inbox) = (self.engine.options.pool.grace(), self.inbox.clone());
        tokio::spawn(async move {
            let timer = open.timeout.map(|after| stop_after(handle, after, after - elapsed));
            let result = match remains {
                Remains::Worker(orphan) => {
                    orphan.adopt(open.folder.clone(), open.attempt_id, control, grace).await.result
                }
                Remains::Run(run) => nested::follow(*run, control).await,
            };
            if let Some(timer) = timer {
                timer.abort();
            }
            let _ = tokio::fs::remove_dir_all(open.folder.join("out")).await;
            let (task, attempt) = (open.task, open.attempt);
            let _ = inbox.send(Message::Input(Input::AttemptFinished { task, attempt, result, random }));
        });
    }

    fn progress_of(&self, task: TaskIdx) -> OnProgress {
        let updates: mpsc::UnboundedSender<Update> = self.updates.clone();
        Box::new(move |fraction, note| {
            let _ = updates.send(Update::Progress { task, fraction, note: note.into() });
        })
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
    nested: Option<NestedAttempt>,
    spec: AttemptSpec,
}

impl PlacedAttempt {
    /// Runs the attempt to its end, at the latest when its timeout stops it.
    async fn run(self, control: AttemptControl, handle: CancelHandle) -> AttemptResult {
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
                let Some(entry) = options.catalog.entry(&self.spec.kind) else {
                    let message = format!("kind `{}` is not at hand", self.spec.kind);
                    return AttemptResult::Failed { error: TaskError::permanent("unknown_kind", message) };
                };
                run_inline(InlineAttempt {
                    kind: entry.kind.clone(),
                    spec: self.spec,
                    host: Arc::clone(&options.host),
                    artifacts: options.artifacts.clone(),
                    keeps_outcome: self.effect == EffectClass::Once,
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
