//! Results: who remembers them, until when, and what stays on the disk.

use serde_json::json;

use super::yard::Yard;
use crate::{
    run::AttemptResult,
    worker::{entry::Entry, read_outcome},
};

/// Tells whether the worker still answers for an attempt, as far as it noted.
fn is_remembered(yard: &Yard, attempt: u32) -> bool {
    yard.entries().iter().any(|entry| Entry::answers_for(entry, &format!("attempt-{attempt}")))
}

#[tokio::test]
async fn an_attempt_that_writes_nothing_leaves_nothing() {
    let yard = Yard::new(1);
    let report = yard.run_spec(yard.spec(json!({ "what": "nothing" }))).await;
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    assert!(!yard.path("attempts").exists());
    yard.run(json!("nothing")).await;
    assert_eq!(yard.path("attempts").read_dir().unwrap().count(), 0, "what was staged is taken in");
    yard.pool.kept(&[yard.path("attempts/1"), yard.path("attempts/2")]);
    yard.close().await;
}

#[tokio::test]
async fn a_result_that_does_not_fit_into_a_line_comes_by_its_file() {
    let yard = Yard::new(1);
    let report = yard.run_spec(yard.spec(json!({ "what": { "say": 2 << 20 }, "value": 1 }))).await;
    let AttemptResult::Succeeded { outcome } = &report.result else { panic!("{report:?}") };
    assert_eq!(outcome.summary.as_ref().unwrap().len(), 2 << 20);
    assert_eq!(read_outcome(&yard.path("attempts/1"), "attempt-1"), Some(report.result));
    yard.close().await;
}

#[tokio::test]
async fn a_worker_remembers_a_result_until_it_is_durable() {
    let yard = Yard::new(1);
    yard.run(json!("nothing")).await;
    yard.run(json!("nothing")).await;
    assert!(is_remembered(&yard, 1));
    yard.pool.kept(&[yard.path("attempts/1"), yard.path("attempts/2")]);
    yard.run(json!("nothing")).await;
    assert!(!is_remembered(&yard, 1) && !is_remembered(&yard, 2) && is_remembered(&yard, 3));
    let folder = yard.folder.path().to_owned();
    yard.pool.shutdown().await;
    let outcome = |attempt: u32| {
        read_outcome(&folder.join(format!("attempts/{attempt}")), &format!("attempt-{attempt}"))
    };
    assert_eq!((outcome(1), outcome(2)), (None, None));
    assert!(outcome(3).is_some(), "nobody said that it is durable");
    yard.close().await;
}

#[tokio::test]
async fn a_secret_is_seen_nowhere() {
    let yard = Yard::new(1);
    let mut spec = yard.spec(json!({ "what": { "tell": "TOKEN" } }));
    spec.secrets = [("TOKEN".to_owned(), sluicegate_plugin::Secret::new("hunter2"))].into();
    let report = yard.run_spec(spec.clone()).await;
    let AttemptResult::Succeeded { outcome } = &report.result else { panic!("{report:?}") };
    assert_eq!(outcome.outputs["value"].value, Some(json!("***")));
    assert!(!format!("{report:?}").contains("hunter2"));
    let log = yard.log(1);
    assert!(log.starts_with("***\n") && log.contains("***\n") && !log.contains("hunter2"), "{log}");
    let mut dies = yard.spec(json!({ "what": { "signal": 11 } }));
    dies.secrets = [("WORDS".to_owned(), sluicegate_plugin::Secret::new("last words"))].into();
    let report = yard.run_spec(dies).await;
    let AttemptResult::Crashed { stderr, .. } = &report.result else { panic!("{report:?}") };
    assert!(stderr.ends_with("***") && !stderr.contains("last words"), "{stderr}");
    yard.close().await;
}
