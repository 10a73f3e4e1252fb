//! A machine that dies at any moment.

use super::*;

/// A copy of a folder, with its journal cut to a length.
pub(super) fn copy_with_journal_cut(from: &Path, to: &Path, length: usize) {
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
