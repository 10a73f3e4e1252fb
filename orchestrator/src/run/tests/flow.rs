//! How a run goes: order, failures, gates, retries, cancelling, restarts.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate_plugin::{Decision, Effect as EffectClass, PortType};

use super::sim::*;
use crate::{
    run::*,
    workflow::{RunIf, Task, TaskIdx},
};

#[test]
fn tasks_start_when_what_they_need_has_succeeded() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0]), task("c", &[0, 1])]);
    assert_eq!(sim.start_what_can(), [A]);
    assert_eq!(sim.start_what_can(), []);
    let _ = sim.finish(A, succeeded());
    assert_eq!(sim.start_what_can(), [B]);
    let _ = sim.finish(B, succeeded());
    assert_eq!(sim.start_what_can(), [C]);
    let _ = sim.finish(C, succeeded());
    assert_eq!(sim.dispatch(), [Effect::Finish]);
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn the_longest_path_goes_first_and_slots_are_heeded() {
    let tasks = vec![task("a", &[]), task("b", &[]), task("c", &[1])];
    let mut sim = Sim::new(workflow(tasks, Some(1)));
    assert_eq!(sim.start_what_can(), [B]);
    assert_eq!(sim.start_what_can(), []);
    let _ = sim.finish(B, succeeded());
    assert_eq!(sim.start_what_can(), [A]);
}

#[test]
fn a_failure_skips_what_stands_behind_and_lets_the_rest_go_on() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0]), task("c", &[])]);
    assert_eq!(sim.start_what_can(), [A, C]);
    let _ = sim.finish(A, failed(false));
    assert_eq!((sim.word(A), sim.word(B), sim.word(C)), ("failed", "skipped", "running"));
    let _ = sim.finish(C, succeeded());
    let _ = sim.dispatch();
    assert_eq!(sim.run.status(), RunStatus::Failed);
}

#[test]
fn a_gate_that_says_no_rejects_the_run() {
    for decision in [Decision::Reject, Decision::Insufficient] {
        let mut gate = task("gate", &[]);
        gate.kind = "gate".into();
        let mut sim = Sim::of(vec![gate, task("b", &[0])]);
        let _ = sim.start_what_can();
        let _ = sim.finish(A, judged(decision));
        assert_eq!((sim.word(A), sim.word(B)), ("succeeded", "skipped"));
        let _ = sim.dispatch();
        assert_eq!(sim.run.status(), RunStatus::Rejected);
    }
}

#[test]
fn a_retry_waits_and_counts() {
    let mut flaky = task("a", &[]);
    flaky.retry.attempts = 3;
    let mut sim = Sim::of(vec![flaky]);
    let _ = sim.start_what_can();
    assert_eq!(sim.finish(A, failed(true)), []);
    assert_eq!(sim.word(A), "waiting");
    sim.now = Timestamp(999);
    assert_eq!(sim.dispatch(), [Effect::WakeAt { at: Timestamp(1000) }]);
    sim.now = Timestamp(1000);
    assert_eq!(sim.start_what_can(), [A]);
    assert_eq!(sim.finish(A, failed(true)), []);
    sim.now = Timestamp(3000);
    assert_eq!(sim.start_what_can(), [A]);
    assert_eq!(sim.finish(A, failed(true)), []);
    assert_eq!((sim.word(A), sim.run.record(A).n_attempts), ("failed", 3));
}

#[test]
fn what_would_only_fail_again_is_not_tried_again() {
    let mut flaky = task("a", &[]);
    flaky.retry.attempts = 3;
    let mut sim = Sim::of(vec![flaky]);
    let _ = sim.start_what_can();
    assert_eq!(sim.finish(A, failed(false)), []);
    assert_eq!(sim.word(A), "failed");
}

#[test]
fn a_cancelled_run_stops_attempts_and_starts_nothing() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0])]);
    let _ = sim.start_what_can();
    let effects = sim.input(&Input::Cancel { reason: "enough".into() });
    assert_eq!(effects, [Effect::StopAttempt { task: A }]);
    assert_eq!((sim.word(A), sim.word(B)), ("running", "cancelled"));
    assert_eq!(sim.start_what_can(), []);
    let _ = sim.finish(A, AttemptResult::Cancelled);
    assert_eq!(sim.dispatch(), [Effect::Finish]);
    assert_eq!(sim.run.status(), RunStatus::Cancelled);
    assert_eq!(sim.run.cancel_reason(), Some("enough"));
}

