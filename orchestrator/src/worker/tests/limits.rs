//! What a task may use at most, where this machine can limit it.

use serde_json::{Value, json};
use sluicegate_plugin::{Exit, Resources, TaskError};

use super::yard::{Yard, failed};
use crate::{run::AttemptResult, worker::AttemptReport};

/// Runs a task with 64 MiB.
async fn run(yard: &Yard, what: Value) -> AttemptReport {
    let mut spec = yard.spec(json!({ "what": what, "value": 1 }));
    spec.resources = Resources { memory: Some(64 << 20), cpus: Some(1.5) };
    yard.run_spec(spec).await
}

/// Tells whether the limit of the first attempt held; its log says when it could not.
fn is_limited(yard: &Yard) -> bool {
    let is_limited = !yard.log(1).contains("does not hold");
    if !is_limited {
        println!("this machine cannot limit tasks");
    }
    is_limited
}

#[tokio::test]
async fn a_task_that_takes_more_memory_than_its_limit_ends_and_says_so() {
    let yard = Yard::new(1);
    run(&yard, json!("nothing")).await;
    if is_limited(&yard) {
        let report = run(&yard, json!({ "fill": 200 })).await;
        let error = report.result.error().unwrap();
        assert_eq!(
            (error.code.as_str(), error.exit),
            (TaskError::OUT_OF_MEMORY, Some(Exit::Signal(9))),
            "{report:?}"
        );
        assert!(error.message.contains("memory ran out: its limit is 64 MiB"), "{}", error.message);
        assert_eq!(error.hints, [TaskError::MORE_MEMORY]);
    }
    yard.close().await;
}

#[tokio::test]
async fn a_program_that_takes_more_memory_than_the_limit_fails_the_task_as_such_and_later_tasks_are_free() {
    let yard = Yard::new(1);
    run(&yard, json!("nothing")).await;
    if is_limited(&yard) {
        let error = failed(run(&yard, json!({ "fill_outside": 200 })).await);
        assert_eq!(error.code, TaskError::OUT_OF_MEMORY);
        assert!(
            error.message.starts_with("memory ran out: its limit is 64 MiB; it ended with"),
            "{}",
            error.message
        );
        assert!(yard.log(2).contains("memory ran out"), "{}", yard.log(2));
        let report = yard.run(json!({ "fill": 100 })).await;
        assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    }
    yard.close().await;
}

#[tokio::test]
async fn a_limit_that_cannot_hold_is_the_first_line_of_the_log() {
    let yard = Yard::without_groups(std::time::Duration::from_secs(1));
    let report = run(&yard, json!("nothing")).await;
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    assert!(yard.log(1).starts_with("warning: `resources.memory` = 64 MiB does not hold on this machine: "));
    yard.close().await;
}
