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

#[test]
fn what_was_committed_is_there_after_a_reopening() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let events = store_run(&store, 1, "a");
    store_run(&store, 2, "b");
    drop(store);
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(1)).unwrap(), events);
    let rows = all(&store);
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(2), id(1)], "newest first");
    assert!(rows.iter().all(|row| row.status == RunStatus::Succeeded && row.n_events == 2));
    assert_eq!(store.runs(&RunFilter { workflow: Some("b"), status: None, limit: 9 }).unwrap().len(), 1);
    assert!(store.open_runs().unwrap().is_empty());
    assert!(check(home.path()).is_err(), "the store is open here");
    drop(store);
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_second_opener_is_told_who_holds_the_store() {
    let home = tempfile::tempdir().unwrap();
    let _store = Store::open(home.path(), SOON).unwrap();
    let at_once = StoreOptions { wait: Duration::ZERO };
    let Err(StoreError::InUse { holder, .. }) = Store::open(home.path(), at_once) else {
        panic!("it opened twice")
    };
    assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
}

#[test]
fn a_newer_folder_is_refused_and_not_touched() {
    let home = tempfile::tempdir().unwrap();
    drop(Store::open(home.path(), SOON).unwrap());
    std::fs::write(home.path().join("version"), "99\n").unwrap();
    assert!(matches!(Store::open(home.path(), SOON), Err(StoreError::Newer { found: 99, .. })));
    std::fs::write(home.path().join("version"), "soon\n").unwrap();
    assert!(matches!(Store::open(home.path(), SOON), Err(StoreError::BadVersion { .. })));
    assert_eq!(std::fs::read_to_string(home.path().join("version")).unwrap(), "soon\n");
}

#[test]
fn a_snapshot_that_was_being_written_does_not_brick_the_store() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    store_run(&store, 1, "a");
    drop(store);
    let stray = home.path().join("db/snap.FFFFFFFFFFFFFFFF.generating");
    std::fs::write(&stray, "half").unwrap();
    std::fs::write(home.path().join("db/snap.FFFFFFFFFFFFFFFE"), "").unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(all(&store).len(), 1);
    assert!(!stray.exists());
}

#[test]
fn a_record_that_was_being_written_is_cut_off() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let (mut run, first) = created(1, "a");
    store
        .commit(Commit { run: id(1), records: vec![first.clone()], row: run.row(), cache: Vec::new() })
        .unwrap();
    drop(store);
    let mut bytes = std::fs::read(journal_of(home.path())).unwrap();
    bytes.extend_from_slice(b"\xf5rec\x40\0\0\0half");
    std::fs::write(journal_of(home.path()), bytes).unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(1)).unwrap(), [first]);
    add(&store, &mut run, Event::RunInterrupted);
    drop(store);
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(1)).unwrap().len(), 2);
    assert_eq!(store.open_runs().unwrap(), [run.row()]);
}

