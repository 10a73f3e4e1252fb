//! A run with a virtual clock, for tests of the state machine.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use sluicegate_plugin::{
    Decision, Effect as EffectClass, Placement, ProcessId, Resources, TaskError, Verdict,
};

use crate::{
    run::*,
    workflow::{RetryPolicy, RunIf, Task, TaskIdx, Workflow},
};

pub(super) const A: TaskIdx = TaskIdx(0);
pub(super) const B: TaskIdx = TaskIdx(1);
pub(super) const C: TaskIdx = TaskIdx(2);

pub(super) fn task(name: &str, needs: &[u32]) -> Task {
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

pub(super) fn owner() -> Owner {
    ProcessId { pid: 1, start_time: 2, boot_id: "boot".into() }
}

pub(super) fn workflow(tasks: Vec<Task>, max_parallel: Option<usize>) -> Workflow {
    Workflow {
        name: "w".into(),
        description: String::new(),
        labels: Vec::new(),
        params: BTreeMap::new(),
        max_parallel,
        timeout: None,
        pools: BTreeMap::new(),
        outputs: BTreeMap::new(),
        schedules: Vec::new(),
        tasks,
        hash: "hash".into(),
        source: String::new(),
    }
}

/// A run with a virtual clock and everything that was ever stored of it.
pub(super) struct Sim {
    pub(super) run: Run,
    pub(super) now: Timestamp,
    pub(super) stored: Vec<EventRecord>,
}

impl Sim {
    pub(super) fn new(workflow: Workflow) -> Self {
        let id = RunId::from_parts(1, 2);
        let created = Event::RunCreated {
            workflow: Arc::new(workflow),
            base_dir: "/w".into(),
            file: "w.toml".into(),
            use_cache: true,
            owner: owner(),
            parent: None,
            cause: None,
            started_by: String::new(),
        };
        let run = Run::create(id, &created, Timestamp(0)).unwrap();
        let stored = vec![EventRecord { v: EVENT_VERSION, seq: 0, at: Timestamp(0), event: created }];
        Self { run, now: Timestamp(0), stored }
    }

    pub(super) fn of(tasks: Vec<Task>) -> Self {
        Self::new(workflow(tasks, None))
    }

    /// Decides, remembers and becomes, as the driver does.
    pub(super) fn input(&mut self, input: &Input) -> Vec<Effect> {
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
    pub(super) fn dispatch(&mut self) -> Vec<Effect> {
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
    pub(super) fn start_what_can(&mut self) -> Vec<TaskIdx> {
        let mut started = Vec::new();
        for effect in self.dispatch() {
            if let Effect::Prepare { task } = effect {
                started.extend(self.prepared(task, runnable(task)).iter().filter_map(started_task));
            }
        }
        started
    }

    pub(super) fn prepared(&mut self, task: TaskIdx, prepared: Prepared) -> Vec<Effect> {
        self.input(&Input::Prepared { task, prepared: Box::new(prepared) })
    }

    pub(super) fn finish(&mut self, task: TaskIdx, result: AttemptResult) -> Vec<Effect> {
        let attempt = self.run.record(task).n_attempts;
        self.input(&Input::AttemptFinished { task, attempt, result, random: 0.5 })
    }

    pub(super) fn word(&self, task: TaskIdx) -> &'static str {
        self.run.record(task).state.word()
    }

    /// What a restart would make of the run: every stored event replayed.
    pub(super) fn replayed(&self) -> Run {
        Run::replay(self.run.id(), &self.stored).unwrap()
    }

    /// Kills the orchestrator and starts another.
    pub(super) fn crash(&mut self) {
        self.run = self.replayed();
        let _ = self.input(&Input::Interrupt);
        let _ = self.input(&Input::Resume { owner: owner() });
    }
}

pub(super) fn started_task(effect: &Effect) -> Option<TaskIdx> {
    if let Effect::StartAttempt { task, .. } = effect { Some(*task) } else { None }
}

pub(super) fn runnable(task: TaskIdx) -> Prepared {
    Prepared::Runnable {
        params: Value::Null,
        key: CacheKey::new(BTreeMap::new()),
        miss: CacheMiss::FirstTime,
        attempt_id: format!("attempt of {}", task.0),
        child: None,
    }
}

pub(super) fn succeeded() -> AttemptResult {
    AttemptResult::Succeeded { outcome: Outcome::default() }
}

pub(super) fn failed(retryable: bool) -> AttemptResult {
    let error = TaskError { retryable, ..TaskError::transient("broken", "it broke") };
    AttemptResult::Failed { error }
}

pub(super) fn judged(decision: Decision) -> AttemptResult {
    let verdict = Some(Verdict { decision, requirements: Vec::new() });
    AttemptResult::Succeeded { outcome: Outcome { verdict, ..Outcome::default() } }
}

pub(super) fn run_if(name: &str, needs: &[u32], run_if: RunIf) -> Task {
    Task { run_if, ..task(name, needs) }
}

/// States as a restart sees them: what was claimed or woken is ready or waiting again.
pub(super) fn as_restarted(run: &Run) -> Vec<String> {
    let states = run.tasks().map(|(_, _, record)| match &record.state {
        TaskState::Ready | TaskState::Claimed | TaskState::Waiting { .. } => "open".to_owned(),
        other => format!("{other:?}"),
    });
    states.collect()
}
