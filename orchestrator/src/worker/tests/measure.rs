//! What a worker costs: `cargo test -p sluicegate --lib measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use serde_json::json;

use super::yard::{Yard, options};
use crate::worker::WorkerPool;

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
    println!("cold start {:?}, warm task {:?} (medians)", median(cold), median(warm));
    yard.close().await;
}
