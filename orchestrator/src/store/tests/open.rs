//! Opening, reopening and who may.

use super::*;

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
fn what_a_process_left_is_there_for_the_next_one() {
    let home = tempfile::tempdir().unwrap();
    let next = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    store_run(&store, 1, "a");
    checkpoint(&store);
    let events = store_run(&store, 2, "a");
    store.leave();
    drop(store);
    // This process still holds the database that it left, so another folder stands for the next process's.
    crash::copy_with_journal_cut(home.path(), next.path(), usize::MAX);
    let store = Store::open(next.path(), SOON).unwrap();
    assert_eq!(all(&store).iter().map(|row| row.id).collect::<Vec<_>>(), [id(2), id(1)]);
    assert_eq!(store.events(id(2)).unwrap(), events);
    drop(store);
    assert_eq!(check(next.path()).unwrap().problems, Vec::<String>::new());
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
