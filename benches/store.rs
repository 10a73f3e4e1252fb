//! What the store costs: a commit, a run, a task; and whether history makes it slower.
//!
//! `cargo bench -p sluicegate --bench store` prints one table. `-- 1000000` also tries a million finished runs.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::missing_docs_in_private_items, missing_docs)]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use sluicegate::{
    run::{
        AttemptResult, CacheKey, CacheMiss, EVENT_VERSION, Event, EventRecord, Outcome, Owner, RunId, RunRow,
        RunStatus, RunStory, Timestamp,
    },
    store::{Commit, RunFilter, RunSource, Store, StoreOptions, read_only},
    workflow::{TaskIdx, Workflow},
};

const OPTIONS: StoreOptions = StoreOptions { wait: Duration::from_secs(10) };

/// The argument of the process that looks at a history.
const LOOK: &str = "--look-at";

fn id(n: u64) -> RunId {
    RunId::from_parts(1_700_000_000_000 + n, u128::from(n) * 0x9e37_79b9_7f4a_7c15)
}

fn workflow() -> Workflow {
    Workflow {
        name: "bench".into(),
        description: String::new(),
        labels: Vec::new(),
        params: BTreeMap::new(),
        max_parallel: Some(16),
        timeout: None,
        pools: BTreeMap::new(),
        outputs: BTreeMap::new(),
        schedules: Vec::new(),
        tasks: Vec::new(),
        hash: "3f2a".repeat(16),
        source: "[tasks.t]\nuses = \"noop\"\n".repeat(3),
    }
}

fn owner() -> Owner {
    Owner { pid: 4711, start_time: 81234, boot_id: "4b3a0d2e-8f1a-4c7e-9a55-0123456789ab".into() }
}

fn row(run: RunId, n: u64, n_events: u64, status: RunStatus) -> RunRow {
    RunRow {
        id: run,
        workflow: "bench".into(),
        workflow_hash: "3f2a".repeat(16),
        status,
        created_at: at(n),
        ended_at: status.is_final().then(|| Timestamp(at(n).0 + 3)),
        n_tasks: 3,
        n_ended: 3,
        owner: owner(),
        n_events,
        parent: None,
        story: RunStory::default(),
    }
}

fn at(n: u64) -> Timestamp {
    Timestamp(1_700_000_000_000 + n.cast_signed())
}

fn record(seq: u64, event: Event) -> EventRecord {
    EventRecord { v: EVENT_VERSION, seq, at: Timestamp(1_700_000_000_000), event }
}

fn created() -> Event {
    Event::RunCreated {
        workflow: workflow().into(),
        base_dir: "/home/someone/project".into(),
        file: "bench.toml".into(),
        use_cache: true,
        parent: None,
        cause: None,
        started_by: String::new(),
        owner: owner(),
    }
}

/// The two events of a task, as the engine writes them.
fn task(seq: u64, number: u64) -> [EventRecord; 2] {
    let task = TaskIdx(u32::try_from(number % 1000).unwrap());
    let parts = BTreeMap::from([("kind".into(), "noop 1".into()), ("with.n".into(), number.to_string())]);
    let started = Event::AttemptStarted {
        task,
        attempt: 1,
        child: None,
        attempt_id: format!("{:032x}", u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c_c060),
        params: serde_json::json!({ "n": number }),
        key: CacheKey::new(parts),
        miss: CacheMiss::NotCached,
    };
    let result = AttemptResult::Succeeded { outcome: Outcome::default() };
    [
        record(seq, started),
        record(seq + 1, Event::AttemptFinished { task, attempt: 1, result, retry_at: None }),
    ]
}

/// The commits of a run with three steps.
fn commits(n: u64) -> [Commit; 5] {
    let run = id(n);
    let commit = |records: Vec<EventRecord>, n_events, status| Commit {
        run,
        records,
        row: row(run, n, n_events, status),
        cache: Vec::new(),
    };
    let finished = Event::RunFinished { status: RunStatus::Succeeded };
    [
        commit(vec![record(0, created())], 1, RunStatus::Running),
        commit(task(1, n).to_vec(), 3, RunStatus::Running),
        commit(task(3, n).to_vec(), 5, RunStatus::Running),
        commit(task(5, n).to_vec(), 7, RunStatus::Running),
        commit(vec![record(7, finished)], 8, RunStatus::Succeeded),
    ]
}

/// A whole run in one commit, to make history quickly.
fn whole(n: u64) -> Commit {
    let mut all = commits(n).into_iter();
    let mut commit = all.next().unwrap();
    for next in all {
        commit.records.extend(next.records);
        commit.row = next.row;
    }
    commit
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == LOOK) {
        return history(Path::new(&arguments[at + 1]), arguments[at + 2].parse().unwrap());
    }
    let n_most = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    println!("| what | figure |\n|---|---|");
    latency();
    throughput();
    tasks();
    let home = tempfile::tempdir().unwrap();
    let mut n_made = 0;
    for n in [0, 100_000, 1_000_000] {
        if n <= n_most {
            fill(home.path(), n_made, n);
            n_made = n;
            // In a process of its own, which has nothing from the filling in its memory.
            let mut look = std::process::Command::new(&arguments[0]);
            assert!(look.arg(LOOK).arg(home.path()).arg(n.to_string()).status().unwrap().success());
        }
    }
}

