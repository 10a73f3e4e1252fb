//! The driver of one run. Collects inputs, lets the run decide, remembers, tells, acts; in that order.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use sluicegate_plugin::{AttemptSpec, Host};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    EngineError,
    prepare::{Preparation, Preparer},
    recover::Adopted,
};
use crate::{
    artifact::ArtifactStore,
    catalog::Catalog,
    run::{EVENT_VERSION, Effect, Event, EventRecord, Input, Owner, Run, RunRow},
    store::{Commit, Store},
    worker::{CancelHandle, WorkerPool},
    workflow::{TaskIdx, Workflow},
    world::{World, new_run_id},
};

/// At most so many inputs are decided in one turn, so that one commit stays small.
const MAX_TURN: usize = 256;

/// At most so many times tasks are prepared in one turn.
const MAX_ROUNDS: usize = 64;

/// What an engine works with.
pub struct EngineOptions {
    /// The folder of the state.
    pub home: PathBuf,
    /// The store.
    pub store: Store,
    /// The artifacts.
    pub artifacts: ArtifactStore,
    /// The worker processes.
    pub pool: WorkerPool,
    /// The kinds.
    pub catalog: Arc<Catalog>,
    /// What inline kinds may use.
    pub host: Arc<dyn Host>,
    /// Time and chance.
    pub world: Arc<dyn World>,
    /// This process.
    pub owner: Owner,
    /// Tasks at a time in workflows that do not say.
    pub max_parallel: usize,
}

/// Starts runs and drives them. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) options: Arc<EngineOptions>,
}

/// What to run.
pub struct StartRequest {
    /// The checked workflow.
    pub workflow: Workflow,
    /// Its folder.
    pub base_dir: PathBuf,
    /// Its file, as the caller named it.
    pub file: PathBuf,
    /// False to run every task anew.
    pub use_cache: bool,
}

/// News of a run, after they are durable.
#[derive(Clone, Debug)]
pub enum Update {
    /// Something happened.
    Event(Arc<EventRecord>),
    /// A running task says how far it is.
    Progress {
        /// The task.
        task: TaskIdx,
        /// From 0 to 1; NaN when unknown.
        fraction: f64,
        /// A note for people.
        note: String,
    },
}

/// A run that is being driven.
pub struct RunHandle {
    /// The run as it was when this handle was made; `updates` are what happened since.
    pub run: Run,
    /// Tasks whose attempts went on without an orchestrator and were taken over.
    pub adopted: Vec<TaskIdx>,
    /// Its news, in order; ends with the run.
    pub updates: mpsc::UnboundedReceiver<Update>,
    inbox: mpsc::UnboundedSender<Message>,
    done: oneshot::Receiver<Result<Run, EngineError>>,
}

impl RunHandle {
    /// Asks for the run's end; says who or why.
    pub fn cancel(&self, reason: &str) {
        let _ = self.inbox.send(Message::Input(Input::Cancel { reason: reason.into() }));
    }

    /// Waits for the run's end.
    pub async fn wait(self) -> Result<Run, EngineError> {
        self.done.await.unwrap_or_else(|_| Err(EngineError::Thread("the driver of the run".into())))
    }
}

/// What reaches a driver.
pub(super) enum Message {
    /// An input for the run.
    Input(Input),
    /// A prepared task, with the attempt's specification when it must run.
    Prepared(TaskIdx, Box<Preparation>),
}

