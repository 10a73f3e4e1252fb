//! A store in one file, and back.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_backup_of_a_store_in_use_has_everything_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (home, file) = (folder.path().join("state"), folder.path().join("b.tar.zst"));
    let store = Store::open(&home, SOON).unwrap();
    register(&store);
    for n in 1..=5 {
        store_run(&store, n, "finished");
    }
    checkpoint(&store);
    let (mut live, first) = created(6, "live");
    store.commit(Commit { run: id(6), records: vec![first], row: live.row(), cache: Vec::new() }).unwrap();
    for name in ["audit.jsonl", "audit.jsonl.3", "audit.jsonl.old", "session.key"] {
        std::fs::write(home.join(name), name).unwrap();
    }
    let report = backup(&home, &file).unwrap();
    assert!(report.n_files >= 4, "{report:?}");
    // What comes later is not in it.
    add(&store, &mut live, Event::RunInterrupted);
    drop(store);

    let other = folder.path().join("elsewhere/state");
    std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
    let restored = restore(&file, &other).unwrap();
    assert_eq!((restored.n_runs, restored.notes.as_slice()), (6, [].as_slice()));
    for (name, kept) in
        [("audit.jsonl", true), ("audit.jsonl.3", true), ("audit.jsonl.old", false), ("session.key", false)]
    {
        assert_eq!(other.join(name).exists(), kept, "{name}");
    }
    let store = Store::open(&other, SOON).unwrap();
    assert_eq!(all(&store).len(), 6);
    assert_eq!(store.events(id(3)).unwrap().len(), 2);
    assert_eq!(store.events(id(6)).unwrap().len(), 1);
    assert_eq!(store.models().unwrap().len(), 1);
    drop(store);
    assert!(restore(&file, &other).unwrap_err().to_string().contains("holds a state already"));
}

#[test]
fn backups_between_checkpoints_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("state");
    let store = Store::open(&home, SOON).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=40 {
                store_run(&store, n, "a");
                checkpoint(&store);
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut n_before = 0;
        for n in 0.. {
            let last = done.load(Ordering::SeqCst);
            let file = folder.path().join(format!("{n}.tar.zst"));
            backup(&home, &file).unwrap();
            let restored = restore(&file, &folder.path().join(n.to_string())).unwrap();
            assert!(restored.n_runs >= n_before, "{} after {n_before}", restored.n_runs);
            n_before = restored.n_runs;
            if last {
                assert_eq!(n_before, 40);
                break;
            }
        }
    });
}

#[test]
fn what_is_no_backup_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (home, file) = (folder.path().join("state"), folder.path().join("b"));
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    std::fs::write(&file, "no archive").unwrap();
    restore(&file, &home).unwrap_err();
    assert_eq!(names(), ["b"]);

    let archive = |name: &str| {
        let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, "2\n".as_bytes()).unwrap();
        tar.into_inner().unwrap().finish().unwrap()
    };
    for name in ["../escaped", "db/conf", "/etc/x", "sluice.sock", "artifacts/../../x"] {
        std::fs::write(&file, archive(name)).unwrap();
        let error = restore(&file, &home).unwrap_err().to_string();
        assert!(error.contains("belongs to no state"), "{name}: {error}");
        assert_eq!(names(), ["b"]);
    }
    std::fs::write(&file, archive("ledger.jsonl")).unwrap();
    assert!(restore(&file, &home).unwrap_err().to_string().contains("no backup"));
    std::fs::write(&file, archive("version")).unwrap();
    assert_eq!(restore(&file, &home).unwrap().n_runs, 0);
    backup(&folder.path().join("none"), &folder.path().join("none/b")).unwrap_err();
}
