//! What is found, and how.

use super::*;

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
