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
        BackfillRequest, Doing, FileStatus, Library, LoadFiles, LoadedFile, LoadedWorkflow, Place, Scheduler,
        SchedulerError, SchedulerHandle, SchedulerOptions, StartFailure, StartRequest, StartRuns, sign,
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
    cancelled: Mutex<Vec<RunId>>,
    /// Whoever writes here keeps runs from starting.
    starting: Arc<tokio::sync::RwLock<()>>,
    /// Where runs end as soon as they start.
    ends_at_once: Mutex<Option<broadcast::Sender<RunRow>>>,
    /// Whoever writes here keeps secrets from being had.
    secrets: tokio::sync::RwLock<()>,
}

fn schedules() -> Vec<Schedule> {
    let of = |name: &str, on, overlap| Schedule {
        name: name.into(),
        enabled: true,
        on,
        overlap,
        params: BTreeMap::new(),
    };
    let allow = Overlap::Allow;
    let yearly = spec("0 0 1 1 *", Overlap::Skip, CatchUp::None);
    vec![
        of("yearly", yearly.schedule.on.clone(), Overlap::Queue),
        of("hook", On::Webhook(WebhookRule { secret: SecretSource::Env("ANY".into()) }), allow),
        of(
            "replace",
            On::Webhook(WebhookRule { secret: SecretSource::Env("ANY".into()) }),
            Overlap::CancelRunning,
        ),
        Schedule {
            params: BTreeMap::from([
                ("ref".to_owned(), "{{ event.body.ref }}".into()),
                ("why".to_owned(), "{{ event.trigger }}".into()),
            ]),
            ..of("told", On::Webhook(WebhookRule { secret: SecretSource::Env("ANY".into()) }), allow)
        },
        of("end", On::Run(RunRule { workflow: "other".into(), status: vec!["rejected".into()] }), allow),
    ]
}

impl LoadFiles for Notes {
    fn load(&self, file: &Path) -> LoadedFile {
        let bytes = std::fs::read(file).unwrap();
        let name = String::from_utf8_lossy(&bytes).into_owned();
        let source = Source { name: file.display().to_string(), bytes };
        if name == "broken" {
            return LoadedFile { workflow: None, source, diagnostics: vec![unreadable("broken")] };
        }
        let workflow = LoadedWorkflow {
            name,
            file: file.to_owned(),
            base_dir: PathBuf::new(),
            source: source.clone(),
            schedules: schedules(),
            checked: None,
        };
        LoadedFile { workflow: Some(workflow), source, diagnostics: Vec::new() }
    }
}

impl StartRuns for Notes {
    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>> {
        self.started.lock().unwrap().push((request.run, request.cause, request.overrides));
        if let Some(ends) = &*self.ends_at_once.lock().unwrap() {
            let _ = ends.send(ended(request.run, "w", RunStatus::Succeeded, now()));
        }
        let starting = Arc::clone(&self.starting);
        Box::pin(async move {
            let _open = starting.read().await;
            Ok(())
        })
    }

    fn cancel(&self, run: RunId, _: &str) {
        self.cancelled.lock().unwrap().push(run);
    }

