//! Pauses, limits, pools, hooks, retry filters and failures that are tolerated.

use std::collections::BTreeMap;

use sluicegate_plugin::{Decision, Exit, TaskError};

use super::sim::*;
use crate::{
    run::*,
    workflow::{Hook, PoolUse, RetryOn, Task, TaskIdx, Workflow},
};

fn hook(hook: Hook) -> Task {
    Task { hook: Some(hook), ..task("hook", &[]) }
}

/// Ends every running task well until the run ends, and returns what started, in order.
fn run_on(sim: &mut Sim) -> Vec<TaskIdx> {
    let mut all = Vec::new();
    loop {
        let started = sim.start_what_can();
        if started.is_empty() {
            return all;
        }
        for task in started {
            all.push(task);
            let _ = sim.finish(task, succeeded());
        }
    }
}

#[test]
fn a_paused_run_starts_nothing_and_lets_what_runs_go_on() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0])]);
    assert_eq!(sim.start_what_can(), [A]);
    let _ = sim.input(&Input::Pause);
    let _ = sim.finish(A, succeeded());
    assert_eq!(sim.start_what_can(), []);
    assert_eq!((sim.run.status(), sim.word(B)), (RunStatus::Paused, "ready"));
    assert_eq!(sim.replayed().status(), RunStatus::Paused);
    let _ = sim.input(&Input::Unpause);
    assert_eq!(run_on(&mut sim), [B]);
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn a_run_that_takes_too_long_fails_and_its_hooks_run() {
    let tasks = vec![task("a", &[]), task("b", &[0]), hook(Hook::Failure), hook(Hook::Cancellation)];
    let mut sim = Sim::new(Workflow { timeout: Some(60.0), ..workflow(tasks, None) });
    assert_eq!(sim.start_what_can(), [A]);
    assert_eq!(sim.dispatch(), [Effect::WakeAt { at: Timestamp(60_000) }]);
    sim.now = Timestamp(60_000);
    assert_eq!(sim.dispatch(), [Effect::StopAttempt { task: A }]);
    assert_eq!(sim.word(B), "cancelled");
    let _ = sim.finish(A, AttemptResult::Cancelled);
    assert_eq!(run_on(&mut sim), [C]);
    assert_eq!(sim.run.status(), RunStatus::Failed);
    assert_eq!(sim.run.cancel_reason(), Some("the run took longer than its timeout of 60 s"));
}

#[test]
fn the_time_of_a_run_stands_still_while_nobody_drives_it() {
    let mut sim = Sim::new(Workflow { timeout: Some(60.0), ..workflow(vec![task("a", &[])], None) });
    let _ = sim.start_what_can();
    sim.now = Timestamp(1_000_000);
    sim.crash();
    assert_eq!(sim.dispatch(), [Effect::WakeAt { at: Timestamp(1_060_000) }]);
}

#[test]
fn hooks_run_for_their_end_and_once_the_tasks_are_done() {
    let ends = [
        (Hook::Success, succeeded()),
        (Hook::Failure, failed(false)),
        (Hook::Rejection, judged(Decision::Reject)),
    ];
    for (wanted, result) in ends {
        let mut tasks = vec![task("a", &[])];
        tasks.extend(Hook::ALL.map(|(_, end)| hook(end)));
        let mut sim = Sim::of(tasks);
        assert_eq!(sim.start_what_can(), [A]);
        let _ = sim.finish(A, result);
        let ran: Vec<_> = run_on(&mut sim).iter().map(|task| sim.run.task(*task).hook.unwrap()).collect();
        assert_eq!(ran, [wanted, Hook::Always]);
        assert!(sim.run.status().is_final());
    }
}

