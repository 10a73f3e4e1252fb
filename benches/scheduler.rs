//! What 10,000 schedules cost: taking them in, waiting, deciding, and how late their fires are.
//!
//! `cargo bench -p sluicegate --bench scheduler` prints one table.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::missing_docs_in_private_items, missing_docs)]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sluicegate::{
    run::{RunId, Timestamp},
    scheduler::{
        Doing, Library, LoadFiles, LoadedFile, LoadedWorkflow, Place, Planner, Scheduler, SchedulerOptions,
        Spec, StartFailure, StartRequest, StartRuns,
    },
    store::{Store, StoreOptions},
    workflow::{CatchUp, DstFold, DstGap, On, Overlap, Schedule, SecretSource, Source, TimeRule},
    world::{SystemWorld, World},
};

const N: usize = 10_000;

/// Files that have so many schedules each.
const IN_FILE: usize = 100;

fn schedule(n: usize, cron: String) -> Schedule {
    let rule = TimeRule {
        cron,
        timezone: ["Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"][n % 4].into(),
        dst_gap: DstGap::RunAfter,
        dst_fold: DstFold::First,
        jitter: 0.0,
        start: None,
        end: None,
        catch_up: CatchUp::Latest,
        catch_up_window: 604_800.0,
        catch_up_limit: 100,
    };
    Schedule {
        name: format!("s{n}"),
        enabled: true,
        on: On::Time(rule),
        overlap: Overlap::Allow,
        params: BTreeMap::new(),
    }
}

/// Daily, each at another minute.
fn daily(n: usize) -> Schedule {
    schedule(n, format!("{} {} * * *", n % 60, n / 60 % 24))
}

/// Notes when each run was asked for.
struct Notes {
    make: Make,
    late: Mutex<Vec<i64>>,
}

impl LoadFiles for Notes {
    fn load(&self, file: &Path) -> LoadedFile {
        let number: usize = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let source = Source { name: file.display().to_string(), bytes: Vec::new() };
        let schedules = (0..IN_FILE).map(|at| (self.make)(number * IN_FILE + at)).collect();
        let workflow = LoadedWorkflow {
            name: format!("w{number}"),
            file: file.to_owned(),
            base_dir: file.parent().unwrap().to_owned(),
            source: source.clone(),
            schedules,
            checked: None,
        };
        LoadedFile { workflow: Some(workflow), source, diagnostics: Vec::new() }
    }
}

impl StartRuns for Notes {
    fn start(&self, request: StartRequest) -> Doing<Result<(), StartFailure>> {
        self.late.lock().unwrap().push(SystemWorld.now().0 - request.cause.scheduled_at.0);
        Box::pin(async { Ok(()) })
    }

    fn cancel(&self, _: RunId, _: &str) {}

    fn secret(&self, _: &SecretSource, _: &Path) -> Result<String, String> {
        Err("there is none".into())
    }
}

/// The processor time of this process, in ticks of ten milliseconds.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0 / 1e6
}

/// What a scheduler did in a while.
struct Served {
    /// How late each run was asked for, in milliseconds.
    late: Vec<i64>,
    /// The processor time, once it was ready.
    used: Duration,
    /// Until it was ready.
    ready: Duration,
    /// The memory that it took, in megabytes.
    grown: f64,
}

/// Runs a scheduler for a while.
fn serve(make: Make, seconds: u64) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let watched = folder.path().join("workflows");
    std::fs::create_dir(&watched).unwrap();
    (0..N / IN_FILE).for_each(|n| std::fs::write(watched.join(format!("{n}.toml")), "").unwrap());
    let store = Store::open(&folder.path().join("state"), StoreOptions { wait: Duration::ZERO }).unwrap();
    let notes = Arc::new(Notes { make, late: Mutex::default() });
    let (_ends, ends) = tokio::sync::broadcast::channel(16);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (small, start) = (resident(), Instant::now());
    let (scheduler, handle) = Scheduler::new(SchedulerOptions {
        store,
        world: Arc::new(SystemWorld),
        library: Arc::new(Library::new(vec![Place::whole(watched)], notes.clone(), Arc::new(SystemWorld))),
        runs: notes.clone(),
        ends,
        by_itself: true,
    });
    runtime.block_on(async {
        let service = tokio::spawn(scheduler.run());
        assert_eq!(handle.list(1).await.unwrap().len(), N);
        let ready = start.elapsed();
        let before = processor_time();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let used = processor_time().saturating_sub(before);
        let grown = resident() - small;
        handle.stop();
        service.await.unwrap().unwrap();
        let late = std::mem::take(&mut *notes.late.lock().unwrap());
        Served { late, used, ready, grown }
    })
}

fn main() {
    let now = SystemWorld.now();
    let specs: Vec<Arc<Spec>> = (0..N).map(|n| Arc::new(Spec::new("w", &daily(n)))).collect();
    let mut n_ids = 0u128;
    let mut ids = || {
        n_ids += 1;
        RunId::from_parts(0, n_ids)
    };
    let mut planner = Planner::default();
    let start = Instant::now();
    for spec in specs {
        planner.meet(spec, None, now);
    }
    println!("| what | measured |\n|---|---|");
    println!("| taking in {N} daily schedules | {:.1} ms |", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let rounds: u32 = 100_000;
    for _ in 0..rounds {
        assert!(planner.due(now, &mut ids).is_empty());
    }
    println!(
        "| a look while nothing is due | {:.0} ns |",
        start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
    );
    let start = Instant::now();
    let turn = planner.due(Timestamp(now.0 + 86_400_000), &mut ids);
    let each = start.elapsed().as_secs_f64() * 1e6 / turn.commit.states.len() as f64;
    println!(
        "| deciding about a fire and planning the next, {} of them | {each:.1} µs each |",
        turn.commit.states.len()
    );

    // A year away: nothing happens.
    let Served { used, ready, grown, .. } = serve(|n| schedule(n, NEVER.to_owned()), 20);
    println!("| the service is ready with {N} schedules | {:.0} ms |", ready.as_secs_f64() * 1e3);
    println!("| processor while idle, of one core | {:.3} % |", used.as_secs_f64() / 20.0 * 100.0);
    println!("| memory that they take | {grown:.0} MB |");

    for (what, make) in SPREADS {
        let Served { mut late, used, .. } = serve(make, 31);
        late.sort_unstable();
        let at = |part: usize| late[(late.len() - 1) * part / 100];
        let n = late.len();
        let share = used.as_secs_f64() / 31.0 * 100.0;
        println!(
            "| {what}: {n} fires in 31 s, late by (median, 99 %, most) | {} ms, {} ms, {} ms; processor {share:.1} % of one core |",
            at(50),
            at(99),
            at(100)
        );
    }
}

/// A time that is far away.
const NEVER: &str = "0 0 0 1 1 * 2099";

/// Makes the schedule with a number.
type Make = fn(usize) -> Schedule;

/// How thousands of schedules are spread over time.
const SPREADS: [(&str, Make); 4] = [
    ("10,000 hourly ones, spread over the hour", |n| {
        schedule(n, format!("{} {} * * * *", n % 60, n / 60 % 60))
    }),
    ("10,000 in each minute, spread over its seconds", |n| schedule(n, format!("{} * * * * *", n % 60))),
    ("1,000 at the same instant, and 9,000 that rest", |n| {
        schedule(n, if n % 10 == 0 { "*/10 * * * * *" } else { NEVER }.to_owned())
    }),
    ("10,000 at the same instant", |n| schedule(n, "*/15 * * * * *".to_owned())),
];
