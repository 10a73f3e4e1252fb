//! A workflow of 100,000 tasks: how long checking it takes, how long running it, and how much memory.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use crate::workloads::hundred_thousand;

/// Prints a table.
pub(crate) fn print() {
    let folder = tempfile::tempdir().unwrap();
    hundred_thousand(folder.path());
    println!("| 100,000 tasks in layers of 50 | time | most memory | wanted |");
    println!("|---|---|---|---|");
    for (command, wanted) in [("check", "≤ 1 s"), ("run", "≤ 300 MB")] {
        let (seconds, bytes) =
            measured(Command::new(env!("CARGO_BIN_EXE_sluice")).arg(command), folder.path());
        println!("| `sluice {command}` | {:.2} s | {} MB | {wanted} |", seconds, bytes / 1_000_000);
    }
    println!();
}

/// Seconds and peak memory of a process.
fn measured(command: &mut Command, folder: &std::path::Path) -> (f64, u64) {
    command.arg("bench.toml").current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.env_remove("SLUICE_HOME").spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_of(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    };
    assert!(status.success(), "it failed");
    (start.elapsed().as_secs_f64(), peak)
}

/// The most memory that a process ever had, in bytes.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
