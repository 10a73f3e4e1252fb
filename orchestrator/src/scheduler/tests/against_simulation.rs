//! What a simulation says is what the service does at the same times: both live through the same days, one on a clock that is set by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::broadcast;

use super::{service::ended, *};
use crate::{
    run::{RunId, RunRow, RunStatus},
    scheduler::{
        Doing, Library, LoadFiles, LoadedFile, LoadedWorkflow, Place, Scheduler, SchedulerHandle,
        SchedulerOptions, Simulation, StartFailure, StartRequest, StartRuns, simulate,
    },
    store::{Decision, Store, StoreOptions},
    workflow::{SecretSource, Source},
    world::World,
};

/// The clock moves by so much at a time.
const STEP: i64 = 30_000;

/// How long a run takes: its end never falls onto a time of the schedule.
const LENGTH: i64 = 7 * MINUTE + STEP;

/// A day on a clock that is set by hand.
struct Day {
    spec: Arc<Spec>,
    now: AtomicI64,
    n_ids: AtomicI64,
    /// Runs that go on, by when they end.
    going: Mutex<BTreeSet<(i64, RunId)>>,
}

impl World for Day {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn random(&self) -> u128 {
        u128::from(self.n_ids.fetch_add(1, Ordering::SeqCst).unsigned_abs())
    }
}

impl LoadFiles for Day {
    fn load(&self, file: &Path) -> LoadedFile {
        let source = Source { name: "w".into(), bytes: Vec::new() };
        let workflow = LoadedWorkflow {
            name: "w".into(),
            file: file.to_owned(),
            base_dir: file.parent().unwrap().to_owned(),
            source: source.clone(),
            schedules: vec![self.spec.schedule.clone()],
            checked: None,
        };
        LoadedFile { workflow: Some(workflow), source, diagnostics: Vec::new() }
    }
}

impl StartRuns for Day {
    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>> {
        self.going.lock().unwrap().insert((self.now().0 + LENGTH, request.run));
        Box::pin(async { Ok(()) })
    }

    fn cancel(&self, run: RunId, _: &str) {
        let mut going = self.going.lock().unwrap();
        going.retain(|(_, other)| *other != run);
        going.insert((self.now().0, run));
    }

    fn secret(&self, _: &SecretSource, _: &Path) -> Result<String, String> {
        Err("there is none".into())
    }
}

/// Lets a moment come: ends first, then whatever is due; until nothing more happens.
async fn come(day: &Day, moment: i64, ends: &broadcast::Sender<RunRow>, handle: &SchedulerHandle) {
    day.now.store(moment, Ordering::SeqCst);
    loop {
        let mut changes = handle.changes();
        let first = day.going.lock().unwrap().first().copied().filter(|(end, _)| *end <= moment);
        let Some((end, run)) = first else {
            // Whatever it is asked, it looks at the clock; what it asked others for has come by the second answer.
            handle.list(0).await.unwrap();
            tokio::task::yield_now().await;
            handle.list(0).await.unwrap();
            let is_quiet = !day.going.lock().unwrap().iter().any(|(end, _)| *end <= moment);
            if is_quiet {
                return;
            }
            continue;
        };
        day.going.lock().unwrap().remove(&(end, run));
        ends.send(ended(run, "w", RunStatus::Succeeded, Timestamp(end))).unwrap();
        changes.changed().await.unwrap();
        handle.list(0).await.unwrap();
    }
}

/// Decisions with runs numbered in the order of their appearance.
fn numbered(decisions: impl Iterator<Item = (Timestamp, Timestamp, Decision)>) -> Vec<String> {
    let mut numbers: BTreeMap<RunId, usize> = BTreeMap::new();
    let mut number = |run: RunId| {
        let next = numbers.len() + 1;
        *numbers.entry(run).or_insert(next)
    };
    decisions
        .map(|(at, scheduled_at, decision)| {
            let what = match decision {
                Decision::Started { run } => format!("{} starts", number(run)),
                Decision::Queued { run } => format!("{} waits", number(run)),
                Decision::Overlapped { with } => format!("overlaps {}", number(with)),
                Decision::Replaced { run } => format!("{} is replaced", number(run)),
                Decision::Cancelled { run } => format!("{} is cancelled", number(run)),
                other => format!("{other:?}"),
            };
            let minutes = |at: Timestamp| (at.0 - NOON) as f64 / 60_000.0;
            format!("at {} for {}: {what}", minutes(at), minutes(scheduled_at))
        })
        .collect()
}

/// The service through a day: what its log says.
async fn served(spec: &Arc<Spec>, until: i64, asleep: (i64, i64)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    std::fs::write(folder.path().join("workflows/w.toml"), "").unwrap();
    let wait = Duration::from_secs(20);
    let store = Store::open(&folder.path().join("state"), StoreOptions { wait }).unwrap();
    let (now, n_ids) = (AtomicI64::new(NOON - 1), AtomicI64::new(1));
    let day = Arc::new(Day { spec: Arc::clone(spec), now, n_ids, going: Mutex::default() });
    let (ends, receiver) = broadcast::channel(16);
    let place = Place::whole(folder.path().join("workflows"));
    let files: Arc<dyn LoadFiles> = day.clone();
    let world: Arc<dyn World> = day.clone();
    let (scheduler, handle) = Scheduler::new(SchedulerOptions {
        store,
        world: Arc::clone(&world),
        library: Arc::new(Library::new(vec![place], files, world)),
        runs: day.clone(),
        ends: receiver,
        by_itself: true,
    });
    let service = tokio::spawn(scheduler.run());
    handle.list(0).await.unwrap();
    let moments = (0..).map(|n| n * STEP).take_while(|moment| *moment <= until);
    for moment in moments.filter(|moment| !(asleep.0 <= *moment && *moment < asleep.1)) {
        come(&day, NOON + moment, &ends, &handle).await;
    }
    let mut log = handle.log(&spec.id, 1000).await.unwrap();
    log.reverse();
    handle.stop();
    service.await.unwrap().unwrap();
    numbered(log.into_iter().map(|entry| (entry.at, entry.cause.scheduled_at, entry.decision)))
}

#[tokio::test]
async fn a_simulation_says_what_the_service_does_at_the_same_times() {
    let (until, asleep) = (3 * HOUR, (HOUR + 2 * MINUTE, 2 * HOUR + 3 * MINUTE));
    let mut n_decisions = 0;
    for (_, overlap) in Overlap::ALL {
        for (_, catch_up) in CatchUp::ALL {
            let spec = spec_with("*/5 * * * *", overlap, catch_up, |rule| rule.catch_up_limit = 4);
            let simulation = Simulation {
                specs: vec![Arc::clone(&spec)],
                from: at(0),
                to: at(until),
                down: vec![(at(asleep.0), at(asleep.1))],
                seconds: BTreeMap::from([("w".to_owned(), LENGTH as f64 / 1000.0)]),
                limit: 1000,
            };
            let (steps, is_whole) = simulate(simulation);
            assert!(is_whole);
            let decisions =
                steps.into_iter().filter_map(|step| Some((step.at, step.cause.scheduled_at, step.decision?)));
            let simulated = numbered(decisions);
            n_decisions += simulated.len();
            let served = served(&spec, until, asleep).await;
            assert_eq!(served, simulated, "{overlap:?} {catch_up:?}");
        }
    }
    assert!(n_decisions > 300, "there is something to compare: {n_decisions}");
}