#[test]
fn a_lost_attempt_is_repeated_unless_it_must_happen_once() {
    for (effect, wanted) in
        [(EffectClass::Pure, "waiting"), (EffectClass::Idempotent, "waiting"), (EffectClass::Once, "unknown")]
    {
        let mut sim = Sim::of(vec![Task { effect, ..task("a", &[]) }]);
        let _ = sim.start_what_can();
        sim.crash();
        let _ = sim.finish(A, AttemptResult::Lost);
        assert_eq!(sim.word(A), wanted);
    }
}

#[test]
fn a_task_that_is_lost_three_times_is_given_up() {
    let mut sim = Sim::of(vec![task("a", &[])]);
    for _ in 0..3 {
        assert_eq!(sim.start_what_can(), [A]);
        sim.crash();
        let _ = sim.finish(A, AttemptResult::Lost);
    }
    assert_eq!((sim.word(A), sim.run.record(A).n_lost), ("failed", 3));
    assert_eq!(sim.run.record(A).error.clone().unwrap().code, "parked");
}

#[test]
fn a_run_that_failed_goes_on_with_what_did_not_succeed() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0]), task("c", &[1])]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, succeeded());
    let _ = sim.start_what_can();
    let _ = sim.finish(B, failed(false));
    let _ = sim.dispatch();
    assert_eq!(sim.run.status(), RunStatus::Failed);
    let _ = sim.input(&Input::Reopen { owner: owner() });
    assert_eq!((sim.word(A), sim.word(B), sim.word(C)), ("succeeded", "ready", "blocked"));
    assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
    assert_eq!(sim.start_what_can(), [B]);
    assert_eq!(sim.run.record(B).n_attempts, 2, "attempts are counted on");
    let _ = sim.finish(B, succeeded());
    assert_eq!(sim.start_what_can(), [C]);
    let _ = sim.finish(C, succeeded());
    assert_eq!(sim.dispatch(), [Effect::Finish]);
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
    assert_eq!(sim.input(&Input::Reopen { owner: owner() }), [], "nothing is left to repeat");
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn what_a_gate_holds_back_is_not_repeated() {
    let mut sim = Sim::of(vec![task("gate", &[]), task("broken", &[]), task("release", &[0, 1])]);
    let _ = sim.start_what_can();
    let _ = sim.finish(B, failed(false));
    let _ = sim.finish(A, judged(Decision::Reject));
    let _ = sim.dispatch();
    assert_eq!(sim.run.tasks_to_repeat(), [B]);
    let _ = sim.input(&Input::Reopen { owner: owner() });
    let _ = sim.start_what_can();
    let _ = sim.finish(B, succeeded());
    let _ = sim.dispatch();
    assert_eq!((sim.word(C), sim.run.status()), ("skipped", RunStatus::Rejected));
}

#[test]
fn a_task_whose_outcome_was_lost_waits_for_a_person() {
    for (resolution, word, again) in [
        (Resolution::Succeeded, "succeeded", vec![B]),
        (Resolution::Failed, "failed", vec![A, B]),
        (Resolution::Retry, "cancelled", vec![A, B]),
    ] {
        let mut sim = Sim::of(vec![Task { effect: EffectClass::Once, ..task("a", &[]) }, task("b", &[0])]);
        let _ = sim.start_what_can();
        sim.crash();
        let _ = sim.finish(A, AttemptResult::Lost);
        let _ = sim.dispatch();
        assert_eq!((sim.word(A), sim.run.status()), ("unknown", RunStatus::Failed));
        assert_eq!(sim.run.tasks_to_repeat(), []);
        let _ = sim.input(&Input::Resolve { task: A, resolution });
        assert_eq!((sim.word(A), sim.run.tasks_to_repeat()), (word, again));
        assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
    }
}

