//! What it takes to begin: a process of the program, and a worker that is ready for its first task.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sluicegate::worker::{PoolOptions, WorkerPool};

use crate::median;

/// Starts of one measurement.
const N_STARTS: usize = 100;

/// Prints the table. `/bin/true` is what any process costs on this machine.
pub(crate) fn print() {
    println!("| start | median of {N_STARTS} | wanted |");
    println!("|---|---|---|");
    let floor = process("/bin/true", &[]);
    println!("| `/bin/true` | {floor:.2} ms | |");
    for program in [env!("CARGO_BIN_EXE_sluice"), env!("CARGO_BIN_EXE_sluice-server")] {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let took = process(program, &["--version"]);
        println!("| `{name} --version` | {took:.2} ms | ≤ 3 ms |");
    }
    println!("| a worker, to its first answer | {:.2} ms | |\n", worker());
}

/// Milliseconds from the start of a process to its end.
fn process(program: &str, arguments: &[&str]) -> f64 {
    let once = || {
        let start = Instant::now();
        let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{program}");
        start.elapsed().as_secs_f64() * 1000.0
    };
    median((0..N_STARTS).map(|_| once()).collect())
}

/// Milliseconds from the start of a worker until it has said who it is.
fn worker() -> f64 {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let once = || {
        let pool = WorkerPool::new(PoolOptions {
            program: env!("CARGO_BIN_EXE_sluice").into(),
            args: vec!["__worker".into()],
            size: 1,
            home: home.path().to_owned(),
            grace: Duration::from_secs(1),
        });
        let start = Instant::now();
        runtime.block_on(pool.warm(1));
        let took = start.elapsed().as_secs_f64() * 1000.0;
        runtime.block_on(pool.shutdown());
        took
    };
    median((0..N_STARTS).map(|_| once()).collect())
}
