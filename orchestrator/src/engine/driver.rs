//! The driver of one run. Collects inputs, lets the run decide, remembers, tells, acts; in that order.

use std::{collections::BTreeMap, sync::Arc};

use sluicegate_plugin::{AttemptSpec, Placement};
use tokio::sync::mpsc;

use super::{Engine, EngineError, TaskNews, Update, prepare::Preparation};
use crate::{
    failpoint,
    run::{EVENT_VERSION, Effect, Event, EventRecord, Input, Run, Step, Timestamp},
    store::Commit,
    worker::CancelHandle,
    workflow::TaskIdx,
};

/// At most so many inputs are decided in one turn, so that one commit stays small.
const MAX_TURN: usize = 256;

/// At most so many times tasks are prepared in one turn.
const MAX_ROUNDS: usize = 64;

/// What reaches a driver.
pub(super) enum Message {
    /// An input for the run.
    Input(Input),
    /// A prepared task, with the attempt's specification when it must run.
    Prepared(TaskIdx, Box<Preparation>),
    /// Something that the run may wait for has changed.
    Look,
    /// The orchestrator leaves: nothing new is started, and what runs in workers is left to the next one.
    Leave,
}

/// Drives one run.
pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) run: Run,
    pub(super) inbox: mpsc::UnboundedSender<Message>,
    messages: mpsc::UnboundedReceiver<Message>,
    pub(super) updates: mpsc::UnboundedSender<Update>,
    /// Specifications of prepared attempts, until they start.
    pub(super) specs: BTreeMap<TaskIdx, AttemptSpec>,
    /// How to stop running attempts.
    pub(super) running: BTreeMap<TaskIdx, CancelHandle>,
    /// When the run looks again although nothing happened.
    wake: Option<Timestamp>,
    /// Whether other runs can hold what this one claims.
    shares: bool,
    /// Whether the orchestrator leaves.
    leaving: bool,
}

/// What one turn of the loop decided.
#[derive(Default)]
struct Turn {
    /// What has to be remembered.
    records: Vec<EventRecord>,
    effects: Vec<Effect>,
}

impl Driver {
    pub(super) fn new(
        engine: Engine,
        run: Run,
        inbox: mpsc::UnboundedSender<Message>,
        messages: mpsc::UnboundedReceiver<Message>,
        updates: mpsc::UnboundedSender<Update>,
    ) -> Self {
        let shares = run.workflow().tasks.iter().any(|task| task.pool.is_some() || task.mutex.is_some());
        if shares {
            engine.slots.enter(&run, inbox.clone());
        }
        let (specs, running) = (BTreeMap::new(), BTreeMap::new());
        Self { engine, run, inbox, messages, updates, specs, running, wake: None, shares, leaving: false }
    }

    /// Drives the run to its end.
    pub(super) async fn run(mut self) -> Result<Run, EngineError> {
        let ended = self.turns().await;
        if self.shares {
            self.engine.slots.leave(self.run.id());
        }
        ended.map(|()| self.run)
    }

    /// The loop. An error ends it: what was not remembered did not happen, and the next start goes on from there.
    async fn turns(&mut self) -> Result<(), EngineError> {
        loop {
            let inputs = self.next_inputs().await;
            let mut turn = self.decide(&inputs);
            if !self.leaving {
                self.prepare_ahead(&mut turn);
            }
            failpoint::pass("engine.commit.before");
            let Turn { records, effects } = turn;
            let records = self.remember(records).await?;
            failpoint::pass("engine.commit.after");
            self.tidy(&records);
            self.tell(records);
            let is_over = self.act(effects);
            failpoint::pass("engine.act.after");
            if is_over {
                return Ok(());
            }
            if self.leaving && !self.has_inline_attempts() {
                return Err(EngineError::Left(self.run.id()));
            }
        }
    }

    /// Waits for one message, or until it is time to look again, and takes what else is there.
    async fn next_inputs(&mut self) -> Vec<Input> {
        let mut batch = Vec::new();
        let messages = self.messages.recv_many(&mut batch, MAX_TURN);
        match self.wake {
            Some(at) => {
                let wait = at.seconds_since(self.engine.options.world.now());
                let _ = tokio::time::timeout(std::time::Duration::from_secs_f64(wait), messages).await;
            }
            None => drop(messages.await),
        }
        let mut inputs = Vec::with_capacity(batch.len());
        for message in batch {
            match message {
                Message::Input(input) => inputs.push(input),
                Message::Prepared(task, preparation) => inputs.push(self.prepared(task, *preparation)),
                Message::Look => {}
                Message::Leave => self.leaving = true,
            }
        }
        if self.leaving {
            // What is claimed and not begun is ready again for the next orchestrator.
            inputs.retain(|input| !matches!(input, Input::Prepared { .. }));
            self.wake = None;
        }
        inputs
    }

