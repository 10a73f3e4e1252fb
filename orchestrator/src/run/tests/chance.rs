//! Random workflows, random failures, pauses, cancels and restarts, on a virtual clock: what must hold always.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use sluicegate_plugin::{Decision, Effect as EffectClass};

use super::sim::*;
use crate::{
    run::*,
    workflow::{Hook, PoolUse, RunIf, Task, TaskIdx, Workflow},
};

/// Slots of the one pool of the random workflows.
const POOL: u32 = 2;

/// What happens next to a simulated run.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Succeed,
    Fail { retryable: bool },
    Reject,
    TimeOut,
    Crash,
    Pause,
    Cancel,
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        16 => Just(Chance::Succeed),
        3 => any::<bool>().prop_map(|retryable| Chance::Fail { retryable }),
        1 => Just(Chance::Reject),
        1 => Just(Chance::TimeOut),
        2 => Just(Chance::Crash),
        1 => Just(Chance::Pause),
        1 => Just(Chance::Cancel),
    ]
}

/// One task of a random workflow.
fn shape() -> impl Strategy<Value = (Vec<prop::sample::Index>, Task)> {
    let rule =
        prop_oneof![6 => Just(RunIf::AllSucceeded), 1 => Just(RunIf::AllDone), 1 => Just(RunIf::AnyFailed)];
    let claim = prop_oneof![4 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(POOL))];
    let items = prop_oneof![5 => Just(None), 1 => (0usize..4).prop_map(Some)];
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let needs = proptest::collection::vec(any::<prop::sample::Index>(), 0..3);
    (needs, 1u32..3, rule, claim, items, flags, -1i32..2).prop_map(
        |(needs, attempts, rule, claim, items, (once, tolerant, locks), priority)| {
            let mut task = task("", &[]);
            task.retry.attempts = attempts;
            task.run_if = rule;
            task.effect = if once { EffectClass::Once } else { EffectClass::Pure };
            task.pool = claim.map(|slots| PoolUse { name: "gpu".into(), slots });
            task.for_each = items.map(|n| json!(vec![0; n]));
            task.continue_on_failure = tolerant;
            task.mutex = locks.then(|| "one".to_owned());
            task.priority = priority;
            (needs, task)
        },
    )
}

/// Tasks whose needs all stand before them, and hooks behind them.
fn graph() -> impl Strategy<Value = Workflow> {
    let hooks = proptest::sample::subsequence(Hook::ALL.map(|(_, hook)| hook).to_vec(), 0..3);
    let shapes = proptest::collection::vec(shape(), 1..12);
    (shapes, hooks, 1usize..4, prop::option::weighted(0.2, 100.0..5000.0)).prop_map(
        |(shapes, hooks, slots, timeout)| {
            let mut tasks: Vec<Task> = Vec::new();
            for (idx, (needs, mut task)) in shapes.into_iter().enumerate() {
                task.name = format!("t{idx}");
                let needs = needs.iter().filter(|_| idx > 0);
                task.needs = needs.map(|need| TaskIdx(u32::try_from(need.index(idx)).unwrap())).collect();
                tasks.push(task);
            }
            tasks.extend(hooks.into_iter().map(|hook| Task { hook: Some(hook), ..task("hook", &[]) }));
            let pools = BTreeMap::from([("gpu".to_owned(), POOL)]);
            Workflow { timeout, pools, ..workflow(tasks, Some(slots)) }
        },
    )
}

/// Prepares every claimed task: those with items are expanded, and joined at their end; the others start.
fn start_what_can(sim: &mut Sim) -> Vec<TaskIdx> {
    let mut started = Vec::new();
    loop {
        let claimed: Vec<TaskIdx> = sim
            .dispatch()
            .iter()
            .filter_map(|effect| if let Effect::Prepare { task } = effect { Some(*task) } else { None })
            .collect();
        if claimed.is_empty() {
            return started;
        }
        for task in claimed {
            let prepared = match (sim.run.is_expanded(task), sim.run.task(task).for_each.clone()) {
                (true, _) => match sim.run.joined(task) {
                    Ok(outcome) => Prepared::Joined { outcome: Box::new(outcome) },
                    Err(error) => Prepared::Broken { error },
                },
                (false, Some(items)) => Prepared::Expanded { items: items.as_array().cloned().unwrap() },
                (false, None) => runnable(task),
            };
            started.extend(sim.prepared(task, prepared).iter().filter_map(started_task));
        }
    }
}

fn running(sim: &Sim) -> Vec<TaskIdx> {
    let running = sim.run.tasks().filter(|(_, _, record)| matches!(record.state, TaskState::Running { .. }));
    running.map(|(idx, ..)| idx).collect()
}

/// Applies what chance brings to the first running task, or to all.
fn bring(sim: &mut Sim, chance: Chance, running: &[TaskIdx]) {
    let task = running[0];
    match chance {
        Chance::Succeed => drop(sim.finish(task, succeeded())),
        Chance::Reject => drop(sim.finish(task, judged(Decision::Reject))),
        Chance::Fail { retryable } => drop(sim.finish(task, failed(retryable))),
        Chance::TimeOut => drop(sim.finish(task, AttemptResult::TimedOut { after: 1.0, stubborn: None })),
        Chance::Pause => {
            let _ = sim.input(&Input::Pause);
        }
        Chance::Cancel => {
            for effect in sim.input(&Input::Cancel { reason: "chance".into() }) {
                if let Effect::StopAttempt { task } = effect {
                    let _ = sim.finish(task, AttemptResult::Cancelled);
                }
            }
        }
        Chance::Crash => {
            sim.crash();
            for task in running {
                let _ = sim.finish(*task, AttemptResult::Lost);
            }
        }
    }
}