#[test]
fn a_flipped_bit_in_the_journal_is_refused_and_a_rebuild_keeps_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    for n in 1..=3 {
        store_run(&store, n, "a");
    }
    drop(store);
    let path = journal_of(home.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let Err(StoreError::Damaged { reason, .. }) = Store::open(home.path(), SOON) else { panic!("it opened") };
    assert!(reason.contains("are no record, but good ones follow"), "{reason}");
    let report = rebuild(home.path()).unwrap();
    assert_eq!(report.n_runs, 2, "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("of the journal are damaged")), "{report:?}");
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(all(&store).iter().map(|row| row.id).collect::<Vec<_>>(), [id(3), id(1)]);
}

#[test]
fn an_end_of_the_journal_that_was_acknowledged_is_missed() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    store_run(&store, 1, "a");
    drop(store);
    let path = journal_of(home.path());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(Store::open(home.path(), SOON), Err(StoreError::Damaged { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Store::open(home.path(), SOON), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_flipped_bit_in_the_history_is_found_and_a_rebuild_says_which_run_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    store_run(&store, 1, "a");
    let kept = store_run(&store, 2, "b");
    checkpoint(&store);
    drop(store);
    let path = home.path().join("history/000001.zst");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let problems = check(home.path()).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("000001.zst") && problems[0].contains("is damaged"), "{problems:?}");
    let report = rebuild(home.path()).unwrap();
    assert_eq!(report.n_runs, 1, "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("is lost")), "{report:?}");
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(2)).unwrap(), kept);
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn a_checkpoint_carries_live_runs_over_and_a_run_that_ended_can_go_on() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let (mut run, first) = created(1, "a");
    store.commit(Commit { run: id(1), records: vec![first], row: run.row(), cache: Vec::new() }).unwrap();
    checkpoint(&store);
    add(&store, &mut run, Event::RunInterrupted);
    add(&store, &mut run, Event::RunFinished { status: RunStatus::Failed });
    checkpoint(&store);
    assert!(store.open_runs().unwrap().is_empty());
    let owner = run.row().owner;
    add(&store, &mut run, Event::RunReopened { owner, tasks: Vec::new() });
    assert_eq!(store.row(id(1)).unwrap().unwrap().status, RunStatus::Running);
    checkpoint(&store);
    drop(store);
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.open_runs().unwrap().len(), 1);
    add(&store, &mut run, Event::RunFinished { status: RunStatus::Succeeded });
    assert_eq!(all(&store), [run.row()]);
    let events = store.events(id(1)).unwrap();
    assert_eq!(events.iter().map(|record| record.seq).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    drop(store);
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn another_process_reads_what_is_durable_without_the_lock() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let logs = RunSource::from(read_only(home.path()));
    let filter = RunFilter { workflow: None, status: None, limit: 2 };
    assert!(logs.runs(&filter).unwrap().is_empty());
    for n in 1..=4 {
        let events = store_run(&store, n, "a");
        if n == 2 {
            checkpoint(&store);
        }
        assert_eq!(logs.events(id(n)).unwrap(), events);
    }
    let (run, first) = created(5, "b");
    store.commit(Commit { run: id(5), records: vec![first], row: run.row(), cache: Vec::new() }).unwrap();
    assert_eq!(logs.runs(&filter).unwrap(), store.runs(&filter).unwrap());
    let everything = RunFilter { limit: 9, ..filter };
    assert_eq!(logs.runs(&everything).unwrap(), store.runs(&everything).unwrap());
    assert_eq!(logs.find_run("latest").unwrap(), id(5));
    assert_eq!(logs.find_run(&id(1).to_string()[..10]).unwrap(), id(1));
    assert_eq!(logs.events(id(1)).unwrap().len(), 2);
}

#[test]
fn a_million_runs_would_be_listed_by_workflow_state_and_time() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    for n in 1..=20 {
        store_run(&store, n, if n % 2 == 0 { "even" } else { "odd" });
    }
    let (run, first) = created(21, "odd");
    store.commit(Commit { run: id(21), records: vec![first], row: run.row(), cache: Vec::new() }).unwrap();
    let ids = |workflow, status, limit| -> Vec<RunId> {
        let rows = store.runs(&RunFilter { workflow, status, limit }).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(None, None, 2), [id(21), id(20)]);
    assert_eq!(ids(Some("odd"), None, 2), [id(21), id(19)]);
    assert_eq!(ids(Some("odd"), Some(RunStatus::Succeeded), 2), [id(19), id(17)]);
    assert_eq!(ids(None, Some(RunStatus::Running), 9), [id(21)]);
    assert_eq!(ids(Some("even"), Some(RunStatus::Running), 9), []);
}

#[test]
fn a_database_that_cannot_be_opened_says_so_and_is_rebuilt_from_the_logs() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let events = store_run(&store, 1, "a");
    store_run(&store, 2, "b");
    register(&store);
    drop(store);
    std::fs::write(home.path().join("db/conf"), "segment_size: nonsense").unwrap();
    assert!(matches!(
        Store::open(home.path(), SOON),
        Err(StoreError::Damaged { .. } | StoreError::Io { .. })
    ));
    let report = rebuild(home.path()).unwrap();
    assert_eq!((report.n_runs, report.n_ledger_entries), (2, 3));
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(1)).unwrap(), events);
    assert_eq!(store.aliases("m").unwrap(), BTreeMap::from([("champion".to_owned(), 1)]));
    assert_eq!(store.deployments(None).unwrap().len(), 1);
    drop(store);
    let problems = check(home.path()).unwrap().problems;
    assert_eq!(problems.len(), 1, "only the bundle, which nobody made, is missing: {problems:?}");
    assert!(home.path().join("db.old-1").exists(), "the old database is kept");
}

