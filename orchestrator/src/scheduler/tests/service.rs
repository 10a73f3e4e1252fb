//! The service with a store, real folders and a clock that goes; runs are only noted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::broadcast;

use super::*;
use crate::{
    run::{Cause, Owner, RunId, RunRow, RunStatus, Trigger},
    scheduler::{
        BackfillRequest, Doing, FileStatus, LoadedFile, LoadedWorkflow, Scheduler, SchedulerError,
        SchedulerHandle, SchedulerOptions, StartFailure, StartRequest, StartRuns, sign,
    },
    store::{Fire, ScheduleCommit, ScheduleId, ScheduleState, Store, StoreOptions},
    workflow::{RunRule, SecretSource, Source, WebhookRule, unreadable},
    world::SystemWorld,
};

/// A run that was asked for, with why and with which parameters.
type Started = (RunId, Cause, BTreeMap<String, String>);

/// A file is the name of a workflow, or `broken`; each workflow has the same schedules.
#[derive(Default)]
struct Notes {
    started: Mutex<Vec<Started>>,
}

fn schedules() -> Vec<Schedule> {
    let of = |name: &str, on| Schedule {
        name: name.into(),
        enabled: true,
        on,
        overlap: Overlap::Allow,
        params: BTreeMap::new(),
    };
    let yearly = spec("0 0 1 1 *", Overlap::Skip, CatchUp::None);
    vec![
        of("yearly", yearly.schedule.on.clone()),
        of("hook", On::Webhook(WebhookRule { secret: SecretSource::Env("ANY".into()) })),
        of("end", On::Run(RunRule { workflow: "other".into(), status: vec!["rejected".into()] })),
    ]
}

impl StartRuns for Notes {
    fn load(&self, file: &Path) -> LoadedFile {
        let bytes = std::fs::read(file).unwrap();
        let name = String::from_utf8_lossy(&bytes).into_owned();
        let source = Source { name: file.display().to_string(), bytes };
        if name == "broken" {
            return LoadedFile { workflow: None, source, diagnostics: vec![unreadable("broken")] };
        }
        let workflow = LoadedWorkflow {
            name,
            description: String::new(),
            file: file.to_owned(),
            base_dir: PathBuf::new(),
            source: source.clone(),
            schedules: schedules(),
        };
        LoadedFile { workflow: Some(workflow), source, diagnostics: Vec::new() }
    }

    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>> {
        self.started.lock().unwrap().push((request.run, request.cause, request.overrides));
        Box::pin(async { Ok(()) })
    }

    fn cancel(&self, _: RunId, _: &str) {}

    fn secret(&self, _: &SecretSource, _: &Path) -> Result<String, String> {
        Ok("s3cret".into())
    }
}

/// A service over a folder.
struct Desk {
    folder: TempDir,
    store: Store,
    notes: Arc<Notes>,
    ends: broadcast::Sender<RunRow>,
    handle: SchedulerHandle,
}

impl Desk {
    fn open() -> (TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workflows")).unwrap();
        std::fs::write(folder.path().join("workflows/w.toml"), "w").unwrap();
        let wait = Duration::from_secs(20);
        let store = Store::open(&folder.path().join("state"), StoreOptions { wait }).unwrap();
        (folder, store)
    }

