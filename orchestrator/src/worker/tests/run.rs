//! Tasks that end, well or not, and the workers they run in.

use std::time::Duration;

use serde_json::json;

use super::{
    trial::until,
    yard::{Yard, failed, options, spec},
};
use crate::{
    artifact::ArtifactStore,
    run::AttemptResult,
    worker::{AttemptControl, AttemptReport, WorkerPool, process::Process},
};

#[track_caller]
fn crashed(report: AttemptReport) -> (String, String) {
    match report.result {
        AttemptResult::Crashed { message, stderr, .. } => (message, stderr),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_output_becomes_an_artifact_and_the_worker_stays_warm() {
    let yard = Yard::new(2);
    let first = yard.run(json!("nothing")).await;
    let AttemptResult::Succeeded { outcome } = first.result else { panic!("{first:?}") };
    let output = &outcome.outputs["value"];
    assert_eq!(output.value, Some(json!(7)));
    let artifacts = ArtifactStore::open(&yard.path("artifacts")).unwrap();
    assert!(artifacts.contains(&output.hash, output.size));
    let second = yard.run(json!("nothing")).await;
    assert_eq!(second.worker, first.worker);
    assert!(second.worker.unwrap().is_alive());
    yard.close().await;
}

#[tokio::test]
async fn a_failure_is_told_and_logged() {
    let yard = Yard::new(1);
    let error = failed(yard.run(json!("fail")).await);
    assert_eq!((error.code.as_str(), error.retryable), ("trial", true));
    assert_eq!(yard.log(1), "error: it was told to fail\nhint: tell it something else\n");
    yard.close().await;
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_its_place_is_in_the_log() {
    let yard = Yard::new(1);
    let report = yard.run(json!("panic")).await;
    let worker = report.worker.clone();
    let error = failed(report);
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("panic", "the task panicked: it was told to panic")
    );
    assert!(!error.retryable);
    let log = yard.log(1);
    assert!(log.contains("trial.rs:") && log.contains(": it was told to panic\n"), "{log}");
    let next = yard.run(json!("panic_elsewhere")).await;
    assert_eq!(next.worker, worker, "the worker lives on");
    assert!(yard.log(2).contains("a thread was told to panic"), "{}", yard.log(2));
    yard.close().await;
}

#[tokio::test]
async fn a_worker_that_dies_says_how() {
    let yard = Yard::new(1);
    let (message, _) = crashed(yard.run(json!({ "exit": 3 })).await);
    assert_eq!(message, "the worker exited with code 3 in the middle of the task");
    let (message, _) = crashed(yard.run(json!("abort")).await);
    assert_eq!(message, "the worker was killed by signal 6 (SIGABRT)");
    let (message, stderr) = crashed(yard.run(json!({ "signal": 11 })).await);
    assert_eq!(message, "the worker was killed by signal 11 (SIGSEGV)");
    assert_eq!(stderr, "last words");
    let (message, _) = crashed(yard.run(json!({ "signal": 9 })).await);
    assert!(message.starts_with("the worker was killed by signal 9 (SIGKILL); "), "{message}");
    assert!(message.contains("memory"), "{message}");
    let next = yard.run(json!("nothing")).await;
    assert!(matches!(next.result, AttemptResult::Succeeded { .. }), "another worker takes its place");
    yard.close().await;
}

#[tokio::test]
async fn an_outcome_that_was_written_before_the_worker_died_counts() {
    let yard = Yard::new(1);
    let report = yard.run(json!("write_outcome_and_die")).await;
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    yard.close().await;
}

#[tokio::test]
async fn what_a_task_prints_or_reads_does_not_reach_the_channel() {
    let yard = Yard::new(1);
    let report = yard.run(json!("print")).await;
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    yard.close().await;
}

#[tokio::test]
async fn progress_reaches_the_engine() {
    let yard = Yard::new(1);
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let (control, _handle) = AttemptControl::new(Box::new(move |fraction, note| {
        tx.send((fraction, note.to_owned())).unwrap();
    }));
    yard.pool.execute(yard.spec(json!({ "what": "report", "value": 1 })), control).await;
    assert_eq!(rx.recv().await, Some((0.25, "a quarter".to_owned())));
    yard.close().await;
}

#[tokio::test]
async fn an_output_that_is_missing_a_link_or_too_large_is_refused() {
    let yard = Yard::new(1);
    let error = failed(yard.run_spec(yard.spec(json!({ "what": "report" }))).await);
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("missing_output", "output `value` was not written")
    );
    let error = failed(yard.run_spec(yard.spec(json!({ "what": "write_link" }))).await);
    assert_eq!((error.code.as_str(), error.retryable), ("bad_output", false));
    let error = failed(yard.run_spec(yard.spec(json!({ "what": { "write_much": 70_000 } }))).await);
    assert_eq!(error.code, "large_value");
    yard.close().await;
}

#[tokio::test]
async fn a_request_that_is_too_long_or_of_an_unknown_kind_is_refused() {
    let yard = Yard::new(1);
    let filling = "x".repeat(2 << 20);
    let error = failed(yard.run_spec(yard.spec(json!({ "what": "nothing", "filling": filling }))).await);
    assert_eq!(error.code, "large_spec");
    let mut spec = yard.spec(json!({ "what": "nothing" }));
    spec.kind = "no.such".into();
    assert_eq!(failed(yard.run_spec(spec).await).code, "unknown_kind");
    yard.close().await;
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), 1, Duration::from_secs(1));
    options.args = vec!["-c".into(), "echo no worker >&2; exit 5".into()];
    options.program = "/bin/sh".into();
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let report = WorkerPool::new(options.clone()).execute(spec(folder.path(), 1, json!({})), control).await;
    let error = failed(report);
    assert_eq!(error.code, "no_worker");
    assert!(error.message.ends_with("before it was ready; it last wrote: no worker"), "{}", error.message);
    options.program = "/no/such/program".into();
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let error = failed(WorkerPool::new(options).execute(spec(folder.path(), 1, json!({})), control).await);
    assert!(error.message.starts_with("cannot start a worker from `/no/such/program`"), "{}", error.message);
}

#[tokio::test]
async fn a_worker_that_died_while_it_was_idle_costs_no_attempt() {
    let yard = Yard::new(1);
    yard.pool.warm(1).await;
    let idle = yard.pool.idle_workers().remove(0);
    let process = Process::find(idle.pid).unwrap();
    process.signal(rustix::process::Signal::KILL);
    until(|| !process.lives());
    let report = yard.run(json!("nothing")).await;
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    assert_ne!(report.worker, Some(idle));
    yard.close().await;
}

#[tokio::test]
async fn warming_up_never_starts_more_workers_than_fit() {
    let yard = Yard::new(2);
    yard.pool.warm(9).await;
    yard.pool.warm(9).await;
    let idle = yard.pool.idle_workers();
    assert_eq!(idle.len(), 2);
    let report = yard.run(json!("nothing")).await;
    assert!(idle.contains(&report.worker.unwrap()));
    yard.close().await;
}

#[tokio::test]
async fn more_attempts_than_workers_wait_for_their_turn() {
    let yard = Yard::new(2);
    let attempts = (0..6).map(|_| yard.run(json!("nothing")));
    let mut workers = Vec::new();
    for report in futures(attempts).await {
        assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
        workers.push(report.worker.unwrap().pid);
    }
    workers.sort_unstable();
    workers.dedup();
    assert!(workers.len() <= 2, "{workers:?}");
    yard.close().await;
}

/// Polls futures side by side, on this task.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut open = false;
        for (future, done) in &mut waiting {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
