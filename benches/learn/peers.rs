//! What others make of the same rows.

use std::{path::Path, process::Command};

use serde_json::Value;

/// Runs a work by the peers that are installed: a line of JSON for each.
pub(crate) fn run(work: &str, folder: &Path, n_threads: usize) -> Vec<Value> {
    let python = std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/learn/peers.py");
    let output = Command::new(python).arg(script).arg(work).arg(folder).arg(n_threads.to_string()).output();
    match output {
        Ok(output) => {
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                eprintln!("a peer failed: {}", text.lines().last().unwrap_or_default());
            }
            let lines = String::from_utf8(output.stdout).unwrap();
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
        Err(error) => {
            eprintln!("no peers: {error}");
            Vec::new()
        }
    }
}