    fn start((folder, store): (TempDir, Store)) -> Self {
        let notes = Arc::new(Notes::default());
        let (ends, receiver) = broadcast::channel(16);
        let (scheduler, handle) = Scheduler::new(SchedulerOptions {
            store: store.clone(),
            world: Arc::new(SystemWorld),
            folders: vec![folder.path().join("workflows")],
            runs: Arc::clone(&notes) as Arc<dyn StartRuns>,
            ends: receiver,
            by_itself: true,
        });
        tokio::spawn(scheduler.run());
        Self { folder, store, notes, ends, handle }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join("workflows").join(name), text).unwrap();
    }

    async fn files(&self) -> Vec<FileStatus> {
        self.handle.rescan().await.unwrap();
        self.handle.files().await.unwrap()
    }

    /// Waits until so many runs were asked for.
    async fn started(&self, n: usize) -> Vec<Started> {
        loop {
            let started = self.notes.started.lock().unwrap().clone();
            if started.len() >= n {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn id(schedule: &str) -> ScheduleId {
    ScheduleId::new("w", schedule)
}

fn ended(run: RunId, workflow: &str, status: RunStatus, ended_at: Timestamp) -> RunRow {
    RunRow {
        id: run,
        workflow: workflow.into(),
        workflow_hash: String::new(),
        status,
        created_at: ended_at,
        ended_at: Some(ended_at),
        n_tasks: 0,
        n_ended: 0,
        owner: Owner { pid: 1, start_time: 1, boot_id: String::new() },
        n_events: 1,
        parent: None,
        story: crate::run::RunStory::default(),
    }
}

fn now() -> Timestamp {
    crate::world::World::now(&SystemWorld)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_starts_a_run_when_it_is_signed_and_new() {
    let desk = Desk::start(Desk::open());
    let hook = id("hook");
    let (body, signature) = (b"{}".to_vec(), sign(b"s3cret", b"{}"));
    let ask = |signature: &str, delivery: &str| {
        let (handle, hook, body) = (desk.handle.clone(), hook.clone(), body.clone());
        let (signature, delivery) = (signature.to_owned(), delivery.to_owned());
        async move { handle.webhook(&hook, body, &signature, Some(delivery)).await }
    };
    assert!(matches!(ask("sha256=00", "1").await, Err(SchedulerError::Forged)));
    let run = ask(&signature, "1").await.unwrap().unwrap();
    assert_eq!(ask(&signature, "1").await.unwrap(), None, "the same delivery");
    assert!(ask(&signature, "2").await.unwrap().is_some());
    let started = desk.started(2).await;
    assert_eq!((started[0].0, started[0].1.trigger), (run, Trigger::Webhook));
    let other = desk.handle.webhook(&id("yearly"), body.clone(), &signature, None).await;
    assert!(matches!(other, Err(SchedulerError::Forged)), "nobody learns what there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_paused_resumed_fired_and_repeated_through_the_handle() {
    let desk = Desk::start(Desk::open());
    let yearly = id("yearly");
    let mut changes = desk.handle.changes();
    desk.handle.pause(&yearly, "ann").await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let paused = desk.handle.list(2).await.unwrap().into_iter().find(|view| view.id == yearly).unwrap();
    assert_eq!(paused.state.paused.unwrap().by, "ann");
    assert!(paused.next.is_empty());
    assert!(desk.store.schedule(&yearly).unwrap().paused.is_some(), "it is durable");
    desk.handle.resume(&yearly).await.unwrap();
    let resumed = desk.handle.list(2).await.unwrap().into_iter().find(|view| view.id == yearly).unwrap();
    assert_eq!(resumed.next.len(), 2);
    let params = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let run = desk.handle.fire(&yearly, params.clone()).await.unwrap();
    let started = desk.started(1).await;
    assert_eq!((started[0].0, started[0].1.trigger, &started[0].2), (run, Trigger::Hand, &params));
    let year = |n: i64| Timestamp(n * 31_557_600_000);
    let range = BackfillRequest { from: year(30), to: year(33), parallel: 2, params: BTreeMap::new() };
    desk.handle.backfill(&yearly, range.clone()).await.unwrap();
    let two = desk.started(3).await;
    let _ = desk.ends.send(ended(two[1].0, "w", RunStatus::Succeeded, now()));
    assert_eq!(desk.started(4).await[3].1.trigger, Trigger::Backfill);
    assert_eq!(desk.handle.log(&yearly, 9).await.unwrap().len(), 4);
    let not_for = desk.handle.backfill(&id("hook"), range).await;
    assert!(matches!(not_for, Err(SchedulerError::NotFor { .. })));
    assert!(matches!(desk.handle.pause(&id("none"), "x").await, Err(SchedulerError::NoSchedule(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_fits_starts_a_run_once_and_others_none() {
    let desk = Desk::start(Desk::open());
    desk.handle.list(1).await.unwrap();
    let at = Timestamp(now().0 + 1000);
    let run = |n| RunId::from_parts(1, n);
    for row in [
        ended(run(1), "other", RunStatus::Succeeded, at),
        ended(run(2), "another", RunStatus::Rejected, at),
        RunRow { parent: Some(run(9)), ..ended(run(3), "other", RunStatus::Rejected, at) },
        ended(run(4), "other", RunStatus::Rejected, at),
        ended(run(4), "other", RunStatus::Rejected, at),
        ended(run(5), "other", RunStatus::Rejected, Timestamp(at.0 + 1)),
    ] {
        let _ = desk.ends.send(row);
    }
    let started = desk.started(2).await;
    assert!(started.iter().all(|(_, cause, _)| cause.trigger == Trigger::Run && cause.schedule == "end"));
    desk.handle.list(1).await.unwrap();
    assert_eq!(desk.started(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_keeps_its_last_good_version_and_of_two_names_the_first_counts() {
    let desk = Desk::start(Desk::open());
    assert_eq!(desk.handle.list(1).await.unwrap().len(), 3);
    desk.write("w.toml", "broken");
    let files = desk.files().await;
    assert!(files[0].is_broken() && files[0].workflow.as_ref().unwrap().name == "w");
    assert_eq!(desk.handle.list(1).await.unwrap().len(), 3);
    desk.write("x.toml", "w");
    let files = desk.files().await;
    assert_eq!(files[1].hidden_by, Some(files[0].file.clone()));
    desk.write("x.toml", "x");
    assert!(!desk.files().await[1].is_broken());
    assert_eq!(desk.handle.list(1).await.unwrap().len(), 6);
    std::fs::remove_file(desk.folder.path().join("workflows/w.toml")).unwrap();
    assert_eq!(desk.files().await.len(), 1);
    assert_eq!(desk.handle.list(1).await.unwrap().len(), 3);
    let forgotten = desk.store.schedule(&id("yearly")).unwrap();
    assert_eq!(forgotten.fingerprint, "", "should it come back, it begins anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_before_a_death_is_started_under_its_very_id() {
    let (folder, store) = Desk::open();
    let yearly = &schedules()[0];
    let mut state = ScheduleState::new(id("yearly"), yearly.fingerprint(), now());
    let cause = Cause { trigger: Trigger::Schedule, schedule: "yearly".into(), scheduled_at: Timestamp(1) };
    let fire = |n, waits| Fire {
        run: RunId::from_parts(7, n),
        cause: cause.clone(),
        recorded_at: Timestamp(1),
        waits,
        params: BTreeMap::new(),
    };
    state.open = vec![fire(1, false), fire(2, true)];
    store.record_schedules(&ScheduleCommit { states: vec![state], log: Vec::new() }).unwrap();
    let desk = Desk::start((folder, store));
    let started = desk.started(1).await;
    assert_eq!((started[0].0, &started[0].1), (RunId::from_parts(7, 1), &cause));
    let _ = desk.ends.send(ended(RunId::from_parts(7, 1), "w", RunStatus::Succeeded, now()));
    assert_eq!(desk.started(2).await[1].0, RunId::from_parts(7, 2), "the one that waited comes next");
}