    fn secret(&self, _: &SecretSource, _: &Path) -> Result<String, String> {
        let _open = self.secrets.blocking_read();
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
            library: Arc::new(Library::new(
                vec![Place::whole(folder.path().join("workflows"))],
                Arc::clone(&notes) as Arc<dyn LoadFiles>,
                Arc::new(SystemWorld),
            )),
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
        self.handle.files()
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

pub(super) fn ended(run: RunId, workflow: &str, status: RunStatus, ended_at: Timestamp) -> RunRow {
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
async fn runs_that_end_at_once_and_let_others_start_keep_nobody_waiting() {
    let desk = Desk::start(Desk::open());
    *desk.notes.ends_at_once.lock().unwrap() = Some(desk.ends.clone());
    let (yearly, hook) = (id("yearly"), id("hook"));
    let century = BackfillRequest {
        from: Timestamp(0),
        to: Timestamp(100 * 31_557_600_000),
        parallel: 14,
        params: BTreeMap::new(),
    };
    let (backfill, pause) =
        tokio::join!(desk.handle.backfill(&yearly, century), desk.handle.pause(&hook, "ann"));
    backfill.unwrap();
    pause.unwrap();
    assert!(desk.notes.started.lock().unwrap().len() < 100, "the pause did not wait for the backfill");
    // A request goes through helpers of the service; neither does it wait.
    let signature = sign(b"s3cret", b"{}");
    desk.handle.webhook(&id("replace"), b"{}".to_vec(), &signature, None).await.unwrap();
    assert!(desk.notes.started.lock().unwrap().len() < 102, "nor did the request");
    assert_eq!(desk.started(102).await.len(), 102);
    assert!(desk.handle.stop_backfills(&yearly).await.is_ok_and(|stopped| !stopped));
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
    assert_eq!(desk.handle.list(1).await.unwrap().len(), schedules().len());
    desk.write("w.toml", "broken");
    let files = desk.files().await;
    assert!(files[0].is_broken() && files[0].workflow.as_ref().unwrap().name == "w");
    assert_eq!(desk.handle.list(1).await.unwrap().len(), schedules().len());
    desk.write("x.toml", "w");
    let files = desk.files().await;
    assert_eq!(files[1].hidden_by, Some(files[0].file.clone()));
    desk.write("x.toml", "x");
    assert!(!desk.files().await[1].is_broken());
    assert_eq!(desk.handle.list(1).await.unwrap().len(), 2 * schedules().len());
    std::fs::remove_file(desk.folder.path().join("workflows/w.toml")).unwrap();
    assert_eq!(desk.files().await.len(), 1);
    assert_eq!(desk.handle.list(1).await.unwrap().len(), schedules().len());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_takes_its_time_keeps_nobody_waiting() {
    let desk = Desk::start(Desk::open());
    desk.handle.list(1).await.unwrap();
    let closed = desk.notes.secrets.write().await;
    let (handle, signature) = (desk.handle.clone(), sign(b"s3cret", b"{}"));
    let asked =
        tokio::spawn(async move { handle.webhook(&id("hook"), b"{}".to_vec(), &signature, None).await });
    // The service answers, and its times come, while the secret is not there.
    desk.handle.pause(&id("yearly"), "ann").await.unwrap();
    assert!(!asked.is_finished());
    drop(closed);
    assert!(asked.await.unwrap().unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_replaced_before_it_is_there_is_cancelled_once_it_is() {
    let desk = Desk::start(Desk::open());
    let (replace, signature) = (id("replace"), sign(b"s3cret", b"{}"));
    let closed = desk.notes.starting.write().await;
    let first = desk.handle.webhook(&replace, b"{}".to_vec(), &signature, None).await.unwrap();
    let second = desk.handle.webhook(&replace, b"{}".to_vec(), &signature, None).await.unwrap();
    assert_eq!(desk.started(1).await[0].0, first.unwrap());
    assert_eq!(*desk.notes.cancelled.lock().unwrap(), [], "there is nothing yet that could end");
    drop(closed);
    while desk.notes.cancelled.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*desk.notes.cancelled.lock().unwrap(), [first.unwrap()]);
    let _ = desk.ends.send(ended(first.unwrap(), "w", RunStatus::Cancelled, now()));
    assert_eq!(desk.started(2).await[1].0, second.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_says_reaches_the_run_and_is_asked_for_when_it_does_not() {
    let desk = Desk::start(Desk::open());
    let told = id("told");
    let ask = |body: &'static str| {
        let (handle, told) = (desk.handle.clone(), told.clone());
        async move { handle.webhook(&told, body.into(), &sign(b"s3cret", body.as_bytes()), None).await }
    };
    let useless = ask("{\"other\": 1}").await.unwrap_err().to_string();
    assert!(useless.starts_with("`w/told` starts no run: parameter `ref` cannot be had"), "{useless}");
    assert!(ask("no JSON").await.is_err());
    assert!(ask("{\"ref\": {\"name\": \"main\"}}").await.unwrap().is_some());
    let given = &desk.started(1).await[0].2;
    assert_eq!(given["ref"], "{\"name\":\"main\"}");
    assert_eq!(given["why"], "webhook");
    let log = desk.handle.log(&told, 9).await.unwrap();
    assert_eq!(log.len(), 3, "those that were refused are there, too");
    assert!(desk.store.schedule(&told).unwrap().open[0].params.contains_key("ref"), "it is durable");
    let by_hand = desk.handle.fire(&told, BTreeMap::new()).await;
    assert!(matches!(by_hand, Err(SchedulerError::Useless { .. })));
    let given = BTreeMap::from([("ref".to_owned(), "x".to_owned())]);
    assert!(desk.handle.fire(&told, given).await.is_ok(), "whoever gives it needs no event");
}