impl Engine {
    /// An engine over a store.
    pub fn new(options: EngineOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// Records a run and drives it in the background.
    pub async fn start(&self, request: StartRequest) -> Result<RunHandle, EngineError> {
        let world = self.options.world.as_ref();
        let mut workflow = request.workflow;
        workflow.max_parallel.get_or_insert(self.options.max_parallel);
        let created = Event::RunCreated {
            workflow: Box::new(workflow),
            base_dir: request.base_dir,
            file: request.file,
            use_cache: request.use_cache,
            owner: self.options.owner.clone(),
        };
        let (id, at) = (new_run_id(world), world.now());
        let run = Run::create(id, &created, at).expect("the event is the one that creates a run");
        let record = EventRecord { v: EVENT_VERSION, seq: 0, at, event: created };
        self.commit(Commit { run: id, records: vec![record], row: run.row(), cache: Vec::new() }).await?;
        Ok(self.drive(run, Vec::new(), Vec::new()))
    }

    /// Drives a run in the background, beginning with inputs and with attempts that run already.
    pub(super) fn drive(&self, run: Run, inputs: Vec<Input>, adopted: Vec<Adopted>) -> RunHandle {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (updates_tx, updates) = mpsc::unbounded_channel();
        let (done_tx, done) = oneshot::channel();
        for input in inputs.into_iter().chain([Input::Dispatch]) {
            let _ = inbox.send(Message::Input(input));
        }
        let begun = run.clone();
        let mut driver = Driver {
            engine: self.clone(),
            run,
            inbox: inbox.clone(),
            messages,
            updates: updates_tx,
            specs: BTreeMap::new(),
            running: BTreeMap::new(),
            timer: None,
        };
        let taken_over = adopted.iter().map(|adopted| adopted.open.task).collect();
        for adopted in adopted {
            driver.take_over(adopted);
        }
        tokio::spawn(async move {
            let _ = done_tx.send(driver.run().await);
        });
        RunHandle { run: begun, adopted: taken_over, updates, inbox, done }
    }

    /// Makes events durable.
    pub(super) async fn commit(&self, commit: Commit) -> Result<(), EngineError> {
        let (tx, rx) = oneshot::channel();
        self.options.store.commit_then(
            commit,
            Box::new(move |result| {
                let _ = tx.send(result);
            }),
        );
        rx.await
            .map_err(|_| EngineError::Thread("the writer of the store".into()))?
            .map_err(EngineError::Store)
    }

    /// Ends the workers. Runs that still go on are lost to this process.
    pub async fn shutdown(&self) {
        self.options.pool.shutdown().await;
    }

    pub(super) fn preparer(&self) -> Preparer {
        Preparer {
            store: self.options.store.clone(),
            artifacts: self.options.artifacts.clone(),
            catalog: self.options.catalog.clone(),
            home: self.options.home.clone(),
        }
    }
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
    /// Wakes the run when the next wait is over.
    pub(super) timer: Option<JoinHandle<()>>,
}

/// What one turn of the loop decided.
struct Turn {
    records: Vec<EventRecord>,
    row: RunRow,
    effects: Vec<Effect>,
}

impl Turn {
    /// Adds what was decided next.
    fn extend(&mut self, next: Self) {
        self.records.extend(next.records);
        self.row = next.row;
        self.effects.extend(next.effects);
    }
}

impl Driver {
    /// The loop. An error ends it: what was not remembered did not happen, and the next start goes on from there.
    async fn run(mut self) -> Result<Run, EngineError> {
        loop {
            let inputs = self.next_inputs().await;
            let mut turn = self.decide(&inputs);
            self.prepare_ahead(&mut turn).await;
            self.remember(&turn).await?;
            self.tidy(&turn.records);
            self.tell(turn.records);
            if self.act(turn.effects) {
                return Ok(self.run);
            }
        }
    }

    /// Waits for one message and takes what else is there.
    async fn next_inputs(&mut self) -> Vec<Input> {
        let mut batch = Vec::new();
        self.messages.recv_many(&mut batch, MAX_TURN).await;
        let mut inputs = Vec::with_capacity(batch.len() + 1);
        for message in batch {
            inputs.push(match message {
                Message::Input(input) => input,
                Message::Prepared(task, preparation) => self.prepared(task, *preparation),
            });
        }
        inputs.push(Input::Dispatch);
        inputs
    }

    /// Prepares claimed tasks before the commit, because preparing only reads: what is done soon shares the commit. A task that
    /// the cache serves may free others, so this goes round several times.
    async fn prepare_ahead(&mut self, turn: &mut Turn) {
        for _ in 0..MAX_ROUNDS {
            let mut prepared = self.prepare(&mut turn.effects).await;
            if prepared.is_empty() {
                return;
            }
            prepared.push(Input::Dispatch);
            turn.extend(self.decide(&prepared));
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

    /// Lets the run decide about each input and become what it decided. Nothing outside sees this before it is durable.
    fn decide(&mut self, inputs: &[Input]) -> Turn {
        let now = self.engine.options.world.now();
        let mut turn = Turn { records: Vec::new(), row: self.run.row(), effects: Vec::new() };
        for input in inputs {
            if let Input::AttemptFinished { task, .. } = input {
                self.running.remove(task);
            }
            let step = self.run.step(input, now);
            for event in step.events {
                let seq = self.run.n_events();
                self.run.apply(&event, now);
                turn.records.push(EventRecord { v: EVENT_VERSION, seq, at: now, event });
            }
            turn.effects.extend(step.effects);
        }
        turn.row = self.run.row();
        turn
    }

    async fn remember(&self, turn: &Turn) -> Result<(), EngineError> {
        let records: Vec<_> =
            turn.records.iter().filter(|record| record.event.is_durable()).cloned().collect();
        if records.is_empty() {
            return Ok(());
        }
        let cache = records
            .iter()
            .filter_map(|record| match record.event {
                Event::AttemptFinished { task, .. } => self.run.cache_entry(task),
                _ => None,
            })
            .collect();
        self.engine.commit(Commit { run: self.run.id(), records, row: turn.row.clone(), cache }).await
    }

    fn tell(&self, records: Vec<EventRecord>) {
        for record in records {
            let _ = self.updates.send(Update::Event(Arc::new(record)));
        }
    }
}
