//! Warm worker processes: one attempt at a time each, reused, replaced when they die.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sluicegate_plugin::AttemptSpec;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    AttemptControl, AttemptReport, StopReason,
    error::WorkerError,
    link::{Handover, Worker},
    receipts::Receipts,
    roster::{Roster, WorkerNews},
};
use crate::run::AttemptResult;

/// How long attempts that run while the pool is shut down may take to be cleared away.
const CLOSING: Duration = Duration::from_secs(10);

/// How long idle workers may take to end when the orchestrator leaves.
const PARTING: Duration = Duration::from_secs(1);

/// What a pool works with.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// The program that is the worker.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// At most so many workers.
    pub size: usize,
    /// The folder of the state.
    pub home: PathBuf,
    /// How long a task may take to stop before it is killed.
    pub grace: Duration,
}

/// Warm worker processes. Cheap to clone; the workers are killed when the last clone is dropped.
#[derive(Clone)]
pub struct WorkerPool {
    shared: Arc<Shared>,
}

struct Shared {
    options: PoolOptions,
    idle: Mutex<Vec<Worker>>,
    slots: Semaphore,
    phase: watch::Sender<Phase>,
    /// Tells workers that are dropped to go on alone.
    left: Arc<AtomicBool>,
    n_attempts: AtomicU64,
    receipts: Arc<Receipts>,
    roster: Roster,
}

/// What a pool does with attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It runs them.
    Open,
    /// It begins none any more; those that run are left to their workers.
    Leaving,
    /// It begins none any more, and has ended those that ran.
    Closed,
}

