//! The service: looks at folders and clocks, lets the planner decide, remembers, and only then asks for runs.

mod commands;
mod events;
mod files;
mod folders;
mod starts;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use events::Hook;
use tokio::sync::{
    broadcast, mpsc,
    oneshot::{self, error::TryRecvError},
    watch,
};

use super::{
    Effect, Library, LoadedWorkflow, Planner, SchedulerError, SchedulerHandle, Turn, handle::Command,
    planner::RunIs, scan::Found,
};
use crate::{
    failpoint,
    run::{Cause, RunId, RunRow, Timestamp},
    store::{ScheduleCommit, ScheduleId, Store, StoreError},
    workflow::SecretSource,
    world::{World, new_run_id},
};

/// The longest sleep: clocks are set, and machines sleep, without telling anyone.
const TICK: Duration = Duration::from_secs(1);

/// So many schedules are decided about at a time: thousands may be due at once, and the first of them must not wait for the last.
const BATCH: usize = 128;

/// Hears that decisions are durable.
type Committed = oneshot::Receiver<Result<(), StoreError>>;

/// What to start.
pub struct StartRequest {
    /// The id that was recorded for the run.
    pub run: RunId,
    /// Why it runs.
    pub cause: Cause,
    /// The workflow, in the last good version.
    pub workflow: Arc<LoadedWorkflow>,
    /// Parameters that differ from their defaults.
    pub overrides: BTreeMap<String, String>,
}

/// Why a run could not be started.
#[derive(Clone, Debug)]
pub struct StartFailure(pub String);

/// Something that is done elsewhere.
pub type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the scheduler needs others for.
pub trait StartRuns: Send + Sync {
    /// Starts a run under its id. When there is such a run already, nothing happens.
    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>>;
    /// Asks a run to end.
    fn cancel(&self, run: RunId, reason: &str);
    /// Gets a secret. Blocks.
    fn secret(&self, source: &SecretSource, base_dir: &Path) -> Result<String, String>;
}

/// What a scheduler works with.
pub struct SchedulerOptions {
    /// The store.
    pub store: Store,
    /// Time and chance.
    pub world: Arc<dyn World>,
    /// The workflow files.
    pub library: Arc<Library>,
    /// Who starts runs.
    pub runs: Arc<dyn StartRuns>,
    /// The ends of runs.
    pub ends: broadcast::Receiver<RunRow>,
    /// False when times and events do nothing, and only what someone asks for happens.
    pub by_itself: bool,
}

/// The service. [`Scheduler::run`] until it is told to stop.
pub struct Scheduler {
    options: SchedulerOptions,
    planner: Planner,
    /// The workflows that count, by name.
    workflows: BTreeMap<String, Arc<LoadedWorkflow>>,
    commands: mpsc::UnboundedReceiver<Command>,
    news: mpsc::UnboundedReceiver<News>,
    news_tx: mpsc::UnboundedSender<News>,
    changes: watch::Sender<u64>,
    starts: starts::Starts,
    folders: folders::Folders,
    files: files::FileTriggers,
    /// Triggers by the workflow for whose runs they wait.
    waiting: BTreeMap<String, Vec<ScheduleId>>,
}

/// What the service's own helpers tell it.
enum News {
    /// A folder may have changed.
    Folders,
    /// Folders were looked at: the library's version.
    Looked(u64),
    /// A run was started, or could not be.
    Started(RunId, Result<(), StartFailure>),
    /// The files of a trigger.
    Files(ScheduleId, Found),
    /// A request whose signature is right.
    Hook(ScheduleId, Hook),
}

impl Scheduler {
    /// A scheduler, and the handle to it.
    pub fn new(options: SchedulerOptions) -> (Self, SchedulerHandle) {
        let (commands_tx, commands) = mpsc::unbounded_channel();
        let (news_tx, news) = mpsc::unbounded_channel();
        let (changes, seen) = watch::channel(0);
        let library = Arc::clone(&options.library);
        let scheduler = Self {
            options,
            planner: Planner::default(),
            workflows: BTreeMap::new(),
            commands,
            news,
            news_tx,
            changes,
            starts: starts::Starts::default(),
            folders: folders::Folders::default(),
            files: files::FileTriggers::default(),
            waiting: BTreeMap::new(),
        };
        (scheduler, SchedulerHandle { commands: commands_tx, changes: seen, library })
    }

    /// Goes on until it is told to stop, or the store refuses.
    pub async fn run(mut self) -> Result<(), SchedulerError> {
        let watcher = self.watch_folders();
        let ended = self.turns().await;
        watcher.abort();
        ended
    }