#[test]
fn an_outcome_is_found_by_its_key_and_the_task_remembers_its_last() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let (run, first) = created(1, "a");
    let key = CacheKey::new(BTreeMap::from([("kind".to_owned(), "x 1".to_owned())]));
    let entry = CacheEntry {
        origin: Origin { run: id(1), task: "t".into() },
        workflow: "a".into(),
        key: key.clone(),
        outcome: Outcome::default(),
    };
    store
        .commit(Commit { run: id(1), records: vec![first], row: run.row(), cache: vec![entry.clone()] })
        .unwrap();
    assert_eq!(store.cached(&key.hash).unwrap(), Some(entry));
    assert_eq!(store.last_key("a", "t").unwrap(), Some(key));
    assert_eq!(store.last_key("a", "other").unwrap(), None);
}

#[test]
fn runs_are_found_by_the_beginning_of_their_id() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    assert!(matches!(store.find_run("latest"), Err(FindError::Empty)));
    store_run(&store, 1, "a");
    store_run(&store, 2, "a");
    assert_eq!(store.find_run("latest").unwrap(), id(2));
    assert_eq!(store.find_run(&id(1).to_string()).unwrap(), id(1));
    assert!(matches!(store.find_run("zzzz"), Err(FindError::None(_))));
    assert!(matches!(store.find_run("00000000"), Err(FindError::Ambiguous { .. })));
    assert!(matches!(store.find_run("0007"), Err(FindError::Ambiguous { .. })), "by its end");
    assert_eq!(store.find_run(&id(2).to_string()[..10]).unwrap(), id(2));
    assert!(matches!(store.find_run("8888"), Err(FindError::None(_))), "no id begins so");
}

#[test]
fn many_threads_share_syncs_and_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..10 {
                    store_run(&store, 100 * thread + n, "a");
                }
            });
        }
    });
    assert_eq!(all(&store).len(), 80);
    drop(store);
    let report = check(home.path()).unwrap();
    assert_eq!((report.n_runs, report.problems.len()), (80, 0));
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
        address: String::new(),
        state: DeploymentState::Starting,
        process: None,
        container: None,
        run_id: id(1).to_string(),
        updated_at: 0,
    };
    store.record_deployment(deployment, Timestamp(6)).unwrap();
}

#[test]
fn versions_are_numbered_without_gaps_and_aliases_keep_their_history() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    register(&store);
    let versions = store.versions("m").unwrap();
    assert_eq!(versions.len(), 1);
    for selector in
        [Selector::Alias("champion".into()), Selector::Version(1), Selector::Bundle("b".repeat(64))]
    {
        assert_eq!(store.find_model("m", &selector).unwrap().as_ref(), versions.first(), "{selector}");
    }
    assert_eq!(store.find_model("m", &Selector::Alias("shadow".into())).unwrap(), None);
    let history = store.alias_history("m").unwrap();
    assert_eq!(history.len(), 1);
    let ready =
        Deployment { state: DeploymentState::Ready, ..store.deployments(Some("d")).unwrap()[0].clone() };
    store.record_deployment(ready, Timestamp(7)).unwrap();
    let deployments = store.deployments(None).unwrap();
    assert_eq!(deployments.len(), 1, "a generation has one record");
    assert_eq!((deployments[0].state, deployments[0].updated_at), (DeploymentState::Ready, 7));
}