impl WorkerPool {
    /// A pool without workers; they start when they are needed.
    pub fn new(options: PoolOptions) -> Self {
        let shared = Shared {
            slots: Semaphore::new(options.size.max(1)),
            options,
            idle: Mutex::default(),
            phase: watch::Sender::new(Phase::Open),
            left: Arc::default(),
            n_attempts: AtomicU64::new(0),
            receipts: Arc::default(),
            roster: Roster::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How long a task may take to stop before it is killed.
    pub fn grace(&self) -> Duration {
        self.shared.options.grace
    }

    /// Starts workers ahead, so that at least `n_workers` (but never more than fit) are ready for the next tasks. A worker that
    /// cannot be started is left to the task that needs it, which says why.
    pub async fn warm(&self, n_workers: usize) {
        let mut starting = JoinSet::new();
        let n_missing = {
            let idle = self.idle();
            n_workers.min(self.shared.slots.available_permits()).saturating_sub(idle.len())
        };
        for _ in 0..n_missing {
            let pool = self.clone();
            starting.spawn(async move {
                // The slot is taken meanwhile, so that there are never more workers than slots.
                let Ok(_slot) = pool.shared.slots.try_acquire() else { return };
                match pool.start_worker().await {
                    Ok(worker) => pool.put_back(worker),
                    Err(error) => tracing::warn!("a worker could not be started ahead: {error}"),
                }
            });
        }
        starting.join_all().await;
    }

    /// Runs an attempt in a worker, to its end. Waits for a worker when all are busy.
    ///
    /// A stop is asked for politely first. A task that obeys within the pool's grace keeps its worker warm; any other is killed
    /// with everything it started.
    pub async fn execute(&self, spec: AttemptSpec, mut control: AttemptControl) -> AttemptReport {
        let mut phase = self.shared.phase.subscribe();
        tokio::select! {
            report = self.run(&spec, &mut control) => report,
            // What runs is dropped, and its worker killed.
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => AttemptReport::without_worker(AttemptResult::Cancelled),
        }
    }

    /// Says that the results of attempts are durable, by the attempts' folders, so that their workers need not remember them any more.
    /// Until then a worker writes a result to its file when its orchestrator is gone.
    pub fn kept(&self, attempt_dirs: &[PathBuf]) {
        self.shared.receipts.kept(attempt_dirs);
    }

    /// Ends all workers: idle ones in order, busy ones by force. Attempts that begin later are cancelled.
    pub async fn shutdown(&self) {
        self.shared.phase.send_replace(Phase::Closed);
        let n_slots = u32::try_from(self.shared.options.size.max(1)).unwrap_or(u32::MAX);
        let _all = timeout(CLOSING, self.shared.slots.acquire_many(n_slots)).await;
        let grace = self.shared.options.grace;
        let idle = std::mem::take(&mut *self.idle());
        idle.into_iter().map(|worker| worker.end(grace)).collect::<JoinSet<_>>().join_all().await;
    }

    /// Leaves: attempts that wait for a worker never happen, idle workers end, and busy ones go on alone once this process is gone.
    pub async fn leave(&self) {
        self.shared.left.store(true, Ordering::Release);
        self.shared.phase.send_replace(Phase::Leaving);
        let idle = std::mem::take(&mut *self.idle());
        idle.into_iter().map(|worker| worker.end(PARTING)).collect::<JoinSet<_>>().join_all().await;
    }

    fn is_leaving(&self) -> bool {
        *self.shared.phase.borrow() != Phase::Open
    }

    /// How many attempts run, and how many could run at a time.
    pub fn load(&self) -> (usize, usize) {
        let size = self.shared.options.size.max(1);
        (size - self.shared.slots.available_permits().min(size), size)
    }

    /// The workers that live, by their numbers, those that an earlier orchestrator left at work too. Reads files.
    pub fn workers(&self) -> Vec<WorkerNews> {
        let idle: Vec<_> = self.idle().iter().filter_map(Worker::id).collect();
        self.shared.roster.list(&self.shared.options.home, &idle)
    }

    async fn run(&self, spec: &AttemptSpec, control: &mut AttemptControl) -> AttemptReport {
        let mut phase = self.shared.phase.subscribe();
        let slot = tokio::select! {
            slot = self.shared.slots.acquire() => slot,
            _ = phase.wait_for(|phase| *phase == Phase::Leaving) => return not_begun(),
            reason = control.stopped() => return never_ran(reason),
        };
        let _slot = slot.expect("the pool's slots are never closed");
        loop {
            let (mut worker, is_new) = tokio::select! {
                worker = self.worker(spec) => match worker {
                    Ok(worker) => worker,
                    Err(error) => return AttemptReport::without_worker(AttemptResult::Failed { error: error.into() }),
                },
                reason = control.stopped() => return never_ran(reason),
            };
            if self.is_leaving() {
                return not_begun();
            }
            let _given = self.shared.roster.enter(&spec.run);
            let (id, process) = (self.shared.n_attempts.fetch_add(1, Ordering::Relaxed), worker.id());
            let result = match worker.attempt(id, spec, control, self.shared.options.grace).await {
                Handover::Done(result) => {
                    self.put_back(worker);
                    result
                }
                // It died while it was idle; the task has not begun.
                Handover::Unsent if !is_new => {
                    worker.kill().await;
                    continue;
                }
                // It was dying when it was given the request, and never read it: nor has the task begun then.
                Handover::Lost(None) if !is_new && !worker.has_begun(&spec.run.attempt_id) => {
                    worker.kill().await;
                    continue;
                }
                Handover::Unsent | Handover::Lost(None) => worker.autopsy(spec).await,
                Handover::Lost(Some(reason)) => reason.settle(Some(worker.autopsy(spec).await)),
                Handover::Stubborn(reason) => {
                    worker.kill().await;
                    match reason.settle(super::read_outcome(&spec.attempt_dir, &spec.run.attempt_id)) {
                        AttemptResult::TimedOut { after, .. } => {
                            AttemptResult::TimedOut { after, stubborn: Some(who(spec)) }
                        }
                        result => result,
                    }
                }
            };
            return AttemptReport { result, worker: process };
        }
    }

    /// A worker that is idle, or a new one; true when it is new. A worker that has loaded a plugin serves that plugin alone: nobody
    /// knows what else foreign code did to the process.
    async fn worker(&self, spec: &AttemptSpec) -> Result<(Worker, bool), WorkerError> {
        let lane = spec.plugin.as_ref().map(|plugin| plugin.hash.as_str());
        loop {
            let Some(mut worker) = self.take_idle(lane) else { break };
            if worker.lives() {
                return Ok((worker, false));
            }
            worker.kill().await;
        }
        if let Some(other) = self.take_excess() {
            other.end(self.shared.options.grace).await;
        }
        Ok((self.start_worker().await?, true))
    }

    /// The idle worker that was busy last among those that fit: with this plugin loaded, else with none.
    fn take_idle(&self, lane: Option<&str>) -> Option<Worker> {
        let mut idle = self.idle();
        let with = |wanted: Option<&str>| idle.iter().rposition(|worker| worker.lane() == wanted);
        let found = with(lane).or_else(|| lane.and_then(|_| with(None)))?;
        Some(idle.remove(found))
    }

    /// An idle worker that must make room for a new one, so that there are never more workers than slots.
    fn take_excess(&self) -> Option<Worker> {
        let mut idle = self.idle();
        (idle.len() > self.shared.slots.available_permits()).then(|| idle.remove(0))
    }

    async fn start_worker(&self) -> Result<Worker, WorkerError> {
        Worker::start(&self.shared.options, self.shared.receipts.clone(), self.shared.left.clone()).await
    }

    fn put_back(&self, worker: Worker) {
        self.idle().push(worker);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The processes of idle workers.
    #[cfg(test)]
    pub(super) fn idle_workers(&self) -> Vec<sluicegate_plugin::ProcessId> {
        self.idle().iter().filter_map(Worker::id).collect()
    }
}

/// Who runs an attempt, for people.
fn who(spec: &AttemptSpec) -> String {
    spec.plugin.as_ref().map_or_else(|| "the task".into(), |plugin| format!("plugin `{}`", plugin.name))
}

/// The report of an attempt that no worker was given, because the orchestrator leaves.
fn not_begun() -> AttemptReport {
    AttemptReport::without_worker(AttemptResult::NeverHappened)
}

fn never_ran(reason: StopReason) -> AttemptReport {
    AttemptReport::without_worker(reason.settle(None))
}
