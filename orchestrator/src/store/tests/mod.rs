//! Tests of the store.

mod backup;
mod clearing;
mod crash;
mod damage;
mod find;
mod open;
mod registry;

use std::{collections::BTreeMap, path::Path, time::Duration};

use sluicegate_plugin::{AliasMove, Deployment, DeploymentState, ProcessId, Registration, Selector, Target};

use super::{state::State, *};
use crate::{
    run::{CacheKey, Cause, EVENT_VERSION, Event, Origin, Outcome, Run, RunStatus, Timestamp, Trigger},
    workflow::Workflow,
};

/// A program that another test starts holds this process's files for a moment, locks too.
const SOON: StoreOptions = StoreOptions { wait: Duration::from_secs(20) };

fn id(n: u64) -> RunId {
    RunId::from_parts(n, 7)
}

/// A run without tasks that was just recorded.
fn created(n: u64, workflow: &str) -> (Run, EventRecord) {
    let at = Timestamp(n.cast_signed());
    let workflow = Workflow {
        name: workflow.into(),
        description: String::new(),
        labels: Vec::new(),
        params: BTreeMap::new(),
        max_parallel: None,
        timeout: None,
        pools: BTreeMap::new(),
        outputs: BTreeMap::new(),
        schedules: Vec::new(),
        tasks: Vec::new(),
        hash: "hash".into(),
        source: "é".repeat(5000),
    };
    let event = Event::RunCreated {
        workflow: workflow.into(),
        base_dir: "/w".into(),
        file: "w.toml".into(),
        use_cache: true,
        owner: ProcessId { pid: 1, start_time: 1, boot_id: "boot".into() },
        parent: None,
        cause: None,
        started_by: String::new(),
    };
    let run = Run::create(id(n), &event, at).unwrap();
    (run, EventRecord { v: EVENT_VERSION, seq: 0, at, event })
}

/// Stores a run and its end.
fn store_run(store: &Store, n: u64, workflow: &str) -> Vec<EventRecord> {
    let (mut run, first) = created(n, workflow);
    store
        .commit(Commit { run: id(n), records: vec![first.clone()], row: run.row(), cache: Vec::new() })
        .unwrap();
    let event = Event::RunFinished { status: RunStatus::Succeeded };
    run.apply(&event, Timestamp(9));
    let last = EventRecord { v: EVENT_VERSION, seq: 1, at: Timestamp(9), event };
    store
        .commit(Commit { run: id(n), records: vec![last.clone()], row: run.row(), cache: Vec::new() })
        .unwrap();
    vec![first, last]
}

fn all(store: &Store) -> Vec<RunRow> {
    store.runs(&RunFilter { workflow: None, status: None, limit: 100 }).unwrap()
}

fn journal_of(home: &Path) -> std::path::PathBuf {
    let folder = home.join("journal");
    journal::path_of(&folder, journal::newest(&folder).unwrap().unwrap())
}

/// Commits one more event of a run.
fn add(store: &Store, run: &mut Run, event: Event) {
    let seq = run.n_events();
    run.apply(&event, Timestamp(8));
    let record = EventRecord { v: EVENT_VERSION, seq, at: Timestamp(8), event };
    store.commit(Commit { run: run.id(), records: vec![record], row: run.row(), cache: Vec::new() }).unwrap();
}

fn checkpoint(store: &Store) {
    store.shared.writer.exclusively(State::checkpoint).unwrap();
}

fn register(store: &Store) {
    let registration = Registration {
        model: "m".into(),
        bundle: "b".repeat(64),
        size: 3,
        run_id: id(1).to_string(),
        task: "register".into(),
        metrics: BTreeMap::from([("f1".to_owned(), 0.5)]),
        decision: None,
    };
    let version = store.register_model(registration.clone(), Timestamp(1)).unwrap();
    assert_eq!(version.version, 1);
    assert_eq!(
        store.register_model(registration, Timestamp(2)).unwrap(),
        version,
        "a bundle has one version"
    );
    let step = AliasMove {
        model: "m".into(),
        alias: "champion".into(),
        version: 1,
        reason: "first".into(),
        actor: "test".into(),
    };
    assert!(store.move_alias(step.clone(), Timestamp(3)).unwrap());
    assert!(!store.move_alias(step.clone(), Timestamp(4)).unwrap(), "it stands there already");
    let absent = AliasMove { version: 9, ..step };
    assert!(matches!(store.move_alias(absent, Timestamp(5)), Err(StoreError::NoVersion { version: 9, .. })));
    let deployment = Deployment {
        name: "d".into(),
        generation: 1,
        target: Target::Process,
        model: "m".into(),
        version: Some(1),
        bundle: "b".repeat(64),
        settings: String::new(),
        params: serde_json::Value::Null,
        address: String::new(),
        state: DeploymentState::Starting,
        process: None,
        container: None,
        run_id: id(1).to_string(),
        updated_at: 0,
    };
    store.record_deployment(deployment, Timestamp(6)).unwrap();
}