/// A copy of a folder, with its journal cut to a length.
fn copy_with_journal_cut(from: &Path, to: &Path, length: usize) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_with_journal_cut(&entry.path(), &target, length);
        } else if target.extension().is_some_and(|extension| extension == "wal") {
            let bytes = std::fs::read(entry.path()).unwrap();
            std::fs::write(target, &bytes[..length.min(bytes.len())]).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Commits of a few runs in any order, with checkpoints in between; then the machine dies, and the journal has any part of
    /// what came after the last acknowledged commit.
    #[test]
    fn a_kill_leaves_a_prefix_of_the_commits_with_every_acknowledged_one(
        steps in proptest::collection::vec(0u64..5, 1..24),
        n_acknowledged in 0usize..24,
        cut in 0.0f64..1.0,
    ) {
        let home = tempfile::tempdir().unwrap();
        let copied = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), SOON).unwrap();
        let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
        // After each commit: how many events each run has.
        let mut states = vec![BTreeMap::new()];
        // The folder as it was when so many commits were acknowledged; the rest exists only in the journal.
        let mut acknowledged = (0, 0);
        let mut take_copy = |n: usize| {
            copy_with_journal_cut(home.path(), copied.path(), usize::MAX);
            acknowledged = (n, std::fs::metadata(journal_of(home.path())).unwrap().len());
        };
        let n_acknowledged = n_acknowledged.min(steps.len());
        if n_acknowledged == 0 {
            take_copy(0);
        }
        for (position, step) in steps.iter().enumerate() {
            if *step == 4 && position < n_acknowledged {
                checkpoint(&store);
                states.push(states[position].clone());
            } else {
                let run = runs.entry(*step).or_insert_with(|| {
                    let (run, first) = created(step + 1, "a");
                    let row = run.row();
                    store.commit(Commit { run: row.id, records: vec![first], row, cache: Vec::new() }).unwrap();
                    run
                });
                if run.n_events() > 1 || states[position].contains_key(step) {
                    let event = match run.n_events() % 3 {
                        1 => Event::RunInterrupted,
                        2 => Event::RunFinished { status: RunStatus::Failed },
                        _ => Event::RunReopened { owner: run.row().owner, tasks: Vec::new() },
                    };
                    add(&store, run, event);
                }
                let mut state: BTreeMap<u64, u64> = states[position].clone();
                state.insert(*step, run.n_events());
                states.push(state);
            }
            if position + 1 == n_acknowledged {
                take_copy(n_acknowledged);
            }
        }
        // No checkpoint came after the copy: the journal has only grown.
        let journal = std::fs::read(journal_of(home.path())).unwrap();
        let (n_sure, sure) = (acknowledged.0, usize::try_from(acknowledged.1).unwrap());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small length")]
        let end = sure + ((journal.len() - sure) as f64 * cut) as usize;
        std::fs::write(journal_of(copied.path()), &journal[..end]).unwrap();
        let opened = Store::open(copied.path(), SOON).unwrap();
        let mut found = BTreeMap::new();
        for row in all(&opened) {
            let events = opened.events(row.id).unwrap();
            let run = Run::replay(row.id, &events).unwrap();
            assert_eq!((run.status(), run.n_events()), (row.status, row.n_events));
            found.insert(u64::from(row.id.to_bytes()[5]) - 1, run.n_events());
        }
        assert!(states[n_sure..].contains(&found), "{found:?} is none of {:?}", &states[n_sure..]);
        drop(opened);
        assert_eq!(check(copied.path()).unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn a_folder_of_the_first_format_is_taken_over_and_a_kill_in_the_middle_does_no_harm() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("version"), "1\n").unwrap();
    let (mut run, first) = created(1, "a");
    let event = Event::RunFinished { status: RunStatus::Succeeded };
    run.apply(&event, Timestamp(9));
    let last = EventRecord { v: EVENT_VERSION, seq: 1, at: Timestamp(9), event };
    let (open, only) = created(2, "b");
    let values = Values::new(home.path().join("values"));
    let key = CacheKey::new(BTreeMap::from([("kind".to_owned(), "x 1".to_owned())]));
    let entry = CacheEntry {
        origin: Origin { run: id(1), task: "t".into() },
        workflow: "a".into(),
        key: key.clone(),
        outcome: Outcome::default(),
    };
    {
        let db = Db::open(&home.path().join("db")).unwrap();
        for (run, records) in [(&run, vec![&first, &last]), (&open, vec![&only])] {
            db.put_lightly(&key::row(run.id()), &value::to_json(&run.row())).unwrap();
            for record in records {
                let name = [b"e/".as_slice(), &run.id().to_bytes(), &record.seq.to_be_bytes()].concat();
                db.put_lightly(&name, &values.encode(value::to_json(record)).unwrap()).unwrap();
            }
        }
        let hash = [b"c/".as_slice(), key.hash.as_bytes()].concat();
        db.put_lightly(&key::last("a", "t"), &hash).unwrap();
        db.put_lightly(&hash, &values.encode(value::to_json(&entry)).unwrap()).unwrap();
    }
    let log = home.path().join("runs").join(id(1).to_string()).join("events.jsonl");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "old").unwrap();
    // As a migration that was killed leaves it: the old database moved, the new one half made.
    std::fs::rename(home.path().join("db"), home.path().join("db.v1")).unwrap();
    std::fs::create_dir_all(home.path().join("history")).unwrap();
    std::fs::write(home.path().join("history/000001.zst"), "half").unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(1)).unwrap(), [first, last]);
    assert_eq!(store.open_runs().unwrap(), [open.row()]);
    assert_eq!(store.cached(&key.hash).unwrap(), Some(entry));
    assert_eq!(store.last_key("a", "t").unwrap(), Some(key));
    assert_eq!(std::fs::read_to_string(home.path().join("version")).unwrap(), "2\n");
    assert!(!log.exists() && !home.path().join("db.v1").exists());
    drop(store);
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn clearing_away_keeps_what_is_named_and_what_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let artifacts = crate::artifact::ArtifactStore::open(&home.path().join("artifacts")).unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    for n in 1..=6 {
        store_run(&store, n, "a");
    }
    let adopt = |content: &str| {
        let staged = home.path().join("staged");
        std::fs::write(&staged, content).unwrap();
        artifacts.adopt(&staged).unwrap().hash
    };
    let (bundle, orphan) = (adopt("bundle"), adopt("orphan"));
    let registration = Registration {
        model: "m".into(),
        bundle: bundle.clone(),
        size: 6,
        run_id: id(1).to_string(),
        task: "register".into(),
        metrics: BTreeMap::new(),
        decision: None,
    };
    store.register_model(registration, Timestamp(1)).unwrap();
    let now = Timestamp(0);
    let keep_two = GcOptions { keep_runs: Some(2), now, ..GcOptions::default() };
    let dry = store.gc(&artifacts, &GcOptions { dry_run: true, ..keep_two }).unwrap();
    assert_eq!((dry.n_runs, dry.n_artifacts), (4, 1));
    assert_eq!(all(&store).len(), 6);
    let done = store.gc(&artifacts, &keep_two).unwrap();
    assert_eq!(GcReport { dry_run: true, ..done }, dry);
    assert!(artifacts.contains(&bundle, 6) && !artifacts.contains(&orphan, 6));
    assert_eq!(all(&store).iter().map(|row| row.id).collect::<Vec<_>>(), [id(6), id(5)]);
    assert_eq!(store.events(id(5)).unwrap().len(), 2, "its frames were moved");
    assert_eq!(store.gc(&artifacts, &keep_two).unwrap(), GcReport::default());
    store_run(&store, 7, "a");
    drop(store);
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
    let report = rebuild(home.path()).unwrap();
    assert_eq!(report.n_runs, 3, "{report:?}");
    let store = Store::open(home.path(), SOON).unwrap();
    store.gc(&artifacts, &GcOptions { max_bytes: Some(0), ..GcOptions::default() }).unwrap();
    assert!(all(&store).is_empty() && artifacts.contains(&bundle, 6));
}

