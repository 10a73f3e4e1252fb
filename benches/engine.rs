//! The cost of the engine: workflows of `/bin/true`, beside the tools that are installed.
//!
//! `cargo bench -p sluicegate --bench engine [-- NAME…]` prints a table. Each tool runs each workload in turn, several times, so that a
//! machine whose speed drifts treats all alike; the ratio to `make` is taken within each turn. `benches/README.md` says how to read it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Turns in which every tool runs every workload.
const N_TURNS: usize = 5;

/// Tasks at a time.
const WIDTH: usize = 16;

/// A graph of tasks that do nothing: for each task, those that it waits for.
struct Workload {
    name: &'static str,
    needs: Vec<Vec<usize>>,
}

fn workloads() -> Vec<Workload> {
    let chain = |n: usize| (0..n).map(|task| if task == 0 { Vec::new() } else { vec![task - 1] }).collect();
    let layers = |n: usize| (0..n).map(|task| if task < 50 { Vec::new() } else { vec![task - 50] }).collect();
    vec![
        Workload { name: "one task", needs: chain(1) },
        Workload { name: "chain of 40", needs: chain(40) },
        Workload { name: "chain of 300", needs: chain(300) },
        Workload { name: "fan-out of 500", needs: vec![Vec::new(); 500] },
        Workload { name: "5,000 in layers of 50", needs: layers(5000) },
    ]
}

/// A program that can run a workload.
struct Tool {
    name: &'static str,
    write: fn(&Path, &Workload),
    command: fn() -> Command,
}

fn tools() -> Vec<Tool> {
    let all = [
        Tool { name: "sluice", write: write_workflow, command: sluice },
        Tool { name: "make", write: write_makefile, command: make },
        Tool { name: "ninja", write: write_ninja, command: ninja },
    ];
    all.into_iter().filter(|tool| (tool.command)().arg("--version").output().is_ok()).collect()
}

fn sluice() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sluice"))
}

fn make() -> Command {
    Command::new("make")
}

fn ninja() -> Command {
    Command::new("ninja")
}

fn write_workflow(folder: &Path, workload: &Workload) {
    let mut text = format!("name = \"bench\"\nmax_parallel = {WIDTH}\n");
    for (task, needs) in workload.needs.iter().enumerate() {
        let needs: Vec<_> = needs.iter().map(|need| format!("\"t{need}\"")).collect();
        writeln!(text, "[tasks.t{task}]\nuses = \"shell\"\nneeds = [{}]", needs.join(", ")).unwrap();
        text += "with = { command = [\"/bin/true\"] }\n";
    }
    fs::write(folder.join("bench.toml"), text).unwrap();
}

fn write_makefile(folder: &Path, workload: &Workload) {
    let all: Vec<_> = (0..workload.needs.len()).map(|task| format!("t{task}")).collect();
    let mut text = format!(".PHONY: all {0}\nall: {0}\n", all.join(" "));
    for (task, needs) in workload.needs.iter().enumerate() {
        let needs: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
        writeln!(text, "t{task}: {}\n\t@/bin/true", needs.join(" ")).unwrap();
    }
    fs::write(folder.join("Makefile"), text).unwrap();
}

fn write_ninja(folder: &Path, workload: &Workload) {
    let mut text = String::from("rule true\n  command = /bin/true\n");
    for (task, needs) in workload.needs.iter().enumerate() {
        let needs: Vec<_> = needs.iter().map(|need| format!("t{need}")).collect();
        writeln!(text, "build t{task}: true {}", needs.join(" ")).unwrap();
    }
    fs::write(folder.join("build.ninja"), text).unwrap();
}

/// Runs a tool once in an empty state and returns how long the whole process took.
fn run(tool: &Tool, folder: &Path) -> Duration {
    let _ = fs::remove_dir_all(folder.join(".sluice"));
    let mut command = (tool.command)();
    match tool.name {
        "sluice" => command.args(["run", "bench.toml"]),
        _ => command.arg(format!("-j{WIDTH}")),
    };
    command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let took = start.elapsed();
    assert!(status.success(), "{} failed", tool.name);
    took
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => size(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let tools = tools();
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    println!("medians of {N_TURNS} turns, {WIDTH} tasks at a time\n");
    println!("| `/bin/true` | {} | ratio to make | state a task |", names.join(" | "));
    println!("|---|{}---|---|", "---|".repeat(names.len()));
    for workload in workloads() {
        if !wanted.is_empty() && !wanted.iter().any(|name| workload.name.contains(name.as_str())) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut seconds = vec![Vec::new(); tools.len()];
        for tool in &tools {
            (tool.write)(folder.path(), &workload);
        }
        for _ in 0..N_TURNS {
            for (tool, seconds) in tools.iter().zip(&mut seconds) {
                seconds.push(run(tool, folder.path()).as_secs_f64());
            }
        }
        let ratio = names.iter().position(|name| *name == "make").map(|make| {
            median(seconds[0].iter().zip(&seconds[make]).map(|(ours, theirs)| ours / theirs).collect())
        });
        let times: Vec<_> = seconds.iter().map(|s| format!("{:.0} ms", median(s.clone()) * 1000.0)).collect();
        let ratio = ratio.map_or("–".into(), |ratio| format!("{ratio:.1}"));
        let state = size(&folder.path().join(".sluice")) / workload.needs.len() as u64;
        println!("| {} | {} | {ratio} | {state} B |", workload.name, times.join(" | "));
    }
}
