//! What is broken, and what becomes of it.

use super::*;

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
