//! Tasks with items.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluicegate_plugin::PortType;

use super::sim::*;
use crate::{
    run::*,
    workflow::{Task, TaskIdx},
};

fn with_items(n_items: usize) -> (Sim, Vec<TaskIdx>) {
    let each = Task { for_each: Some(json!([1, 2, 3])), ..task("each", &[]) };
    let mut sim = Sim::of(vec![each, task("after", &[0])]);
    assert_eq!(sim.dispatch(), [Effect::Prepare { task: A }]);
    let items = (0..n_items).map(Value::from).collect();
    let _ = sim.prepared(A, Prepared::Expanded { items });
    let items = sim.run.items_of(A).collect();
    (sim, items)
}

fn left(value: i64) -> AttemptResult {
    let outputs = BTreeMap::from([
        ("n".to_owned(), OutputArtifact::of_value(json!(value))),
        (
            "table".to_owned(),
            OutputArtifact {
                port_type: PortType::Table,
                hash: format!("hash {value}"),
                size: 1,
                value: None,
            },
        ),
    ]);
    let metrics = BTreeMap::from([("f1".to_owned(), 0.5)]);
    AttemptResult::Succeeded { outcome: Outcome { outputs, metrics, ..Outcome::default() } }
}

fn join(sim: &mut Sim) {
    assert_eq!(sim.dispatch(), [Effect::Prepare { task: A }]);
    let prepared = match sim.run.joined(A) {
        Ok(outcome) => Prepared::Joined { outcome: Box::new(outcome) },
        Err(error) => Prepared::Broken { error },
    };
    let _ = sim.prepared(A, prepared);
}

#[test]
fn items_run_on_their_own_and_their_results_are_joined_in_order() {
    let (mut sim, items) = with_items(2);
    assert_eq!(sim.start_what_can(), items);
    assert_eq!(sim.run.task(items[1]).name, "each[1]");
    assert_eq!(sim.run.item(items[1]), Some((A, &json!(1))));
    let _ = sim.finish(items[1], left(8));
    assert_eq!((sim.word(A), sim.word(B)), ("running", "blocked"));
    let _ = sim.finish(items[0], left(7));
    join(&mut sim);
    let outcome = sim.run.record(A).outcome.clone().unwrap();
    assert_eq!(outcome.outputs["n"].value, Some(json!([7, 8])));
    assert_eq!(outcome.outputs["table_1"].hash, "hash 8");
    assert_eq!(outcome.metrics.keys().collect::<Vec<_>>(), ["f1_0", "f1_1"]);
    assert_eq!(sim.start_what_can(), [B]);
    assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
}

#[test]
fn no_items_are_joined_at_once() {
    let (mut sim, items) = with_items(0);
    assert_eq!(items, []);
    join(&mut sim);
    assert_eq!(sim.start_what_can(), [B]);
}

#[test]
fn an_item_that_fails_fails_the_whole_and_only_it_is_repeated() {
    let (mut sim, items) = with_items(2);
    let _ = sim.start_what_can();
    let _ = sim.finish(items[0], left(7));
    let _ = sim.finish(items[1], failed(false));
    join(&mut sim);
    assert_eq!((sim.word(A), sim.word(B)), ("failed", "skipped"));
    let message = sim.run.record(A).error.clone().unwrap().message;
    assert_eq!(message, "1 of 2 items failed; `each[1]`: it broke");
    let _ = sim.dispatch();
    assert_eq!(sim.run.status(), RunStatus::Failed);
    let _ = sim.input(&Input::Reopen { owner: owner() });
    assert_eq!(sim.start_what_can(), [items[1]]);
    let _ = sim.finish(items[1], left(8));
    join(&mut sim);
    assert_eq!(sim.start_what_can(), [B]);
}

#[test]
fn a_cancel_ends_items_and_what_waits_for_them() {
    let (mut sim, items) = with_items(2);
    let _ = sim.start_what_can();
    let effects = sim.input(&Input::Cancel { reason: "enough".into() });
    let stops: Vec<_> = items.iter().map(|task| Effect::StopAttempt { task: *task }).collect();
    assert_eq!(effects, stops);
    for item in items {
        let _ = sim.finish(item, AttemptResult::Cancelled);
    }
    let _ = sim.dispatch();
    assert_eq!((sim.word(A), sim.run.status()), ("cancelled", RunStatus::Cancelled));
}

#[test]
fn a_matrix_gives_every_combination() {
    let found = items(json!({ "depth": [1, 2], "lr": [0.1] })).unwrap();
    assert_eq!(found, [json!({ "depth": 1, "lr": 0.1 }), json!({ "depth": 2, "lr": 0.1 })]);
    assert_eq!(items(json!(7)).unwrap_err().message, "`for_each` is a number, not a list");
    assert_eq!(items(json!({ "a": 1 })).unwrap_err().message, "`for_each.a` is a number, not a list");
    assert!(items(json!(vec![0; 10_001])).unwrap_err().message.contains("at most 10000"));
}

#[test]
fn what_was_before_a_task_with_items_does_not_count_as_one_of_them_after_a_retry() {
    let each = Task { for_each: Some(json!([0, 1])), ..task("each", &[0]) };
    let mut sim = Sim::of(vec![task("before", &[]), each, task("after", &[1])]);
    assert_eq!(sim.start_what_can(), [A]);
    let _ = sim.finish(A, succeeded());
    assert_eq!(sim.dispatch(), [Effect::Prepare { task: B }]);
    let _ = sim.prepared(B, Prepared::Expanded { items: vec![json!(0), json!(1)] });
    let items: Vec<_> = sim.run.items_of(B).collect();
    let _ = sim.start_what_can();
    let _ = sim.finish(items[0], failed(false));
    let _ = sim.finish(items[1], left(1));
    assert_eq!(sim.dispatch(), [Effect::Prepare { task: B }]);
    let _ = sim.prepared(B, Prepared::Broken { error: sim.run.joined(B).unwrap_err() });
    let _ = sim.dispatch();
    let _ = sim.input(&Input::Reopen { owner: owner() });
    assert_eq!(sim.start_what_can(), [items[0]]);
    assert_eq!((sim.word(B), sim.dispatch()), ("running", Vec::new()));
    let _ = sim.finish(items[0], left(0));
    assert_eq!(sim.dispatch(), [Effect::Prepare { task: B }]);
}
