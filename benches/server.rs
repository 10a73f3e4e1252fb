//! What the daemon costs: its start, its pages and its memory with a long history; streams; a run from the request to its end.
//!
//! `cargo bench -p sluicegate --bench server` prints one table. `-- 1000000` uses a million finished runs.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::missing_docs_in_private_items, missing_docs)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sluicegate::{
    run::{EVENT_VERSION, Event, EventRecord, Owner, RunId, RunRow, RunStatus, RunStory, Timestamp},
    store::{Commit, Store, StoreOptions},
    workflow::Workflow,
};

const N_STREAMS: usize = 1000;

fn commit(n: u64) -> Commit {
    let run = RunId::from_parts(1_700_000_000_000 + n, u128::from(n) * 0x9e37_79b9_7f4a_7c15);
    let at = Timestamp(1_700_000_000_000 + n.cast_signed());
    let owner =
        Owner { pid: 4711, start_time: 81234, boot_id: "4b3a0d2e-8f1a-4c7e-9a55-0123456789ab".into() };
    let workflow = Workflow {
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
        source: "[tasks.t]\nuses = \"noop\"\n".into(),
    };
    let created = Event::RunCreated {
        workflow: workflow.into(),
        base_dir: "/home/someone/project".into(),
        file: "bench.toml".into(),
        use_cache: true,
        parent: None,
        cause: None,
        started_by: String::new(),
        owner: owner.clone(),
    };
    let finished = Event::RunFinished { status: RunStatus::Succeeded };
    let record = |seq, event| EventRecord { v: EVENT_VERSION, seq, at, event };
    let row = RunRow {
        id: run,
        workflow: "bench".into(),
        workflow_hash: "3f2a".repeat(16),
        status: RunStatus::Succeeded,
        created_at: at,
        ended_at: Some(at),
        n_tasks: 0,
        n_ended: 0,
        owner,
        n_events: 2,
        parent: None,
        story: RunStory::default(),
    };
    Commit { run, records: vec![record(0, created), record(1, finished)], row, cache: Vec::new() }
}

fn fill(home: &Path, n: u64) {
    const N_CALLERS: u64 = 256;
    let store = Store::open(home, StoreOptions { wait: Duration::from_secs(10) }).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..N_CALLERS {
            let store = store.clone();
            scope.spawn(move || (caller..n).step_by(256).for_each(|n| store.commit(commit(n)).unwrap()));
        }
    });
}