#[test]
fn a_task_may_run_after_others_whatever_became_of_them() {
    for (result, wanted) in [(succeeded(), "skipped"), (failed(false), "ready")] {
        let tasks = vec![
            task("a", &[]),
            task("b", &[0]),
            run_if("always", &[1], RunIf::AllDone),
            run_if("alarm", &[0], RunIf::AnyFailed),
            task("behind", &[2]),
        ];
        let mut sim = Sim::of(tasks);
        let _ = sim.start_what_can();
        let broke = result != succeeded();
        let _ = sim.finish(A, result);
        assert_eq!(sim.word(TaskIdx(3)), "ready");
        let _ = sim.dispatch();
        assert_eq!(sim.word(TaskIdx(3)), wanted, "claimed tasks are shown as ready");
        if broke {
            assert_eq!((sim.word(B), sim.word(C), sim.word(TaskIdx(4))), ("skipped", "ready", "blocked"));
        }
    }
}

#[test]
fn a_condition_and_a_cache_hit_start_nothing() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[]), task("c", &[0])]);
    let _ = sim.dispatch();
    assert_eq!(sim.prepared(A, Prepared::Unwanted { when: "false".into() }), []);
    let origin = Origin { run: RunId::from_parts(0, 0), task: "b".into() };
    let entry = CacheEntry {
        origin: origin.clone(),
        workflow: "w".into(),
        key: CacheKey::default(),
        outcome: Outcome::default(),
    };
    assert_eq!(sim.prepared(B, Prepared::Cached { key: CacheKey::default(), entry: Box::new(entry) }), []);
    assert_eq!(sim.run.record(B).state, TaskState::Succeeded { origin: Some(origin) });
    assert_eq!((sim.word(A), sim.word(C)), ("skipped", "skipped"));
}

#[test]
fn inputs_that_come_too_late_mean_nothing() {
    let mut sim = Sim::of(vec![task("a", &[])]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, succeeded());
    let n_events = sim.run.n_events();
    let stale = Input::AttemptFinished { task: A, attempt: 1, result: failed(true), random: 0.0 };
    assert_eq!(sim.input(&stale), []);
    assert_eq!(sim.prepared(A, runnable(A)), []);
    let _ = sim.dispatch();
    assert_eq!(sim.input(&Input::Cancel { reason: "late".into() }), []);
    assert_eq!(sim.run.n_events(), n_events + 1);
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn stored_events_that_make_no_run_are_refused() {
    let mut sim = Sim::of(vec![task("a", &[])]);
    let _ = sim.start_what_can();
    let id = sim.run.id();
    assert_eq!(Run::replay(id, &[]).unwrap_err(), ReplayError::NoBeginning(id));
    assert_eq!(
        Run::replay(id, &sim.stored[1..]).unwrap_err(),
        ReplayError::Gap { run: id, expected: 0, found: 1 }
    );
    let mut newer = sim.stored.clone();
    newer[1].v = EVENT_VERSION + 1;
    assert!(matches!(Run::replay(id, &newer), Err(ReplayError::Newer { .. })));
    let mut strange = sim.stored.clone();
    strange[1].event = Event::TaskCancelled { task: TaskIdx(7) };
    assert_eq!(Run::replay(id, &strange).unwrap_err(), ReplayError::NoTask { run: id, task: 7 });
}

#[test]
fn events_survive_their_own_format() {
    let mut sim = Sim::of(vec![task("a", &[])]);
    let _ = sim.start_what_can();
    let outputs = BTreeMap::from([(
        "n".to_owned(),
        OutputArtifact { port_type: PortType::Value, hash: "h".into(), size: 1, value: Some(Value::Null) },
    )]);
    let _ = sim.finish(A, AttemptResult::Succeeded { outcome: Outcome { outputs, ..Outcome::default() } });
    for record in &sim.stored {
        let text = serde_json::to_string(record).unwrap();
        let back: EventRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}

#[test]
fn a_run_whose_last_lost_task_happened_after_all_succeeds() {
    let mut sim = Sim::of(vec![Task { effect: EffectClass::Once, ..task("a", &[]) }]);
    let _ = sim.start_what_can();
    sim.crash();
    let _ = sim.finish(A, AttemptResult::Lost);
    let _ = sim.dispatch();
    assert!(!sim.run.can_go_on());
    let _ = sim.input(&Input::Resolve { task: A, resolution: Resolution::Succeeded });
    assert!(sim.run.can_go_on());
    let _ = sim.input(&Input::Reopen { owner: owner() });
    let _ = sim.dispatch();
    assert_eq!((sim.word(A), sim.run.status()), ("succeeded", RunStatus::Succeeded));
    assert!(!sim.run.can_go_on());
}
