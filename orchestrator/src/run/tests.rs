use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use serde_json::Value;
use sluicegate_plugin::{
    Decision, Effect as EffectClass, Placement, PortType, ProcessId, Resources, TaskError, Verdict,
};

use super::*;
use crate::workflow::{RetryPolicy, RunIf, Task, TaskIdx, Workflow};

const A: TaskIdx = TaskIdx(0);
const B: TaskIdx = TaskIdx(1);
const C: TaskIdx = TaskIdx(2);

fn task(name: &str, needs: &[u32]) -> Task {
    Task {
        name: name.into(),
        kind: "shell".into(),
        kind_version: "1".into(),
        description: String::new(),
        with: Value::Null,
        inputs: BTreeMap::new(),
        needs: needs.iter().copied().map(TaskIdx).collect(),
        mentions: Vec::new(),
        when: None,
        run_if: RunIf::AllSucceeded,
        retry: RetryPolicy { jitter: false, ..RetryPolicy::default() },
        timeout: None,
        effect: EffectClass::Pure,
        cache: false,
        placement: Placement::Worker,
        env: BTreeMap::new(),
        hook: None,
        for_each: None,
        continue_on_failure: false,
        pool: None,
        mutex: None,
        priority: 0,
        resources: Resources::default(),
        secrets: BTreeMap::new(),
        nested: None,
    }
}

fn owner() -> Owner {
    ProcessId { pid: 1, start_time: 2, boot_id: "boot".into() }
}

fn workflow(tasks: Vec<Task>, max_parallel: Option<usize>) -> Workflow {
    Workflow {
        name: "w".into(),
        description: String::new(),
        labels: Vec::new(),
        params: BTreeMap::new(),
        max_parallel,
        timeout: None,
        pools: BTreeMap::new(),
        outputs: BTreeMap::new(),
        tasks,
        hash: "hash".into(),
        source: String::new(),
    }
}

/// A run with a virtual clock and everything that was ever stored of it.
struct Sim {
    run: Run,
    now: Timestamp,
    stored: Vec<EventRecord>,
}

impl Sim {
    fn new(workflow: Workflow) -> Self {
        let id = RunId::from_parts(1, 2);
        let created = Event::RunCreated {
            workflow: Arc::new(workflow),
            base_dir: "/w".into(),
            file: "w.toml".into(),
            use_cache: true,
            owner: owner(),
            parent: None,
        };
        let run = Run::create(id, &created, Timestamp(0)).unwrap();
        let stored = vec![EventRecord { v: EVENT_VERSION, seq: 0, at: Timestamp(0), event: created }];
        Self { run, now: Timestamp(0), stored }
    }

    fn of(tasks: Vec<Task>) -> Self {
        Self::new(workflow(tasks, None))
    }

    /// Decides, remembers and becomes, as the driver does.
    fn input(&mut self, input: &Input) -> Vec<Effect> {
        let step = self.run.step(input, self.now);
        for event in step.events {
            if event.is_durable() {
                let seq = self.stored.len() as u64;
                let record = EventRecord { v: EVENT_VERSION, seq, at: self.now, event: event.clone() };
                self.stored.push(record);
            }
            self.run.apply(&event, self.now);
        }
        step.effects
    }

    /// Sees what can go on, as long as there is more.
    fn dispatch(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            effects.extend(self.input(&Input::Dispatch { free: BTreeMap::new() }));
            let before = effects.len();
            effects.retain(|effect| *effect != Effect::Again);
            if effects.len() == before {
                return effects;
            }
        }
    }

    /// Dispatches, and prepares every claimed task as runnable.
    fn start_what_can(&mut self) -> Vec<TaskIdx> {
        let mut started = Vec::new();
        for effect in self.dispatch() {
            if let Effect::Prepare { task } = effect {
                started.extend(self.prepared(task, runnable(task)).iter().filter_map(started_task));
            }
        }
        started
    }

    fn prepared(&mut self, task: TaskIdx, prepared: Prepared) -> Vec<Effect> {
        self.input(&Input::Prepared { task, prepared: Box::new(prepared) })
    }

    fn finish(&mut self, task: TaskIdx, result: AttemptResult) -> Vec<Effect> {
        let attempt = self.run.record(task).n_attempts;
        self.input(&Input::AttemptFinished { task, attempt, result, random: 0.5 })
    }

    fn word(&self, task: TaskIdx) -> &'static str {
        self.run.record(task).state.word()
    }

    /// What a restart would make of the run: every stored event replayed.
    fn replayed(&self) -> Run {
        Run::replay(self.run.id(), &self.stored).unwrap()
    }

    /// Kills the orchestrator and starts another.
    fn crash(&mut self) {
        self.run = self.replayed();
        let _ = self.input(&Input::Interrupt);
        let _ = self.input(&Input::Resume { owner: owner() });
    }
}

fn started_task(effect: &Effect) -> Option<TaskIdx> {
    if let Effect::StartAttempt { task, .. } = effect { Some(*task) } else { None }
}

fn runnable(task: TaskIdx) -> Prepared {
    Prepared::Runnable {
        params: Value::Null,
        key: CacheKey::new(BTreeMap::new()),
        miss: CacheMiss::FirstTime,
        attempt_id: format!("attempt of {}", task.0),
        child: None,
    }
}

