use std::sync::Arc;

use sluicegate_plugin::{Kind, testing::Bench};

use super::*;
use crate::testing::MemoryHost;

fn verdict(decision: &str, seen: f64) -> Value {
    json!({ "decision": decision, "requirements": [
        { "metric": "recall", "asked": "≥ 0.95", "seen": seen, "decision": decision, "reason": "recall is below 0.95" },
    ]})
}

struct Case {
    folder: tempfile::TempDir,
    host: Arc<MemoryHost>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model"), "bundle").unwrap();
        Self { folder, host: Arc::default() }
    }

    fn bench(&self) -> Bench {
        let model = self.folder.path().join("model");
        Bench::new(self.folder.path()).host(self.host.clone()).file("model", PortType::Model, model)
    }
}

#[test]
fn a_model_that_passed_is_registered_and_becomes_champion_with_the_reason() {
    let case = Case::new();
    let report = json!({ "metrics": { "recall": 0.98113, "task": "x" } });
    let bench = case.bench().json("verdict", PortType::Verdict, &verdict("pass", 0.98113));
    let bench = bench.json("report", PortType::Report, &report);
    let finished = bench.run(&Register, json!({})).unwrap();
    assert_eq!(finished.summary.as_deref(), Some("bench v1, now champion"));
    assert_eq!(finished.outputs["version"].value, Some(json!({ "model": "bench", "version": 1 })));
    assert_eq!(std::fs::read(&finished.outputs["model"].path).unwrap(), b"bundle");
    let moves = case.host.moves.lock().unwrap().clone();
    assert_eq!(moves[0].reason, "passed gate: recall 0.9811 ≥ 0.95");
    assert_eq!(moves[0].actor, "run run, task task");
    let version = case.host.versions.lock().unwrap()[0].clone();
    assert_eq!((version.metrics.len(), version.size, version.decision), (1, 6, Some(Decision::Pass)));
    // A second time changes nothing.
    assert_eq!(bench.run(&Register, json!({})).unwrap().summary.as_deref(), Some("bench v1 (unchanged)"));
    assert_eq!(case.host.moves.lock().unwrap().len(), 1);
}

#[test]
fn a_verdict_that_is_no_pass_registers_nothing() {
    let case = Case::new();
    for decision in ["reject", "insufficient"] {
        let bench = case.bench().json("verdict", PortType::Verdict, &verdict(decision, 0.5));
        let error = bench.run(&Register, json!({})).unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), ("not_passed", false));
        assert_eq!(
            error.message,
            format!("the gate's verdict is `{decision}`: recall: recall is below 0.95")
        );
    }
    assert!(case.host.versions.lock().unwrap().is_empty());
}

#[test]
fn without_an_alias_nothing_moves() {
    let case = Case::new();
    for alias in [json!(false), json!("")] {
        case.bench().run(&Register, json!({ "alias": alias, "model": "other" })).unwrap();
    }
    assert!(case.host.moves.lock().unwrap().is_empty());
    let finished = case.bench().run(&Register, json!({ "alias": "challenger", "model": "other" })).unwrap();
    assert_eq!(finished.summary.as_deref(), Some("other v1, now challenger"));
    assert_eq!(case.host.moves.lock().unwrap()[0].reason, "registered without a gate");
}

#[test]
fn names_that_cannot_be_used_are_found_before_anything_runs() {
    let pointers =
        |params| Kind::check(&Register, &params).into_iter().map(|p| p.pointer).collect::<Vec<_>>();
    assert_eq!(pointers(json!({ "model": "a/b", "alias": "../x" })), ["/model", "/alias"]);
    assert_eq!(pointers(json!({ "alias": "v3" })), ["/alias"]);
    assert_eq!(pointers(json!({ "alias": true })), [""]);
    assert!(pointers(json!({ "model": "iris", "alias": false })).is_empty());
}