    /// Tells whether attempts run on threads of this process, which nobody can take over.
    fn has_inline_attempts(&self) -> bool {
        self.running.keys().any(|task| {
            let definition = self.run.task(*task);
            definition.placement == Placement::Inline && definition.nested.is_none()
        })
    }

    /// Prepares claimed tasks before the commit, because preparing only reads: what is done soon shares the commit. A task that
    /// the cache serves may free others, so this goes round several times.
    fn prepare_ahead(&mut self, turn: &mut Turn) {
        for _ in 0..MAX_ROUNDS {
            let prepared = self.prepare(&mut turn.effects);
            if prepared.is_empty() {
                return;
            }
            let next = self.decide(&prepared);
            turn.records.extend(next.records);
            turn.effects.extend(next.effects);
        }
    }

    /// Keeps the specification of a prepared attempt until it starts.
    pub(super) fn prepared(&mut self, task: TaskIdx, preparation: Preparation) -> Input {
        let Preparation { prepared, spec } = preparation;
        if let Some(spec) = spec {
            self.specs.insert(task, spec);
        }
        Input::Prepared { task, prepared: Box::new(prepared) }
    }

    /// Lets the run decide about each input, and then what can go on, and become what it decided. Nothing outside sees this before it is
    /// durable.
    fn decide(&mut self, inputs: &[Input]) -> Turn {
        let now = self.engine.options.world.now();
        let mut turn = Turn::default();
        for input in inputs {
            if let Input::AttemptFinished { task, .. } = input {
                self.running.remove(task);
            }
            let step = self.run.step(input, now);
            self.absorb(step, now, &mut turn);
        }
        while !self.leaving && self.dispatch(now, &mut turn) {}
        turn
    }

    /// Lets the run decide what can go on; true when it should be asked once more. Runs that share pools claim one after the other.
    fn dispatch(&mut self, now: Timestamp, turn: &mut Turn) -> bool {
        self.wake = None;
        if !self.shares {
            let step = self.run.step(&Input::Dispatch { free: BTreeMap::new() }, now);
            return self.absorb(step, now, turn);
        }
        let slots = Arc::clone(&self.engine.slots);
        let mut claiming = slots.lock();
        let step = self.run.step(&Input::Dispatch { free: claiming.free_for(&self.run) }, now);
        let again = self.absorb(step, now, turn);
        claiming.note(&self.run);
        again
    }

    /// Becomes what a step says, and keeps what has to be remembered and done; true when the run wants to be asked once more.
    fn absorb(&mut self, step: Step, now: Timestamp, turn: &mut Turn) -> bool {
        for event in step.events {
            let seq = self.run.n_events();
            self.run.apply(&event, now);
            if event.is_durable() {
                turn.records.push(EventRecord { v: EVENT_VERSION, seq, at: now, event });
            }
        }
        let mut again = false;
        for effect in step.effects {
            match effect {
                Effect::Again => again = true,
                Effect::WakeAt { at } => self.wake = Some(at),
                effect => turn.effects.push(effect),
            }
        }
        again
    }

    /// Makes events durable, and gives them back.
    async fn remember(&self, records: Vec<EventRecord>) -> Result<Vec<EventRecord>, EngineError> {
        if records.is_empty() {
            return Ok(records);
        }
        let cache = records
            .iter()
            .filter_map(|record| match record.event {
                Event::AttemptFinished { task, .. } => self.run.cache_entry(task),
                _ => None,
            })
            .collect();
        let commit = Commit { run: self.run.id(), records, row: self.run.row(), cache };
        self.engine.commit(&commit).await?;
        Ok(commit.records)
    }

    /// Tells those who follow the run, if anyone does.
    fn tell(&self, records: Vec<EventRecord>) {
        let records: Vec<_> = records.into_iter().map(Arc::new).collect();
        self.engine.hub.tell(&self.run, &records);
        if self.updates.is_closed() {
            return;
        }
        for record in records {
            let task = record.event.task().map(|idx| {
                let (name, record) = (self.run.task(idx).name.clone(), self.run.record(idx).clone());
                Box::new(TaskNews { idx, name, record })
            });
            let _ = self.updates.send(Update::Event { record, task });
        }
    }
}
