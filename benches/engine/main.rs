//! The cost of the engine: workflows that do nothing, beside the tools that are installed.
//!
//! `cargo bench -p sluicegate --bench engine [-- NAME…]` prints tables. Each tool runs each workload in turn, several times, so that a
//! machine whose speed drifts treats all alike; the ratio to `make` is taken within each turn. `benches/README.md` says how to read it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod inside;
mod large;
mod start;
mod tools;
mod workloads;

use tools::{Tool, size, tools};
use workloads::{WIDTH, Wanted, Work, Workload};

/// Turns in which every tool runs every workload.
const N_TURNS: usize = 5;

/// The middle of a few values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let workloads: Vec<_> =
        workloads::all().into_iter().filter(|workload| is_wanted(workload.name)).collect();
    println!("medians of {N_TURNS} turns, {WIDTH} tasks at a time, whole processes from start to exit\n");
    for work in [Work::True, Work::Python, Work::Noop] {
        let of_work: Vec<_> = workloads.iter().filter(|workload| workload.work == work).collect();
        if !of_work.is_empty() {
            table(work, &of_work);
        }
    }
    if is_wanted("start") {
        start::print();
    }
    if is_wanted("runs") {
        inside::print();
    }
    if is_wanted("large") {
        large::print();
    }
}

/// One table: the workloads of a kind of work, by every tool that can do it.
fn table(work: Work, workloads: &[&Workload]) {
    let tools: Vec<Tool> =
        tools().into_iter().filter(|tool| work != Work::Noop || tool.name == "sluice").collect();
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let title = match work {
        Work::True => "`/bin/true`",
        Work::Python => "`python3 -c fib(10)`",
        Work::Noop => "`noop`",
    };
    println!("| {title} | {} | ratio to make | wanted | tasks/s | syncs | state a task |", names.join(" | "));
    println!("|---|{}---|---|---|---|---|", "---|".repeat(names.len()));
    for workload in workloads {
        row(workload, &tools);
    }
    println!();
}

fn row(workload: &Workload, tools: &[Tool]) {
    let folder = tempfile::tempdir().unwrap();
    let mut seconds = vec![Vec::new(); tools.len()];
    for tool in tools {
        (tool.write)(workload, folder.path());
    }
    for _ in 0..N_TURNS {
        for (tool, seconds) in tools.iter().zip(&mut seconds) {
            if tool.can(workload) {
                seconds.push(tool.run(folder.path()).as_secs_f64());
            }
        }
    }
    let n_tasks = workload.needs.len();
    let ratio = tools.iter().position(|tool| tool.name == "make").map(|make| {
        median(seconds[0].iter().zip(&seconds[make]).map(|(ours, theirs)| ours / theirs).collect())
    });
    let time = |seconds: &Vec<f64>| match seconds.as_slice() {
        [] => "–".to_owned(),
        _ => format!("{:.0} ms", median(seconds.clone()) * 1000.0),
    };
    let times: Vec<_> = seconds.iter().map(time).collect();
    let ours = median(seconds[0].clone());
    let wanted = match workload.wanted {
        Wanted::Ratio(ratio) => format!("≤ {ratio}"),
        Wanted::Millis(millis) => format!("≤ {millis:.0} ms"),
    };
    let ratio = ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
    // The run that is asked for its syncs leaves the state that is measured; the other tools have cleared it away.
    let (rate, syncs) = (n_tasks as f64 / ours, tools[0].syncs(folder.path()));
    let state = size(&folder.path().join(".sluice")) / n_tasks as u64;
    println!(
        "| {} | {} | {ratio} | {wanted} | {rate:.0} | {syncs} | {state} B |",
        workload.name,
        times.join(" | ")
    );
}
