//! What a worker costs: `cargo test -p sluicegate --lib measure -- --ignored --nocapture`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    inline::NoHost,
    trial::Trial,
    yard::{Yard, options},
};
use crate::{
    artifact::ArtifactStore,
    worker::{AttemptControl, InlineAttempt, WorkerPool, run_inline},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn measure_a_cold_start_and_a_warm_task() {
    let yard = Yard::new(1);
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let mut cold = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let other = WorkerPool::new(options(yard.folder.path(), 1, Duration::from_secs(5)));
        other.warm(1).await;
        cold.push(start.elapsed());
        other.shutdown().await;
    }
    let mut warm = Vec::new();
    for _ in 0..500 {
        let spec = yard.spec(json!({ "what": "nothing" }));
        let start = Instant::now();
        yard.run_spec(spec).await;
        warm.push(start.elapsed());
    }
    let mut programs = Vec::new();
    for _ in 0..500 {
        let spec = yard.spec(json!({ "what": { "run": "/bin/true" } }));
        let start = Instant::now();
        yard.run_spec(spec).await;
        programs.push(start.elapsed());
    }
    println!("a program in a warm task {:?} (median)", median(programs));
    println!("cold start {:?}, warm task {:?} (medians)", median(cold), median(warm));
    yard.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn measure_an_inline_task() {
    let yard = Yard::new(1);
    let artifacts = ArtifactStore::open(&yard.path("artifacts")).unwrap();
    let n_tasks = 10_000;
    let start = Instant::now();
    for _ in 0..n_tasks {
        let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
        run_inline(InlineAttempt {
            kind: Arc::new(Trial),
            spec: yard.spec(json!({ "what": "nothing" })),
            host: Arc::new(NoHost),
            artifacts: artifacts.clone(),
            keeps_outcome: false,
            control,
        })
        .await;
    }
    println!("an inline task {:?} (mean)", start.elapsed() / n_tasks);
    yard.close().await;
}