struct Daemon {
    child: Child,
    address: String,
    ready: Duration,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start(project: &Path) -> Self {
        let file = project.join("address");
        let _ = std::fs::remove_file(&file);
        let start = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args(["serve", "--bind", "127.0.0.1:0", "--address-file", "address"])
            .current_dir(project)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                break text.trim().to_owned();
            }
            std::thread::yield_now();
        };
        let mut daemon = Self { child, address, ready: Duration::ZERO };
        daemon.get("/health");
        daemon.ready = start.elapsed();
        daemon
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n"))
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn post(&self, path: &str, body: &str) -> String {
        self.ask(&format!(
            "POST {path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        kilobytes.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// Clock ticks of processor time, a hundredth of a second each.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// The median of some requests.
    fn median(&self, path: &str) -> Duration {
        let mut took: Vec<_> = (0..21)
            .map(|_| {
                let start = Instant::now();
                let reply = self.get(path);
                assert!(reply.starts_with("HTTP/1.0 200"), "{path}: {reply}");
                start.elapsed()
            })
            .collect();
        took.sort();
        took[10]
    }
}

fn line(what: &str, figure: impl std::fmt::Display) {
    println!("| {what} | {figure} |");
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

fn id_of(reply: &str) -> String {
    let at = reply.find("\"id\":\"").unwrap_or_else(|| panic!("{reply}")) + 6;
    reply[at..at + 26].to_owned()
}

fn main() {
    let n_runs: u64 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    std::fs::create_dir(project.join("workflows")).unwrap();
    std::fs::write(project.join("sluice.toml"), "").unwrap();
    std::fs::write(project.join("workflows/noop.toml"), "name = \"noop\"\n[tasks.a]\nuses = \"noop\"\n")
        .unwrap();
    let mut wide = String::from("name = \"wide\"\n");
    for n in 0..1000 {
        wide += &format!("[tasks.t{n}]\nuses = \"noop\"\n");
        if n >= 10 {
            wide += &format!("needs = [\"t{}\"]\n", n - 10);
        }
    }
    std::fs::write(project.join("workflows/wide.toml"), wide).unwrap();
    println!("| what | figure |\n|---|---|");

    let daemon = Daemon::start(project);
    std::thread::sleep(Duration::from_secs(1));
    line("idle, resident", format!("{} kB", daemon.resident()));
    let before = daemon.ticks();
    std::thread::sleep(Duration::from_secs(20));
    line("idle, processor time in 20 s", format!("{} ms", 10 * (daemon.ticks() - before)));
    one_run(&daemon);
    streams(&daemon);
    run_page(&daemon);
    drop(daemon);

    fill(&project.join(".sluice"), n_runs);
    let daemon = Daemon::start(project);
    line(&format!("ready, {n_runs} runs"), millis(daemon.ready));
    for path in ["/", "/runs", "/workflows", "/api/v1/runs?limit=50", "/api/v1/runs?status=failed"] {
        daemon.get(path);
        line(&format!("GET {path}, {n_runs} runs"), millis(daemon.median(path)));
    }
    line(&format!("resident, {n_runs} runs"), format!("{} kB", daemon.resident()));
}

fn one_run(daemon: &Daemon) {
    let mut took: Vec<_> = (0..50)
        .map(|_| {
            let start = Instant::now();
            let id = id_of(&daemon.post("/api/v1/runs", r#"{"workflow":"noop"}"#));
            let story = daemon.get(&format!("/api/v1/runs/{id}?wait=10"));
            assert!(story.contains("succeeded"), "{story}");
            start.elapsed()
        })
        .collect();
    took.sort();
    line("start a no-op run and read its end, median", millis(took[took.len() / 2]));
}

fn streams(daemon: &Daemon) {
    let id = id_of(&daemon.post("/api/v1/runs", r#"{"workflow":"noop"}"#));
    daemon.get(&format!("/api/v1/runs/{id}?wait=10"));
    let before = daemon.resident();
    let open: Vec<_> = (0..N_STREAMS)
        .map(|_| {
            let mut stream = daemon.connect();
            stream.write_all(b"GET /api/v1/events HTTP/1.0\r\nhost: localhost\r\n\r\n").unwrap();
            let mut reader = BufReader::new(stream);
            let mut text = String::new();
            while !text.contains("hello") {
                assert!(reader.read_line(&mut text).unwrap() > 0);
            }
            reader
        })
        .collect();
    line(&format!("{N_STREAMS} open streams"), format!("{} kB more", daemon.resident() - before));
    let start = Instant::now();
    daemon.post("/api/v1/runs", r#"{"workflow":"noop"}"#);
    for mut reader in open {
        let mut text = String::new();
        while !text.contains("succeeded") {
            assert!(reader.read_line(&mut text).unwrap() > 0);
        }
    }
    line(&format!("until all {N_STREAMS} heard of a run's end"), millis(start.elapsed()));
}

fn run_page(daemon: &Daemon) {
    let id = id_of(&daemon.post("/api/v1/runs", r#"{"workflow":"wide"}"#));
    let story = daemon.get(&format!("/api/v1/runs/{id}?wait=60"));
    assert!(story.contains("\"status\":\"succeeded\""));
    let path = format!("/runs/{id}");
    line("page of a run with 1,000 tasks", millis(daemon.median(&path)));
    line("its size", format!("{} kB", daemon.get(&path).len() / 1000));
}