fn succeeded() -> AttemptResult {
    AttemptResult::Succeeded { outcome: Outcome::default() }
}

fn failed(retryable: bool) -> AttemptResult {
    let error = TaskError { retryable, ..TaskError::transient("broken", "it broke") };
    AttemptResult::Failed { error }
}

fn judged(decision: Decision) -> AttemptResult {
    let verdict = Some(Verdict { decision, requirements: Vec::new() });
    AttemptResult::Succeeded { outcome: Outcome { verdict, ..Outcome::default() } }
}

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

fn run_if(name: &str, needs: &[u32], run_if: RunIf) -> Task {
    Task { run_if, ..task(name, needs) }
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

/// What happens next to a simulated run.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Succeed,
    Fail { retryable: bool },
    Reject,
    Skip,
    Crash,
    Cancel,
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        12 => Just(Chance::Succeed),
        3 => any::<bool>().prop_map(|retryable| Chance::Fail { retryable }),
        1 => Just(Chance::Reject),
        1 => Just(Chance::Skip),
        2 => Just(Chance::Crash),
        1 => Just(Chance::Cancel),
    ]
}

/// Tasks whose needs all stand before them.
fn graph() -> impl Strategy<Value = Vec<Task>> {
    let rule =
        prop_oneof![6 => Just(RunIf::AllSucceeded), 1 => Just(RunIf::AllDone), 1 => Just(RunIf::AnyFailed)];
    let one = (proptest::collection::vec(any::<prop::sample::Index>(), 0..3), 1u32..3, any::<bool>(), rule);
    proptest::collection::vec(one, 1..12).prop_map(|shapes| {
        let tasks = shapes.into_iter().enumerate();
        tasks
            .map(|(idx, (needs, attempts, once, rule))| {
                let needs =
                    needs.iter().filter(|_| idx > 0).map(|need| u32::try_from(need.index(idx)).unwrap());
                let mut task = task(&format!("t{idx}"), &needs.collect::<Vec<_>>());
                task.retry.attempts = attempts;
                task.run_if = rule;
                task.effect = if once { EffectClass::Once } else { EffectClass::Pure };
                task
            })
            .collect()
    })
}

/// States as a restart sees them: what was claimed or woken is ready or waiting again.
fn as_restarted(run: &Run) -> Vec<String> {
    let states = run.tasks().map(|(_, _, record)| match &record.state {
        TaskState::Ready | TaskState::Claimed | TaskState::Waiting { .. } => "open".to_owned(),
        other => format!("{other:?}"),
    });
    states.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Every run ends; no slot is over its limit; nothing runs twice after it succeeded; nothing starts before what it needs; a
    /// replay of what was stored is the same run at every moment.
    #[test]
    fn random_runs_keep_their_promises(
        tasks in graph(),
        slots in 1usize..4,
        chances in proptest::collection::vec(chance(), 400),
    ) {
        let mut sim = Sim::new(workflow(tasks, Some(slots)));
        let mut chances = chances.into_iter().chain(std::iter::repeat(Chance::Succeed));
        for _ in 0..2000 {
            if sim.run.status().is_final() {
                break;
            }
            for task in sim.start_what_can() {
                for (need, _, record) in sim.run.tasks().filter(|(idx, ..)| sim.run.task(task).needs.contains(idx)) {
                    let good = match sim.run.task(task).run_if {
                        RunIf::AllSucceeded => matches!(record.state, TaskState::Succeeded { .. }),
                        RunIf::AllDone | RunIf::AnyFailed => record.state.is_final(),
                    };
                    prop_assert!(good, "{need:?} before {task:?}");
                }
            }
            let running: Vec<_> = sim
                .run
                .tasks()
                .filter(|(_, _, record)| matches!(record.state, TaskState::Running { .. }))
                .map(|(idx, ..)| idx)
                .collect();
            prop_assert!(running.len() <= slots);
            prop_assert_eq!(as_restarted(&sim.replayed()), as_restarted(&sim.run));
            let next = chances.next().unwrap();
            let Some(&task) = running.first() else {
                sim.now = sim.now.plus_seconds(500.0);
                continue;
            };
            match next {
                Chance::Succeed | Chance::Skip => { let _ = sim.finish(task, succeeded()); }
                Chance::Reject => { let _ = sim.finish(task, judged(Decision::Reject)); }
                Chance::Fail { retryable } => { let _ = sim.finish(task, failed(retryable)); }
                Chance::Cancel => {
                    let _ = sim.input(&Input::Cancel { reason: "chance".into() });
                    for task in running {
                        let _ = sim.finish(task, AttemptResult::Cancelled);
                    }
                }
                Chance::Crash => {
                    sim.crash();
                    for task in running {
                        let _ = sim.finish(task, AttemptResult::Lost);
                    }
                }
            }
        }
        prop_assert!(sim.run.status().is_final(), "the run never ends: {:?}", as_restarted(&sim.run));
        let mut done = std::collections::BTreeSet::new();
        for record in &sim.stored {
            match &record.event {
                Event::AttemptStarted { task, .. } => prop_assert!(!done.contains(task), "{task:?} ran again"),
                Event::AttemptFinished { task, result: AttemptResult::Succeeded { .. }, .. } => {
                    done.insert(*task);
                }
                _ => {}
            }
        }
    }
}
