//! The engine: starts runs and drives them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use sluicegate_plugin::Host;
use tokio::sync::{mpsc, oneshot};

use super::{
    EngineError, RunHandle,
    crew::{Crew, Seat},
    driver::{Driver, Message},
    hub::Hub,
    prepare::Preparer,
    recover::Adopted,
    slots::Slots,
};
use crate::{
    artifact::ArtifactStore,
    catalog::Catalog,
    run::{Cause, EVENT_VERSION, Event, EventRecord, Input, Owner, Run, RunId, project_pool_key},
    store::{Commit, Store},
    worker::WorkerPool,
    workflow::Workflow,
    world::{World, new_run_id},
};

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
    /// Slots of the pools that all runs share, by name.
    pub pools: BTreeMap<String, u32>,
}

/// Starts runs and drives them. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) options: Arc<EngineOptions>,
    pub(super) preparer: Arc<Preparer>,
    pub(super) slots: Arc<Slots>,
    pub(super) crew: Arc<Crew>,
    pub(super) hub: Arc<Hub>,
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
    /// Who asked for it; empty when nobody did.
    pub started_by: String,
}

impl Engine {
    /// An engine over a store.
    pub fn new(options: EngineOptions) -> Self {
        let pools = options.pools.iter().map(|(name, slots)| (project_pool_key(name), *slots)).collect();
        let preparer = Preparer {
            store: options.store.clone(),
            artifacts: options.artifacts.clone(),
            catalog: options.catalog.clone(),
            home: options.home.clone(),
            world: options.world.clone(),
        };
        Self {
            options: Arc::new(options),
            preparer: Arc::new(preparer),
            slots: Arc::new(Slots::new(pools)),
            crew: Arc::default(),
            hub: Arc::default(),
        }
    }

    /// Records a run and drives it in the background.
    pub async fn start(&self, request: StartRequest) -> Result<RunHandle, EngineError> {
        self.start_with(new_run_id(self.options.world.as_ref()), request).await
    }

    /// The same under an id that the caller has chosen, so that it can say before the start which run it will be.
    pub async fn start_with(&self, id: RunId, request: StartRequest) -> Result<RunHandle, EngineError> {
        self.start_because(id, None, request, &[]).await
    }

    /// Records a run that a task of another one starts, for the same reason as that one, and drives it in the background.
    pub(super) async fn start_within(
        &self,
        id: RunId,
        parent: RunId,
        because: Option<Cause>,
        request: StartRequest,
    ) -> Result<RunHandle, EngineError> {
        self.begin(id, self.created(request, Some(parent), because), &[]).await
    }

    /// Records a run under the id that its schedule recorded for it, and drives it in the background. The caller knows that there is no
    /// such run yet.
    pub async fn start_for(
        &self,
        id: RunId,
        cause: Cause,
        request: StartRequest,
    ) -> Result<RunHandle, EngineError> {
        self.start_because(id, Some(cause), request, &[]).await
    }

    /// Records a run that belongs to a schedule, perhaps, with what is known of it from the beginning.
    pub(super) async fn start_because(
        &self,
        id: RunId,
        because: Option<Cause>,
        request: StartRequest,
        known: &[Event],
    ) -> Result<RunHandle, EngineError> {
        self.begin(id, self.created(request, None, because), known).await
    }

    /// Makes a run's first events durable, and drives it in the background.
    async fn begin(&self, id: RunId, created: Event, known: &[Event]) -> Result<RunHandle, EngineError> {
        let seat = self.crew.seat(id).await?;
        if self.options.store.row(id)?.is_some() {
            return Err(EngineError::Driven(id));
        }
        let at = self.options.world.now();
        let mut run = Run::create(id, &created, at).expect("the event is the one that creates a run");
        let mut records = vec![EventRecord { v: EVENT_VERSION, seq: 0, at, event: created }];
        for event in known {
            records.push(EventRecord { v: EVENT_VERSION, seq: run.n_events(), at, event: event.clone() });
            run.apply(event, at);
        }
        self.commit(&Commit { run: id, records, row: run.row(), cache: Vec::new() }).await?;
        Ok(self.drive(seat, run, Vec::new(), Vec::new()))
    }

    /// The event that creates a run; its plan is frozen in it.
    pub(super) fn created(
        &self,
        request: StartRequest,
        parent: Option<RunId>,
        cause: Option<Cause>,
    ) -> Event {
        let StartRequest { mut workflow, base_dir, file, use_cache, started_by } = request;
        workflow.max_parallel.get_or_insert(self.options.max_parallel);
        let (workflow, owner) = (Arc::new(workflow), self.options.owner.clone());
        Event::RunCreated { workflow, base_dir, file, use_cache, owner, parent, cause, started_by }
    }

    /// Drives a run in the background, beginning with inputs and with attempts that run already.
    pub(super) fn drive(&self, seat: Seat, run: Run, inputs: Vec<Input>, adopted: Vec<Adopted>) -> RunHandle {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (updates_tx, updates) = mpsc::unbounded_channel();
        let (done_tx, done) = oneshot::channel();
        for input in inputs {
            let _ = inbox.send(Message::Input(input));
        }
        let _ = inbox.send(Message::Look);
        let (id, workflow, created_at) = (run.id(), run.shared_workflow(), run.created_at());
        let name = |adopted: &Adopted| (adopted.open.task, run.task(adopted.open.task).name.clone());
        let taken_over = adopted.iter().map(name).collect();
        self.crew.enter(id, inbox.clone());
        let mut driver = Driver::new(self.clone(), run, inbox.clone(), messages, updates_tx);
        for adopted in adopted {
            driver.take_over(adopted);
        }
        let (crew, hub) = (Arc::clone(&self.crew), Arc::clone(&self.hub));
        tokio::spawn(async move {
            let ended = driver.run().await;
            if let Err(error) = &ended
                && !matches!(error, EngineError::Left(_))
            {
                tracing::error!("run {id} is not driven any more: {error}");
            }
            crew.leave(id);
            if let Ok(run) = &ended {
                hub.tell_end(run);
            }
            drop(seat);
            let _ = done_tx.send(ended);
        });
        RunHandle { id, workflow, created_at, adopted: taken_over, updates, inbox, done, ended: None }
    }

    /// Makes events durable.
    pub(super) async fn commit(&self, commit: &Commit) -> Result<(), EngineError> {
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
}