#[test]
fn rows_are_read_backwards_whatever_their_length() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    for n in 1..=400 {
        store_run(&store, n, &"w".repeat(usize::try_from(n * 7 % 900 + 1).unwrap()));
    }
    checkpoint(&store);
    assert!(std::fs::metadata(home.path().join("history/000001.rows")).unwrap().len() > 200_000);
    let logs = RunSource::from(read_only(home.path()));
    let everything = RunFilter { workflow: None, status: None, limit: 1000 };
    assert_eq!(logs.runs(&everything).unwrap(), store.runs(&everything).unwrap());
    assert_eq!(logs.find_run(&id(3).to_string()).unwrap(), id(3));
}

#[test]
fn the_hash_of_a_large_file_is_remembered_until_the_file_changes() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let path = home.path().join("large");
    let content = vec![7u8; 2 << 20];
    std::fs::write(&path, &content).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    file.set_modified(at(1000)).unwrap();
    let later = Timestamp(2_000_000);
    let (first, size) = store.file_hash(&path, later).unwrap();
    assert_eq!((first.as_str(), size), (blake3::hash(&content).to_hex().as_str(), 2 << 20));
    // The same size and time with another content: the remembered hash shows that the file is not read.
    std::fs::write(&path, vec![8u8; 2 << 20]).unwrap();
    file.set_modified(at(1000)).unwrap();
    assert_eq!(store.file_hash(&path, later).unwrap().0, first);
    assert_ne!(store.file_hash(&path, Timestamp(1_001_000)).unwrap().0, first, "it changed a moment ago");
    file.set_modified(at(1001)).unwrap();
    assert_ne!(store.file_hash(&path, later).unwrap().0, first);
}