fn line(what: &str, figure: &str) {
    println!("| {what} | {figure} |");
}

fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

fn latency() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), OPTIONS).unwrap();
    let before = store.n_syncs();
    let mut took = Vec::new();
    for n in 0..200 {
        for commit in commits(n) {
            let start = Instant::now();
            store.commit(commit).unwrap();
            took.push(start.elapsed());
        }
    }
    let n_syncs = store.n_syncs() - before;
    took.sort();
    line("commit, one caller, median", &millis(took[took.len() / 2]));
    line("commit, one caller, 90 of 100", &millis(took[took.len() * 9 / 10]));
    line("syncs a commit, one caller", &format!("{:.2}", n_syncs as f64 / took.len() as f64));
}

fn throughput() {
    const N_CALLERS: u64 = 64;
    const N_RUNS: u64 = 100;
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), OPTIONS).unwrap();
    let before = store.n_syncs();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..N_CALLERS {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..N_RUNS {
                    for commit in commits(caller * N_RUNS + n) {
                        store.commit(commit).unwrap();
                    }
                }
            });
        }
    });
    let took = start.elapsed().as_secs_f64();
    let n_runs = (N_CALLERS * N_RUNS) as f64;
    line("three-step runs, 64 callers", &format!("{:.0} runs/s", n_runs / took));
    line("commits, 64 callers", &format!("{:.0} commits/s", 5.0 * n_runs / took));
    let n_syncs = (store.n_syncs() - before) as f64;
    line("syncs a commit, 64 callers", &format!("{:.3}", n_syncs / (5.0 * n_runs)));
    drop(store);
    line("state a three-step run", &format!("{:.0} B", size(home.path()) as f64 / n_runs));
}

fn tasks() {
    const N_TASKS: u64 = 10_000;
    const TURN: u64 = 50;
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), OPTIONS).unwrap();
    let mut all = commits(1).into_iter();
    let (first, last) = (all.next().unwrap(), all.next_back().unwrap());
    let run = first.run;
    let start = Instant::now();
    store.commit(first).unwrap();
    for turn in 0..N_TASKS / TURN {
        let records =
            (0..TURN).flat_map(|n| task(1 + 2 * (turn * TURN + n), turn * TURN + n)).collect::<Vec<_>>();
        let row = row(run, 1, 1 + 2 * (turn + 1) * TURN, RunStatus::Running);
        store.commit(Commit { run, records, row, cache: Vec::new() }).unwrap();
    }
    let mut last = last;
    last.records[0].seq = 1 + 2 * N_TASKS;
    store.commit(last).unwrap();
    let took = start.elapsed().as_secs_f64();
    line("10,000 tasks in one run, 50 a commit", &format!("{:.0} tasks/s", N_TASKS as f64 / took));
    drop(store);
    line("state a task, run over", &format!("{:.0} B", size(home.path()) as f64 / N_TASKS as f64));
}

/// Makes finished runs, many at a time.
fn fill(home: &Path, from: u64, to: u64) {
    const N_CALLERS: u64 = 256;
    let store = Store::open(home, OPTIONS).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..N_CALLERS {
            let store = store.clone();
            scope.spawn(move || {
                (from..to).filter(|n| n % N_CALLERS == caller).for_each(|n| store.commit(whole(n)).unwrap());
            });
        }
    });
}

fn history(home: &Path, n: u64) {
    let name = |what: &str| format!("{what}, {n} finished runs");
    let start = Instant::now();
    let store = Store::open(home, OPTIONS).unwrap();
    line(&name("open"), &millis(start.elapsed()));
    line(&name("resident after open"), &resident());
    let newest = RunFilter { workflow: None, status: None, limit: 50 };
    let time = |what: &str, work: &dyn Fn()| {
        let start = Instant::now();
        work();
        line(&name(what), &millis(start.elapsed()));
    };
    time("newest 50", &|| drop(store.runs(&newest).unwrap()));
    let of_workflow = RunFilter { workflow: Some("bench"), ..newest };
    time("newest 50 of a workflow", &|| drop(store.runs(&of_workflow).unwrap()));
    if n > 0 {
        let middle = id(n / 2).to_string();
        time("find by its beginning", &|| {
            let _ = store.find_run(&middle[..20]).unwrap();
        });
        time("events of a run", &|| drop(store.events(id(n / 2)).unwrap()));
        let logs = RunSource::from(read_only(home));
        time("newest 50, without the lock", &|| drop(logs.runs(&newest).unwrap()));
        line(&name("state a run"), &format!("{:.0} B", size(home) as f64 / n as f64));
    }
    let mut took: Vec<_> = (0..40)
        .flat_map(|turn| commits(10_000_000 + n + turn))
        .map(|commit| {
            let start = Instant::now();
            store.commit(commit).unwrap();
            start.elapsed()
        })
        .collect();
    took.sort();
    line(&name("commit, median"), &millis(took[took.len() / 2]));
    line(&name("resident at the end"), &resident());
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    kilobytes.trim().to_owned()
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => size(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}
