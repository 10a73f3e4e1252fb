//! The driver's hands: preparing tasks, starting and stopping attempts, watching over those it took over.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use sluicegate_plugin::{Placement, TaskError};
use tokio::{sync::mpsc, task::JoinError};

use super::{
    Update,
    driver::{Driver, Message},
    nested::{self, NestedAttempt},
    placed::{PlacedAttempt, inline_attempt, stop_after},
    prepare::{AttemptNames, Begun, Claim, Preparation, attempt_dir},
    recover::{Adopted, Remains},
};
use crate::{
    run::{AttemptResult, Effect, Event, EventRecord, Input, TaskState},
    worker::{AttemptControl, OnProgress, PATIENCE, StopReason, start_inline, tidy_attempt},
    workflow::TaskIdx,
    world::{fraction, new_run_id},
};

/// What came of preparing a task on a thread of its own, also when that panicked.
fn settled(done: Result<Preparation, JoinError>) -> Preparation {
    done.unwrap_or_else(|panic| {
        Preparation::broken(TaskError::permanent("panic", format!("preparing the task panicked: {panic}")))
    })
}

fn panicked() -> TaskError {
    TaskError::permanent("panic", "preparing the task panicked")
        .hint("this is a mistake in the kind; please report it")
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
                    self.give_up_later(task);
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
        let earlier = self.run.record(task).child;
        let child = self.run.task(task).nested.as_ref().map(|_| earlier.unwrap_or_else(|| new_run_id(world)));
        let names = AttemptNames { attempt_id: format!("{:032x}", world.random()), child };
        let claim = Claim::of(&self.run, task, &preparer, names);
        // A kind that panics must not take the run with it.
        let begun = catch_unwind(AssertUnwindSafe(|| preparer.begin(claim)));
        let draft = match begun.unwrap_or_else(|_| Begun::Done(Box::new(Preparation::broken(panicked())))) {
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
        let reports_itself = definition.nested.is_none() && definition.timeout.is_none();
        let is_at_hand = self.engine.options.catalog.entry(&definition.kind).is_some();
        if definition.placement == Placement::Inline && reports_itself && is_at_hand {
            let inbox = self.inbox.clone();
            let random = fraction(self.engine.options.world.as_ref());
            let done = move |result| {
                let _ = inbox.send(Message::Input(Input::AttemptFinished { task, attempt, result, random }));
            };
            if let Some(here) = inline_attempt(&self.engine, spec, definition.effect, control) {
                start_inline(here, done);
            }
            return;
        }
        let nested = definition.nested.as_deref().zip(self.run.record(task).child).map(|(nested, child)| {
            NestedAttempt {
                engine: self.engine.clone(),
                nested: nested.clone(),
                spec: spec.clone(),
                parent: self.run.id(),
                cause: self.run.cause().cloned(),
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

    /// Counts an inline attempt as stopped when it does not end although it was asked to; it cannot be killed.
    fn give_up_later(&self, task: TaskIdx) {
        let TaskState::Running { attempt } = self.run.record(task).state else { return };
        let definition = self.run.task(task);
        if definition.placement != Placement::Inline || definition.nested.is_some() {
            return;
        }
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            let result = AttemptResult::Cancelled;
            let _ = inbox.send(Message::Input(Input::AttemptFinished { task, attempt, result, random: 0.0 }));
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
        let (hub, run, name) =
            (Arc::clone(&self.engine.hub), self.run.id(), self.run.task(task).name.clone());
        Box::new(move |fraction, note| {
            hub.tell_progress(run, task, &name, fraction, note);
            if updates.is_closed() {
                return;
            }
            let _ = updates.send(Update::Progress { task, fraction, note: note.into() });
        })
    }
}
