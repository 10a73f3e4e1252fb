//! The service: looks at folders and clocks, lets the planner decide, remembers, and only then asks for runs.

mod commands;
mod events;
mod folders;

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{
    Effect, LoadedFile, LoadedWorkflow, Planner, SchedulerError, SchedulerHandle, Turn, folder::Folder,
    handle::Command, planner::RunIs,
};
use crate::{
    failpoint,
    run::{Cause, RunId, RunRow, Timestamp},
    store::{Fire, ScheduleCommit, ScheduleId, Store, StoreError},
    workflow::SecretSource,
    world::{World, new_run_id},
};

/// The longest sleep: clocks are set, and machines sleep, without telling anyone.
const TICK: Duration = Duration::from_secs(1);

/// So many runs are started at a time.
const MAX_STARTS: usize = 32;

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
#[derive(Debug)]
pub struct StartFailure(pub String);

/// Something that is done elsewhere.
pub type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the scheduler needs others for.
pub trait StartRuns: Send + Sync {
    /// Reads and checks a workflow file. Blocks.
    fn load(&self, file: &Path) -> LoadedFile;
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
    /// Folders with workflow files, or single files; absolute.
    pub folders: Vec<PathBuf>,
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
    folder: Folder,
    /// The workflows that count, by name.
    workflows: BTreeMap<String, Arc<LoadedWorkflow>>,
    commands: mpsc::UnboundedReceiver<Command>,
    news: mpsc::UnboundedReceiver<News>,
    news_tx: mpsc::UnboundedSender<News>,
    changes: watch::Sender<u64>,
    starts: Arc<tokio::sync::Semaphore>,
    files: events::FileTriggers,
    /// Whether the planner has met what the folders have.
    is_met: bool,
}

/// What the service's own helpers tell it.
enum News {
    /// A folder may have changed.
    Folders,
    /// A run could not be started.
    NotStarted(RunId, StartFailure),
    /// The state of a trigger's files.
    Files(ScheduleId, Option<String>),
}

impl Scheduler {
    /// A scheduler, and the handle to it.
    pub fn new(options: SchedulerOptions) -> (Self, SchedulerHandle) {
        let (commands_tx, commands) = mpsc::unbounded_channel();
        let (news_tx, news) = mpsc::unbounded_channel();
        let (changes, seen) = watch::channel(0);
        let scheduler = Self {
            options,
            planner: Planner::default(),
            folder: Folder::default(),
            workflows: BTreeMap::new(),
            commands,
            news,
            news_tx,
            changes,
            starts: Arc::new(tokio::sync::Semaphore::new(MAX_STARTS)),
            files: events::FileTriggers::default(),
            is_met: false,
        };
        (scheduler, SchedulerHandle { commands: commands_tx, changes: seen })
    }

    /// Goes on until it is told to stop, or the store refuses.
    pub async fn run(mut self) -> Result<(), SchedulerError> {
        let watcher = self.watch_folders();
        let ended = self.turns().await;
        watcher.abort();
        ended
    }

    async fn turns(&mut self) -> Result<(), SchedulerError> {
        self.scan().await?;
        loop {
            if self.options.by_itself {
                let now = self.now();
                let turn = self.planner.due(now, &mut ids(&self.options.world));
                self.perform(turn).await?;
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

    async fn hear(&mut self, news: News) -> Result<(), SchedulerError> {
        match news {
            News::Folders => self.scan().await,
            News::NotStarted(run, StartFailure(reason)) => {
                tracing::error!("run {run} could not be started: {reason}");
                let turn = self.planner.failed(run, &reason, self.now(), &mut ids(&self.options.world));
                self.perform(turn).await
            }
            News::Files(id, state) => self.files_are(&id, state).await,
        }
    }

    /// Remembers what was decided, tells, and then does it.
    async fn perform(&mut self, turn: Turn) -> Result<(), SchedulerError> {
        if turn.is_empty() {
            return Ok(());
        }
        failpoint::pass("schedule.record.before");
        self.commit(turn.commit).await?;
        failpoint::pass("schedule.record.after");
        self.changed();
        for effect in turn.effects {
            match effect {
                Effect::Start(id, fire) => self.start(&id, fire),
                Effect::Cancel(run) => {
                    self.options.runs.cancel(run, "a later run of its schedule takes its place");
                }
            }
        }
        Ok(())
    }

    async fn commit(&self, commit: ScheduleCommit) -> Result<(), SchedulerError> {
        if commit.is_empty() {
            return Ok(());
        }
        let (tx, rx) = oneshot::channel();
        self.options.store.record_schedules_then(&commit, Box::new(move |result| drop(tx.send(result))));
        Ok(rx.await.unwrap_or(Err(StoreError::WriterGone))?)
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

    /// Asks for the run of a fire that is durable.
    fn start(&self, id: &ScheduleId, fire: Fire) {
        let (tell, run) = (self.news_tx.clone(), fire.run);
        let found = self.planner.get(id).zip(self.workflows.get(&id.workflow));
        let Some(((spec, _, _), workflow)) = found else {
            let gone = StartFailure(format!("there is no workflow `{}` any more", id.workflow));
            let _ = tell.send(News::NotStarted(run, gone));
            return;
        };
        let mut overrides = spec.schedule.overrides();
        overrides.extend(fire.params);
        let request = StartRequest { run, cause: fire.cause, workflow: Arc::clone(workflow), overrides };
        let (runs, starts) = (Arc::clone(&self.options.runs), Arc::clone(&self.starts));
        tokio::spawn(async move {
            let _permit = starts.acquire_owned().await;
            if let Err(failure) = runs.start(request).await {
                let _ = tell.send(News::NotStarted(run, failure));
            }
            failpoint::pass("schedule.start.after");
        });
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