#[test]
fn hooks_of_a_cancelled_run_survive_a_crash() {
    let mut sim = Sim::of(vec![task("a", &[]), hook(Hook::Cancellation)]);
    let _ = sim.start_what_can();
    let _ = sim.input(&Input::Cancel { reason: "enough".into() });
    let _ = sim.finish(A, AttemptResult::Cancelled);
    assert_eq!(sim.start_what_can(), [B]);
    sim.crash();
    let _ = sim.finish(B, AttemptResult::Lost);
    assert_eq!(run_on(&mut sim), [B]);
    assert_eq!((sim.run.status(), sim.word(B)), (RunStatus::Cancelled, "succeeded"));
}

#[test]
fn a_hook_that_fails_does_not_change_how_the_run_ended() {
    let mut sim = Sim::of(vec![task("a", &[]), hook(Hook::Always)]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, succeeded());
    assert_eq!(sim.start_what_can(), [B]);
    let _ = sim.finish(B, failed(false));
    let _ = sim.dispatch();
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn pools_and_mutexes_limit_what_runs_together() {
    let pooled = |slots| Task { pool: Some(PoolUse { name: "gpu".into(), slots }), ..task("p", &[]) };
    let locked = Task { mutex: Some("db".into()), ..task("m", &[]) };
    let tasks = vec![pooled(2), pooled(1), pooled(1), locked.clone(), locked];
    let pools = BTreeMap::from([("gpu".to_owned(), 2)]);
    let mut sim = Sim::new(Workflow { pools, ..workflow(tasks, None) });
    assert_eq!(sim.start_what_can(), [A, TaskIdx(3)]);
    let _ = sim.finish(A, succeeded());
    assert_eq!(sim.start_what_can(), [B, C]);
    let _ = sim.finish(TaskIdx(3), succeeded());
    assert_eq!(sim.start_what_can(), [TaskIdx(4)]);
}

#[test]
fn what_other_runs_hold_is_not_free() {
    let locked = Task { mutex: Some("db".into()), ..task("m", &[]) };
    let mut sim = Sim::of(vec![locked]);
    let free = |n| Input::Dispatch { free: BTreeMap::from([("mutex db".to_owned(), n)]) };
    assert_eq!(sim.input(&free(0)), []);
    assert_eq!(sim.input(&free(1)), [Effect::Prepare { task: A }]);
}

#[test]
fn a_large_claim_is_not_overtaken_for_ever() {
    let pooled = |priority, slots| Task {
        pool: Some(PoolUse { name: "gpu".into(), slots }),
        priority,
        ..task("p", &[])
    };
    let tasks = vec![pooled(0, 1), pooled(1, 2), pooled(2, 1)];
    let pools = BTreeMap::from([("gpu".to_owned(), 2)]);
    let mut sim = Sim::new(Workflow { pools, ..workflow(tasks, None) });
    // The most urgent one runs; the next needs both slots, and the last must not take the free one before it.
    assert_eq!(sim.start_what_can(), [C]);
    let _ = sim.finish(C, succeeded());
    assert_eq!(sim.start_what_can(), [B]);
}

#[test]
fn only_failures_that_a_filter_names_are_tried_again() {
    let exit =
        |exit| AttemptResult::Failed { error: TaskError::transient("exit_code", "no luck").exit(exit) };
    let out_of_memory =
        AttemptResult::Failed { error: TaskError::transient(TaskError::OUT_OF_MEMORY, "memory ran out") };
    let cases = [
        (RetryOn { exit_codes: vec![75], ..RetryOn::default() }, exit(Exit::Code(75)), true),
        (RetryOn { exit_codes: vec![75], ..RetryOn::default() }, exit(Exit::Code(1)), false),
        (RetryOn { signal: true, ..RetryOn::default() }, exit(Exit::Signal(9)), true),
        (
            RetryOn { timeout: true, ..RetryOn::default() },
            AttemptResult::TimedOut { after: 1.0, stubborn: None },
            true,
        ),
        (RetryOn { timeout: true, ..RetryOn::default() }, exit(Exit::Code(1)), false),
        (RetryOn { out_of_memory: true, ..RetryOn::default() }, out_of_memory, true),
        (RetryOn { text: Some("no l.ck".into()), ..RetryOn::default() }, exit(Exit::Code(1)), true),
        (RetryOn { text: Some("^luck".into()), ..RetryOn::default() }, exit(Exit::Code(1)), false),
    ];
    for (on, result, again) in cases {
        let mut flaky = task("a", &[]);
        (flaky.retry.attempts, flaky.retry.on) = (2, Some(on.clone()));
        let mut sim = Sim::of(vec![flaky]);
        let _ = sim.start_what_can();
        let _ = sim.finish(A, result);
        assert_eq!(sim.word(A), if again { "waiting" } else { "failed" }, "{on:?}");
    }
}

#[test]
fn a_run_goes_on_without_a_task_that_may_fail_but_not_without_its_outputs() {
    let tolerant = Task { continue_on_failure: true, ..task("a", &[]) };
    let mut reader = task("reader", &[]);
    let port_type = sluicegate_plugin::PortType::Value;
    let from = crate::workflow::InputRef { task: A, port: "out".into(), port_type };
    reader.inputs.insert("in".into(), from);
    let mut sim = Sim::of(vec![tolerant, task("b", &[0]), reader]);
    assert_eq!(sim.start_what_can(), [A]);
    let _ = sim.finish(A, failed(false));
    assert_eq!((sim.word(A), sim.word(C)), ("failed", "skipped"));
    assert_eq!(run_on(&mut sim), [B]);
    assert_eq!(sim.run.status(), RunStatus::Succeeded);
}

#[test]
fn an_attempt_that_a_probe_found_undone_is_repeated_although_it_must_happen_once() {
    let once = Task { effect: sluicegate_plugin::Effect::Once, ..task("a", &[]) };
    let mut sim = Sim::of(vec![once]);
    let _ = sim.start_what_can();
    sim.crash();
    let _ = sim.finish(A, AttemptResult::NeverHappened);
    assert_eq!(sim.start_what_can(), [A]);
}

#[test]
fn a_task_that_is_stopped_in_a_run_that_nobody_ends_has_failed() {
    let mut sim = Sim::of(vec![task("a", &[]), task("b", &[0])]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, AttemptResult::Cancelled);
    assert_eq!((sim.word(A), sim.word(B)), ("failed", "skipped"));
}

#[test]
fn a_task_that_must_happen_once_and_was_stopped_in_the_middle_may_have_happened() {
    let once = || Task { effect: sluicegate_plugin::Effect::Once, ..task("a", &[]) };
    let mut sim = Sim::of(vec![once()]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, AttemptResult::TimedOut { after: 1.0, stubborn: None });
    assert_eq!(sim.word(A), "unknown");
    let mut sim = Sim::of(vec![once()]);
    let _ = sim.start_what_can();
    let _ = sim.input(&Input::Cancel { reason: "enough".into() });
    let _ = sim.finish(A, AttemptResult::Cancelled);
    let _ = sim.dispatch();
    assert_eq!((sim.word(A), sim.run.status()), ("unknown", RunStatus::Cancelled));
}

#[test]
fn what_ran_because_of_a_failure_runs_again_with_what_failed() {
    let alarm = run_if("alarm", &[0], crate::workflow::RunIf::AnyFailed);
    let mut sim = Sim::of(vec![task("a", &[]), alarm]);
    let _ = sim.start_what_can();
    let _ = sim.finish(A, failed(false));
    assert_eq!(run_on(&mut sim), [B]);
    let _ = sim.input(&Input::Reopen { owner: owner() });
    assert_eq!(sim.start_what_can(), [A]);
    let _ = sim.finish(A, succeeded());
    let _ = sim.dispatch();
    assert_eq!((sim.word(B), sim.run.status()), ("skipped", RunStatus::Succeeded));
}
