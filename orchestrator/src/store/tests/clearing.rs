//! What is cleared away.

use super::*;

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