#[test]
fn what_belongs_to_an_open_run_is_not_cleared_away() {
    let home = tempfile::tempdir().unwrap();
    let artifacts = crate::artifact::ArtifactStore::open(&home.path().join("artifacts")).unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let commit = |n: u64, parent: Option<u64>, status: Option<RunStatus>| {
        let (mut run, first) = created(n, "a");
        let mut records = vec![first];
        if let Some(status) = status {
            let event = Event::RunFinished { status };
            run.apply(&event, Timestamp(9));
            records.push(EventRecord { v: EVENT_VERSION, seq: 1, at: Timestamp(9), event });
        }
        let row = RunRow { parent: parent.map(id), ..run.row() };
        store.commit(Commit { run: id(n), records, row, cache: Vec::new() }).unwrap();
    };
    let ended = Some(RunStatus::Succeeded);
    commit(1, None, ended);
    commit(2, None, ended);
    commit(3, Some(2), None);
    commit(4, Some(3), ended);
    commit(5, Some(4), ended);
    // A schedule that still names a run would start it again if it were gone.
    commit(6, None, ended);
    let cause = Cause { trigger: Trigger::Schedule, schedule: "s".into(), scheduled_at: Timestamp(0) };
    let (recorded_at, params) = (Timestamp(0), BTreeMap::new());
    let mut schedule = ScheduleState::new(ScheduleId::new("a", "s"), String::new(), Timestamp(0));
    schedule.open.push(Fire { run: id(6), cause, recorded_at, waits: false, params });
    store.record_schedules(&ScheduleCommit { states: vec![schedule], log: Vec::new() }).unwrap();
    let options = GcOptions { keep_runs: Some(0), ..GcOptions::default() };
    assert_eq!(store.gc(&artifacts, &options).unwrap().n_runs, 1);
    assert_eq!(all(&store).iter().map(|row| row.id).collect::<Vec<_>>(), [6, 5, 4, 3, 2].map(id));
}

#[test]
fn after_another_boot_only_what_was_synced_is_trusted() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    let old = store_run(&store, 1, "a");
    checkpoint(&store);
    let synced = std::fs::metadata(home.path().join("history/000001.zst")).unwrap().len();
    let (mut reopened, owner) = (Run::replay(id(1), &old).unwrap(), created(1, "a").0.row().owner);
    add(&store, &mut reopened, Event::RunReopened { owner, tasks: Vec::new() });
    add(&store, &mut reopened, Event::RunFinished { status: RunStatus::Cancelled });
    let new = store_run(&store, 2, "b");
    drop(store);
    // The machine died: the database has all its rows, but of the history only what a checkpoint synced is left.
    let db = Db::open(&home.path().join("db")).unwrap();
    let mut position: state::Position = value::from_json(&db.get(key::POSITION).unwrap().unwrap()).unwrap();
    position.boot = "another".into();
    db.put_lightly(key::POSITION, &value::to_json(&position)).unwrap();
    drop(db);
    let frames = home.path().join("history/000001.zst");
    let length = std::fs::metadata(&frames).unwrap().len();
    let mut bytes = std::fs::read(&frames).unwrap();
    bytes[usize::try_from(synced).unwrap()..].fill(0);
    std::fs::write(&frames, &bytes[..usize::try_from(length - 3).unwrap()]).unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    assert_eq!(store.events(id(2)).unwrap(), new);
    assert_eq!(all(&store), [store.row(id(2)).unwrap().unwrap(), reopened.row()]);
    drop(store);
    assert_eq!(check(home.path()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn schedules_survive_a_reopening_a_checkpoint_and_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let id = ScheduleId::new("w", "nightly");
    let cause =
        Cause { trigger: Trigger::Schedule, schedule: "nightly".into(), scheduled_at: Timestamp(60_000) };
    let run = RunId::from_parts(1, 1);
    let fire = Fire {
        run,
        cause: cause.clone(),
        recorded_at: Timestamp(60_001),
        waits: false,
        params: BTreeMap::new(),
    };
    let mut state = ScheduleState::new(id.clone(), "f".into(), Timestamp(60_000));
    state.open.push(fire);
    let entry = LogEntry { n: 0, at: Timestamp(60_001), cause, decision: Decision::Started { run } };
    let store = Store::open(home, SOON).unwrap();
    let commit = ScheduleCommit { states: vec![state.clone()], log: vec![(id.clone(), entry.clone())] };
    store.record_schedules(&commit).unwrap();
    assert_eq!(read_only(home).schedules().unwrap(), [state.clone()], "without the lock");
    drop(store);
    let store = Store::open(home, SOON).unwrap();
    assert_eq!(store.schedule(&id), Some(state.clone()));
    assert_eq!(store.schedule_log(&id, 9).unwrap(), [entry]);
    store.shared.writer.exclusively(State::checkpoint).unwrap();
    assert_eq!(store.schedules(), [state.clone()], "after a checkpoint");
    drop(store);
    assert_eq!(
        Store::open(home, SOON).unwrap().schedules(),
        [state.clone()],
        "after a checkpoint and a reopening"
    );
    rebuild(home).unwrap();
    let store = Store::open(home, SOON).unwrap();
    assert_eq!(store.schedules(), [state], "after a rebuild");
}