/// What holds of a task that starts now.
fn verify_start(sim: &Sim, task: TaskIdx, done: &BTreeSet<TaskIdx>) -> Result<(), TestCaseError> {
    prop_assert!(!done.contains(&task), "{task:?} starts again after it succeeded");
    let (definition, of) = (sim.run.task(task), sim.run.item(task).map_or(task, |(of, _)| of));
    prop_assert!(definition.hook.is_none() || sim.run.verdict().is_some());
    for need in &sim.run.task(of).needs {
        let (before, record) = (sim.run.task(*need), sim.run.record(*need));
        let good = match sim.run.task(of).run_if {
            RunIf::AllSucceeded => {
                matches!(record.state, TaskState::Succeeded { .. })
                    || (before.continue_on_failure && record.state.is_final())
            }
            RunIf::AllDone | RunIf::AnyFailed => record.state.is_final(),
        };
        prop_assert!(good, "{need:?} before {task:?}: {:?}", record.state);
    }
    Ok(())
}

/// What holds at every moment.
fn verify(sim: &Sim, running: &[TaskIdx]) -> Result<(), TestCaseError> {
    let workflow = sim.run.workflow();
    prop_assert!(running.len() <= workflow.max_parallel.unwrap());
    let claims = |wanted: &dyn Fn(&Task) -> u32| -> u32 {
        running.iter().map(|task| wanted(sim.run.task(*task))).sum()
    };
    prop_assert!(claims(&|task| task.pool.as_ref().map_or(0, |pool| pool.slots)) <= POOL);
    prop_assert!(claims(&|task| u32::from(task.mutex.is_some())) <= 1);
    prop_assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Every run ends; no slot, pool or mutex is over its limit; nothing runs again after it succeeded; nothing starts before what it needs, and
    /// no hook before the tasks are at their end; a replay of what was stored is the same run at every moment.
    #[test]
    fn random_runs_keep_their_promises(
        workflow in graph(),
        chances in proptest::collection::vec(chance(), 300),
    ) {
        let mut sim = Sim::new(workflow);
        let mut done = BTreeSet::new();
        let mut chances = chances.into_iter().chain(std::iter::repeat(Chance::Succeed));
        for _ in 0..3000 {
            for task in start_what_can(&mut sim) {
                verify_start(&sim, task, &done)?;
            }
            if sim.run.status().is_final() {
                break;
            }
            let now_running = running(&sim);
            verify(&sim, &now_running)?;
            if now_running.is_empty() {
                let _ = sim.input(&Input::Unpause);
                sim.now = sim.now.plus_seconds(500.0);
            } else {
                bring(&mut sim, chances.next().unwrap(), &now_running);
            }
            let succeeded = sim.run.tasks().filter(|(_, _, record)| matches!(record.state, TaskState::Succeeded { .. }));
            done.extend(succeeded.map(|(idx, ..)| idx));
        }
        prop_assert!(sim.run.status().is_final(), "the run never ends: {:?}", as_restarted(&sim.run));
        prop_assert!(sim.run.tasks().all(|(_, _, record)| record.state.is_final()));
    }

    /// However a run ended, what did not succeed can be repeated, and with good luck all of it succeeds then.
    #[test]
    fn a_run_that_ended_badly_can_be_repaired(
        workflow in graph(),
        chances in proptest::collection::vec(chance(), 60),
    ) {
        let mut sim = Sim::new(Workflow { timeout: None, ..workflow });
        let mut luck: Vec<Chance> =
            chances.into_iter().filter(|chance| !matches!(chance, Chance::Reject | Chance::Crash)).collect();
        for repaired in [false, true] {
            for _ in 0..3000 {
                start_what_can(&mut sim);
                if sim.run.status().is_final() {
                    break;
                }
                let now_running = running(&sim);
                if now_running.is_empty() {
                    let _ = sim.input(&Input::Unpause);
                    sim.now = sim.now.plus_seconds(500.0);
                } else {
                    bring(&mut sim, luck.pop().unwrap_or(Chance::Succeed), &now_running);
                }
            }
            prop_assert!(sim.run.status().is_final(), "the run never ends: {:?}", as_restarted(&sim.run));
            prop_assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
            luck.clear();
            if !repaired {
                let unknown = sim.run.tasks().filter(|(_, _, record)| record.state == TaskState::Unknown);
                for task in unknown.map(|(idx, ..)| idx).collect::<Vec<_>>() {
                    let _ = sim.input(&Input::Resolve { task, resolution: Resolution::Retry });
                }
                let _ = sim.input(&Input::Reopen { owner: owner() });
            }
        }
        prop_assert_eq!(sim.run.status(), RunStatus::Succeeded);
    }
}