    async fn turns(&mut self) -> Result<(), SchedulerError> {
        self.look_first().await?;
        loop {
            self.hear_ends().await?;
            self.hear_news().await?;
            if self.options.by_itself {
                let now = self.now();
                self.decide_due(now).await?;
                self.look_at_files(now);
            }
            let sleep = tokio::time::sleep(self.until_next());
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    None | Some(Command::Stop) => return self.remember_dirty().await,
                    Some(command) => self.obey(command).await?,
                },
                end = self.options.ends.recv() => self.run_ended(end).await?,
                Some(news) = self.news.recv() => self.hear(news).await?,
                () = sleep => self.remember_dirty().await?,
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.options.world.now()
    }

    fn until_next(&self) -> Duration {
        let Some(next) = self.planner.next().filter(|_| self.options.by_itself) else { return TICK };
        let millis = next.0.saturating_sub(self.now().0).max(0);
        TICK.min(Duration::from_millis(millis.unsigned_abs()))
    }

    /// Hears what its helpers had told by now: neither commands nor ends may keep them waiting for long.
    async fn hear_news(&mut self) -> Result<(), SchedulerError> {
        for _ in 0..self.news.len() {
            let Ok(news) = self.news.try_recv() else { break };
            self.hear(news).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, news: News) -> Result<(), SchedulerError> {
        match news {
            News::Folders => {
                self.look();
                Ok(())
            }
            News::Looked(version) => self.looked(version).await,
            News::Started(run, done) => self.started(run, done).await,
            News::Files(id, found) => self.files_are(&id, found).await,
            News::Hook(id, hook) => self.hook(&id, hook).await,
        }
    }

    /// Remembers what was decided, tells, and then does it.
    async fn perform(&mut self, turn: Turn) -> Result<(), SchedulerError> {
        if turn.is_empty() {
            return Ok(());
        }
        failpoint::pass("schedule.record.before");
        self.commit(turn.commit).await?;
        self.act(turn.effects);
        Ok(())
    }

    /// Decides about everything that is due. While some decisions become durable, others are made; those that wait share a sync.
    async fn decide_due(&mut self, now: Timestamp) -> Result<(), SchedulerError> {
        let mut sent: VecDeque<(Committed, Vec<Effect>)> = VecDeque::new();
        loop {
            let is_due = self.planner.next().is_some_and(|next| next <= now);
            if is_due {
                let turn = self.planner.due_some(BATCH, now, &mut ids(&self.options.world));
                failpoint::pass("schedule.record.before");
                sent.push_back((self.send(&turn.commit), turn.effects));
            }
            while let Some((mut committed, effects)) = sent.pop_front() {
                let done = match committed.try_recv() {
                    Err(TryRecvError::Empty) if is_due => {
                        sent.push_front((committed, effects));
                        break;
                    }
                    Err(TryRecvError::Empty) => committed.await.unwrap_or(Err(StoreError::WriterGone)),
                    Err(TryRecvError::Closed) => Err(StoreError::WriterGone),
                    Ok(done) => done,
                };
                done?;
                self.act(effects);
            }
            if !is_due {
                return Ok(());
            }
        }
    }

    /// Does what was decided, once that is durable.
    fn act(&mut self, effects: Vec<Effect>) {
        failpoint::pass("schedule.record.after");
        self.changed();
        for effect in effects {
            match effect {
                Effect::Start(id, fire) => self.start(&id, fire),
                Effect::Cancel(run) => self.cancel(run),
            }
        }
    }

    async fn commit(&self, commit: ScheduleCommit) -> Result<(), SchedulerError> {
        if commit.is_empty() {
            return Ok(());
        }
        Ok(self.send(&commit).await.unwrap_or(Err(StoreError::WriterGone))?)
    }

    /// Hands decisions over to be made durable, after all that were handed over before.
    fn send(&self, commit: &ScheduleCommit) -> Committed {
        let (tx, rx) = oneshot::channel();
        self.options.store.record_schedules_then(commit, Box::new(move |result| drop(tx.send(result))));
        rx
    }

    /// Remembers what changed without being urgent.
    async fn remember_dirty(&mut self) -> Result<(), SchedulerError> {
        if !self.planner.is_dirty() {
            return Ok(());
        }
        failpoint::pass("schedule.end.before");
        let states = self.planner.take_dirty();
        self.commit(ScheduleCommit { states, log: Vec::new() }).await?;
        self.changed();
        Ok(())
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    /// How a run is, as far as the store knows.
    fn run_is(store: &Store, run: RunId) -> RunIs {
        match store.row(run) {
            Ok(Some(row)) if row.status.is_final() => RunIs::Ended,
            Ok(None) => RunIs::Missing,
            // A row that cannot be read belongs to a run that exists.
            Ok(Some(_)) | Err(_) => RunIs::Open,
        }
    }
}

/// Makes ids of runs.
fn ids(world: &Arc<dyn World>) -> impl FnMut() -> RunId + use<> {
    let world = Arc::clone(world);
    move || new_run_id(world.as_ref())
}
