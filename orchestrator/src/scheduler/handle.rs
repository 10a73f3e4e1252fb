//! The scheduler as others hold it: a cheap clone that asks the service.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use super::{FileStatus, Library, SchedulerError, Spec};
use crate::{
    run::{RunId, Timestamp},
    store::{LogEntry, ScheduleId, ScheduleState},
    workflow::Schedule,
};

/// A schedule with all that is known of it.
#[derive(Clone, Debug)]
pub struct ScheduleView {
    /// Its id.
    pub id: ScheduleId,
    /// What the file says.
    pub schedule: Schedule,
    /// The workflow's file.
    pub file: std::path::PathBuf,
    /// What is remembered of it.
    pub state: ScheduleState,
    /// Its next times, while it does not rest; with their jitter, when they happen.
    pub next: Vec<(Timestamp, Timestamp)>,
}

impl ScheduleView {
    /// Puts together what is known of a schedule, with its first `n` times after `now`.
    pub fn new(
        spec: &Spec,
        state: &ScheduleState,
        file: std::path::PathBuf,
        now: Timestamp,
        n: usize,
    ) -> Self {
        let rests = state.paused.is_some() || !spec.schedule.enabled;
        let from = state.watermark.max(Timestamp(now.0 - 1));
        let times = std::iter::successors(spec.next(from), |due| spec.next(due.scheduled_at));
        let next = times.take(if rests { 0 } else { n }).map(|due| (due.scheduled_at, due.at)).collect();
        Self { id: spec.id.clone(), schedule: spec.schedule.clone(), file, state: state.clone(), next }
    }
}

/// A range of times that someone wants runs for.
#[derive(Clone, Debug)]
pub struct BackfillRequest {
    /// The first time that counts.
    pub from: Timestamp,
    /// The last time that counts.
    pub to: Timestamp,
    /// At most so many of its runs go on at a time, at least one.
    pub parallel: u32,
    /// Parameters for its runs.
    pub params: BTreeMap<String, String>,
}

type Reply<T> = oneshot::Sender<Result<T, SchedulerError>>;

/// What is asked of the service.
pub(super) enum Command {
    List(usize, Reply<Vec<ScheduleView>>),
    Log(ScheduleId, usize, Reply<Vec<LogEntry>>),
    Pause(ScheduleId, String, Reply<()>),
    Resume(ScheduleId, Reply<()>),
    Fire(ScheduleId, BTreeMap<String, String>, Reply<RunId>),
    Backfill(ScheduleId, BackfillRequest, Reply<()>),
    StopBackfills(ScheduleId, Reply<bool>),
    Webhook(ScheduleId, Webhook, Reply<Option<RunId>>),
    Rescan(Reply<()>),
    Stop,
}

/// A signed request.
pub(super) struct Webhook {
    pub(super) body: Vec<u8>,
    pub(super) signature: String,
    pub(super) delivery: Option<String>,
}

/// Asks the scheduler. Cheap to clone.
#[derive(Clone)]
pub struct SchedulerHandle {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) changes: watch::Receiver<u64>,
    pub(super) library: Arc<Library>,
}

impl SchedulerHandle {
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, SchedulerError> {
        let (tx, rx) = oneshot::channel();
        self.commands.send(command(tx)).map_err(|_| SchedulerError::Gone)?;
        rx.await.map_err(|_| SchedulerError::Gone)?
    }

    /// Every schedule and trigger, by its id, with its next `n` times.
    pub async fn list(&self, n: usize) -> Result<Vec<ScheduleView>, SchedulerError> {
        self.ask(|reply| Command::List(n, reply)).await
    }

    /// Every workflow file of the watched folders: the last good version, and what is wrong with the one that is there.
    pub fn files(&self) -> Vec<FileStatus> {
        self.library.statuses()
    }

    /// The latest decisions of a schedule, newest first.
    pub async fn log(&self, id: &ScheduleId, limit: usize) -> Result<Vec<LogEntry>, SchedulerError> {
        self.ask(|reply| Command::Log(id.clone(), limit, reply)).await
    }

    /// Lets a schedule rest; says who wants it, or why.
    pub async fn pause(&self, id: &ScheduleId, by: &str) -> Result<(), SchedulerError> {
        self.ask(|reply| Command::Pause(id.clone(), by.to_owned(), reply)).await
    }

    /// Lets a schedule go on from now.
    pub async fn resume(&self, id: &ScheduleId) -> Result<(), SchedulerError> {
        self.ask(|reply| Command::Resume(id.clone(), reply)).await
    }

    /// Starts a run of a schedule now, with some parameters changed; returns its id, which is durable by then.
    pub async fn fire(
        &self,
        id: &ScheduleId,
        params: BTreeMap<String, String>,
    ) -> Result<RunId, SchedulerError> {
        self.ask(|reply| Command::Fire(id.clone(), params, reply)).await
    }

    /// Starts runs for the times of a range, in order.
    pub async fn backfill(&self, id: &ScheduleId, request: BackfillRequest) -> Result<(), SchedulerError> {
        self.ask(|reply| Command::Backfill(id.clone(), request, reply)).await
    }

    /// Starts no more runs for ranges that were asked for. False when nothing was left of them.
    pub async fn stop_backfills(&self, id: &ScheduleId) -> Result<bool, SchedulerError> {
        self.ask(|reply| Command::StopBackfills(id.clone(), reply)).await
    }

    /// Takes a signed request for a trigger. `delivery` is the sender's own id of it: one that came before does nothing. Returns the
    /// run's id, when one came of it.
    pub async fn webhook(
        &self,
        id: &ScheduleId,
        body: Vec<u8>,
        signature: &str,
        delivery: Option<String>,
    ) -> Result<Option<RunId>, SchedulerError> {
        let hook = Webhook { body, signature: signature.to_owned(), delivery };
        self.ask(|reply| Command::Webhook(id.clone(), hook, reply)).await
    }

    /// Looks at the folders now.
    pub async fn rescan(&self) -> Result<(), SchedulerError> {
        self.ask(Command::Rescan).await
    }

    /// A number that grows whenever schedules, their states or workflow files change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Lets the service end, once what was decided is durable. Runs go on.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }
}
