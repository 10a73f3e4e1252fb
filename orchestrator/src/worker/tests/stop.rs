//! Cancelling, timeouts, and what is left of a task afterwards.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    trial::until,
    yard::{Yard, failed, options},
};
use crate::{
    run::AttemptResult,
    worker::{AttemptControl, AttemptReport, StopReason, WorkerPool, entry::Entry},
};

/// Runs a task and stops it as soon as it waits.
async fn stop_when_waiting(yard: &Yard, what: Value, reason: StopReason) -> AttemptReport {
    let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
    let waiting = yard.path("waiting");
    let stopper = std::thread::spawn(move || {
        until(|| waiting.exists());
        std::fs::remove_file(&waiting).unwrap();
        handle.stop(reason);
    });
    let report = yard.pool.execute(yard.spec(json!({ "what": what, "value": 1 })), control).await;
    stopper.join().unwrap();
    report
}

#[tokio::test]
async fn a_task_that_obeys_keeps_its_worker_warm() {
    let yard = Yard::new(1);
    let report = stop_when_waiting(&yard, json!("wait"), StopReason::Cancelled).await;
    assert_eq!(report.result, AttemptResult::Cancelled);
    let next = yard.run(json!("nothing")).await;
    assert_eq!(next.worker, report.worker);
    yard.close().await;
}

#[tokio::test]
async fn a_timeout_is_told_as_one() {
    let yard = Yard::new(1);
    let report = stop_when_waiting(&yard, json!("wait"), StopReason::TimedOut { after: 1.5 }).await;
    assert_eq!(report.result, AttemptResult::TimedOut { after: 1.5, stubborn: None });
    yard.close().await;
}

#[tokio::test]
async fn a_task_that_does_not_obey_is_killed() {
    let yard = Yard::with_grace(1, Duration::from_millis(50));
    let report = stop_when_waiting(&yard, json!("ignore"), StopReason::Cancelled).await;
    assert_eq!(report.result, AttemptResult::Cancelled);
    assert_eq!(yard.processes(), []);
    let next = yard.run(json!("nothing")).await;
    assert!(matches!(next.result, AttemptResult::Succeeded { .. }), "{next:?}");
    yard.close().await;
}

#[tokio::test]
async fn a_killed_task_leaves_nothing_that_left_its_session_or_shed_its_environment() {
    for what in ["leave", "leave_unmarked"] {
        let yard = Yard::with_grace(1, Duration::from_millis(50));
        let report = stop_when_waiting(&yard, json!({ what: "ignore" }), StopReason::Cancelled).await;
        assert_eq!(report.result, AttemptResult::Cancelled);
        assert_eq!(yard.left(), None, "{what}");
        yard.close().await;
    }
}

#[tokio::test]
async fn a_killed_task_leaves_no_chain_of_processes_that_run_away() {
    let grace = Duration::from_millis(50);
    for (yard, what) in [
        (Yard::with_grace(1, grace), "ignore"),
        (Yard::without_groups(grace), "ignore"),
        (Yard::new(1), "wait"),
    ] {
        let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
        let (waiting, home) = (yard.path("waiting"), yard.folder.path().to_owned());
        let stopper = std::thread::spawn(move || {
            until(|| waiting.exists());
            // Where it can be had, the worker's group is what is tried.
            until(|| {
                Entry::all(&home).iter().all(|entry| {
                    let worker = entry.process().expect("the worker lives");
                    entry.groups().unified.is_none() || entry.groups().hold(worker.pid)
                })
            });
            handle.stop(StopReason::Cancelled);
        });
        let report =
            yard.pool.execute(yard.spec(json!({ "what": { "evade": what }, "value": 1 })), control).await;
        stopper.join().unwrap();
        assert_eq!(report.result, AttemptResult::Cancelled);
        // The next of a chain may hide from one look, while it takes the place of the one before.
        assert!((0..20).all(|_| !yard.is_named()));
        yard.close().await;
    }
}

#[tokio::test]
async fn a_task_that_obeys_or_fails_leaves_nothing_either() {
    let yard = Yard::new(1);
    let report = stop_when_waiting(&yard, json!({ "leave_unmarked": "wait" }), StopReason::Cancelled).await;
    assert_eq!(yard.left(), None);
    std::fs::remove_file(yard.path("left")).unwrap();
    let next = yard.run(json!({ "leave": "fail" })).await;
    assert_eq!((next.worker.clone(), failed(next).code.as_str()), (report.worker, "trial"));
    assert_eq!(yard.left(), None);
    yard.close().await;
}

#[tokio::test]
async fn a_worker_that_crashes_leaves_nothing() {
    let yard = Yard::new(1);
    let report = yard.run(json!({ "leave": "abort" })).await;
    assert!(matches!(report.result, AttemptResult::Crashed { .. }), "{report:?}");
    assert_eq!(yard.left(), None);
    yard.close().await;
}

#[tokio::test]
async fn what_a_successful_task_left_running_lives_as_long_as_the_pool() {
    let yard = Yard::new(1);
    let first = yard.run(json!({ "leave_unmarked": "nothing" })).await;
    assert!(yard.left().is_some());
    let second = yard.run(json!("fail")).await;
    assert_eq!(second.worker, first.worker);
    let left = yard.left().expect("a failure of another task does not end it");
    yard.close().await;
    assert!(!left.lives());
}

#[tokio::test]
async fn an_attempt_that_waits_for_a_worker_can_be_stopped() {
    let yard = Yard::new(1);
    let (control, busy) = AttemptControl::new(Box::new(|_, _| ()));
    let running = tokio::spawn({
        let (pool, spec) = (yard.pool.clone(), yard.spec(json!({ "what": "wait" })));
        async move { pool.execute(spec, control).await }
    });
    let waiting = yard.path("waiting");
    tokio::task::spawn_blocking(move || until(|| waiting.exists())).await.unwrap();
    let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
    handle.stop(StopReason::TimedOut { after: 0.5 });
    let report = yard.pool.execute(yard.spec(json!({ "what": "nothing" })), control).await;
    assert_eq!(
        (report.result, report.worker),
        (AttemptResult::TimedOut { after: 0.5, stubborn: None }, None)
    );
    busy.stop(StopReason::Cancelled);
    assert_eq!(running.await.unwrap().result, AttemptResult::Cancelled);
    yard.close().await;
}

#[tokio::test]
async fn shutting_down_ends_busy_workers_too() {
    let yard = Yard::new(1);
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let running = tokio::spawn({
        let (pool, spec) = (yard.pool.clone(), yard.spec(json!({ "what": { "leave": "ignore" } })));
        async move { pool.execute(spec, control).await }
    });
    let waiting = yard.path("waiting");
    tokio::task::spawn_blocking(move || until(|| waiting.exists())).await.unwrap();
    yard.pool.shutdown().await;
    assert_eq!(running.await.unwrap().result, AttemptResult::Cancelled);
    assert_eq!((yard.left(), yard.processes()), (None, vec![]));
}

#[tokio::test]
async fn a_pool_that_is_dropped_leaves_nothing() {
    let yard = Yard::new(1);
    yard.run(json!({ "leave": "nothing" })).await;
    let left = yard.left().unwrap();
    let Yard { folder, pool, n_attempts } = yard;
    drop(pool);
    assert!(!left.lives());
    let pool = WorkerPool::new(options(folder.path(), 1, Duration::from_secs(1)));
    Yard { folder, pool, n_attempts }.close().await;
}
