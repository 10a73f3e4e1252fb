//! Workers whose orchestrator is gone: their channel closes, and nobody asks them any more.

use std::{
    io::{BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    trial::{Kinds, until},
    yard::{Yard, options, spec},
};
use crate::{
    run::AttemptResult,
    worker::{
        AttemptControl, StopReason,
        entry::Entry,
        kill_strays,
        lines::read_line,
        mark::{MARK, new_mark},
        process::Process,
        protocol::{Hello, NONCE, Request, line},
        read_outcome,
    },
};

/// A worker with a task, started as another orchestrator would.
struct Orphan {
    folder: TempDir,
    child: Child,
    requests: ChildStdin,
    mark: String,
}

impl Orphan {
    fn new(what: &Value, orphan_grace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), 1, Duration::from_secs(1));
        // The middle of a mark is the orchestrator that started the worker: another one than this process.
        let own = new_mark(folder.path());
        let mark = format!("{}-0badf00d-0", own.split('-').next().unwrap());
        let mut child = Command::new(options.program)
            .args(options.args)
            .envs([(MARK, mark.as_str()), (NONCE, "nonce"), ("SLUICE_ORPHAN_GRACE", orphan_grace)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut requests = child.stdin.take().unwrap();
        let mut replies = BufReader::new(child.stdout.take().unwrap());
        requests.write_all(&line(&Request::Hello(Hello::new("nonce")))).unwrap();
        until_hello(&mut replies);
        let spec = spec(folder.path(), 1, json!({ "what": what, "value": 1 }));
        requests
            .write_all(&line(&Request::Execute { id: 1, kept: Vec::new(), spec: Box::new(spec) }))
            .unwrap();
        let waiting = folder.path().join("waiting");
        until(|| waiting.exists());
        Self { folder, child, requests, mark }
    }

    /// Closes the channel, as the death of the orchestrator does.
    fn abandon(self) -> (TempDir, Child) {
        drop(self.requests);
        (self.folder, self.child)
    }
}

fn until_hello(replies: &mut impl std::io::BufRead) {
    while let Some(text) = read_line(replies).unwrap() {
        if text.starts_with(b"{\"t\":\"hello\"") {
            return;
        }
    }
    panic!("the worker said no hello");
}

fn outcome(home: &Path) -> Option<AttemptResult> {
    read_outcome(&home.join("attempts/1"), "attempt-1")
}

#[test]
fn a_task_goes_on_when_the_orchestrator_is_gone_and_its_outcome_is_kept() {
    let (folder, mut child) = Orphan::new(&json!("wait_for_go"), "30").abandon();
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(matches!(outcome(folder.path()), Some(AttemptResult::Succeeded { .. })));
    assert_eq!(read_outcome(&folder.path().join("attempts/1"), "another"), None);
}

#[test]
fn a_task_that_takes_too_long_without_an_orchestrator_is_asked_to_stop() {
    let (folder, mut child) = Orphan::new(&json!("wait"), "0.05").abandon();
    assert!(child.wait().unwrap().success());
    assert_eq!(outcome(folder.path()), Some(AttemptResult::Cancelled));
}

#[test]
fn a_task_that_does_not_obey_ends_with_its_worker_and_all_it_started() {
    let (folder, mut child) = Orphan::new(&json!({ "leave_unmarked": "ignore" }), "0.05").abandon();
    child.wait().unwrap();
    assert_eq!(outcome(folder.path()), Some(AttemptResult::Cancelled));
    let left = std::fs::read_to_string(folder.path().join("left")).unwrap();
    assert_eq!(Process::find(left.trim().parse().unwrap()), None);
}

#[tokio::test]
async fn leftovers_of_an_earlier_orchestrator_are_killed_and_own_workers_are_not() {
    let Orphan { folder, mut child, requests, mark } = Orphan::new(&json!({ "leave": "ignore" }), "30");
    let yard = Yard::new(1);
    yard.pool.warm(1).await;
    let home = folder.path();
    assert!(mark.contains("0badf00d"));
    assert_eq!(kill_strays(home, &["attempt-1".into()]), 0, "its attempt is still needed");
    assert_eq!(kill_strays(home, &[]), 2, "the worker and what its task left");
    assert_eq!(kill_strays(home, &[]), 0);
    assert_eq!(kill_strays(yard.folder.path(), &[]), 0);
    assert_eq!(yard.pool.idle_workers().len(), 1);
    child.wait().unwrap();
    drop(requests);
    yard.close().await;
}

#[test]
fn what_a_worker_left_in_its_group_ends_at_the_next_start_and_the_group_goes() {
    let Orphan { folder, mut child, requests, .. } =
        Orphan::new(&json!({ "leave_unmarked": "ignore" }), "30");
    let home = folder.path();
    let groups = Entry::all(home).remove(0).groups().clone();
    let left: u32 = std::fs::read_to_string(home.join("left")).unwrap().trim().parse().unwrap();
    let is_gathered = groups.unified.is_some();
    until(|| !is_gathered || groups.hold(left));
    child.kill().unwrap();
    child.wait().unwrap();
    let left = Process::find(left).unwrap();
    kill_strays(home, &["attempt-1".into()]);
    assert!(Entry::all(home).is_empty(), "a worker that is gone answers for nothing");
    if is_gathered {
        assert!(!left.lives() && !groups.unified.unwrap().exists());
    } else {
        println!("no control groups can be written here");
        left.signal(rustix::process::Signal::KILL);
    }
    drop(requests);
}

#[tokio::test]
async fn a_worker_that_outlived_its_orchestrator_is_taken_over_with_its_outcome() {
    let (folder, mut child) = Orphan::new(&json!("wait_for_go"), "30").abandon();
    let attempt = folder.path().join("attempts/1");
    let orphan = crate::worker::Orphan::find(folder.path(), "attempt-1").unwrap();
    let (control, _handle) = AttemptControl::new(Box::new(|_, _| ()));
    let adopted = orphan.adopt(attempt, "attempt-1".into(), control, Duration::from_secs(1));
    let go = folder.path().join("go");
    let (report, _) = tokio::join!(adopted, async { std::fs::write(go, "") });
    assert!(matches!(report.result, AttemptResult::Succeeded { .. }), "{report:?}");
    child.wait().unwrap();
}

#[tokio::test]
async fn a_worker_that_was_taken_over_is_stopped_with_everything_it_started() {
    let (folder, mut child) = Orphan::new(&json!({ "leave_unmarked": "ignore" }), "30").abandon();
    let attempt = folder.path().join("attempts/1");
    let orphan = crate::worker::Orphan::find(folder.path(), "attempt-1").unwrap();
    let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
    handle.stop(StopReason::TimedOut { after: 2.0 });
    let report = orphan.adopt(attempt.clone(), "attempt-1".into(), control, Duration::from_millis(50)).await;
    assert_eq!(report.result, AttemptResult::TimedOut { after: 2.0, stubborn: None });
    child.wait().unwrap();
    assert!(crate::worker::Orphan::find(folder.path(), "attempt-1").is_none());
    let left = std::fs::read_to_string(folder.path().join("left")).unwrap();
    assert_eq!(Process::find(left.trim().parse().unwrap()), None);
}

#[tokio::test]
async fn a_result_that_was_not_durable_is_taken_from_a_worker_that_already_runs_another_attempt() {
    let Orphan { folder, mut child, mut requests, .. } = Orphan::new(&json!("wait_for_go"), "30");
    let go = folder.path().join("go");
    std::fs::write(&go, "").unwrap();
    until(|| !folder.path().join("attempts/1").exists() && folder.path().join("artifacts").exists());
    std::fs::remove_file(&go).unwrap();
    std::fs::remove_file(folder.path().join("waiting")).unwrap();
    let spec = spec(folder.path(), 2, json!({ "what": "wait_for_go", "value": 2 }));
    let next = Request::Execute { id: 2, kept: Vec::new(), spec: Box::new(spec) };
    requests.write_all(&line(&next)).unwrap();
    until(|| folder.path().join("waiting").exists());
    assert_eq!(outcome(folder.path()), None);
    drop(requests);
    for (attempt, result) in [(1, "1"), (2, "2")] {
        let id = format!("attempt-{attempt}");
        let orphan = crate::worker::Orphan::find(folder.path(), &id).unwrap();
        let (control, handle) = AttemptControl::new(Box::new(|_, _| ()));
        if attempt == 1 {
            // What has ended cannot be stopped any more.
            handle.stop(StopReason::Cancelled);
        } else {
            std::fs::write(&go, "").unwrap();
        }
        let attempt_dir = folder.path().join(format!("attempts/{attempt}"));
        let report = orphan.adopt(attempt_dir, id, control, Duration::from_secs(1)).await;
        let AttemptResult::Succeeded { outcome } = report.result else { panic!("{report:?}") };
        assert_eq!(outcome.outputs["value"].value.as_ref().unwrap().to_string(), result);
    }
    child.wait().unwrap();
}

#[test]
fn a_worker_that_was_started_by_hand_says_what_it_is() {
    // The nonce is what the tests' worker looks for, so the library itself is asked.
    assert!(std::env::var_os(NONCE).is_none());
    let options = crate::worker::WorkerOptions { kinds: std::sync::Arc::new(Kinds) };
    assert_eq!(crate::worker::serve(options), 2);
}
