//! `kill -9` at any moment: the store opens, finished tasks stay finished, nothing runs for ever.

use std::time::Duration;

use sluicegate::{
    run::{EVENT_VERSION, Event, EventRecord, Owner, RunId, RunRow, RunStatus, RunStory, Timestamp},
    store::{Commit, Store, StoreOptions},
};

use crate::project::{Project, wait_until};

/// Twelve steps in a chain; each notes that it ran.
fn chain() -> String {
    let mut text = String::from("name = \"chain\"\n");
    for step in 0..12 {
        let needs = if step > 0 { format!("needs = [\"s{}\"]\n", step - 1) } else { String::new() };
        text += &format!(
            "[tasks.s{step}]\nuses = \"shell\"\n{needs}with = {{ script = \"sleep 0.02; echo s{step} >> ran\" }}\n"
        );
    }
    text
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let project = Project::new();
    project.file("w.toml", chain());
    let mut n_kills = 0;
    for round in 0..8u64 {
        let mut child = project.spawn(&["run", "w.toml"]);
        let n_before = project.read("ran").lines().count();
        // Each round lets the run get a little further, then kills it wherever it is.
        wait_until("the run got further, or ended", || {
            project.read("ran").lines().count() > n_before + (round % 2) as usize
                || project.read("ran").lines().count() >= 12
        });
        let _ = child.kill();
        let _ = child.wait();
        n_kills += 1;
        let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
        for run in listed.as_array().expect("a list") {
            assert_ne!(run["status"], "running", "{run}");
        }
        if project.read("ran").lines().count() >= 12 {
            break;
        }
    }
    assert!(n_kills > 2, "the run was killed more than twice");
    let ran = project.sluice(&["run", "w.toml"]);
    assert!(ran.code == 0, "{} {}", ran.stdout, ran.stderr);
    // A step that had finished never ran again; only a step that was cut off may stand twice.
    let story = project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).json();
    for task in story["tasks"].as_array().expect("tasks") {
        assert_eq!(task["state"], "succeeded", "{task}");
    }
    let log = project.read("ran");
    for step in 0..12 {
        let n = log.lines().filter(|line| *line == format!("s{step}")).count();
        assert!(n >= 1, "s{step} ran {n} times:\n{log}");
    }
    wait_until("no process is left", || project.processes().is_empty());
}

#[test]
fn a_finished_task_is_not_done_again_after_a_kill() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"two\"\n[tasks.first]\nuses = \"shell\"\nwith = { script = \"echo x >> first\" }\n[tasks.second]\nuses = \"shell\"\nneeds = [\"first\"]\nwith = { script = \"touch waiting; while [ ! -e go ]; do sleep 0.01; done\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    child.kill().expect("the command runs");
    child.wait().expect("the command ends");
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["status"], "interrupted");
    project.file("go", "");
    let ran = project.sluice(&["run", "w.toml"]).expect(0);
    assert!(ran.stdout.contains("goes on"), "{}", ran.stdout);
    assert_eq!(project.read("first"), "x\n");
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed.as_array().expect("a list").len(), 1, "it is the same run");
    assert_eq!(listed[0]["status"], "succeeded");
}

#[test]
fn history_can_be_read_while_a_run_goes_on() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"touch waiting; while [ ! -e go ]; do sleep 0.01; done\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["status"], "running");
    assert_eq!(project.task("latest", "t")["state"], "running");
    project.file("go", "");
    assert!(child.wait().expect("the command ends").success());
}

#[test]
fn a_lost_store_is_rebuilt_from_the_logs() {
    let project = Project::with_examples();
    project.sluice(&["run", "workflows/iris.toml"]).expect(0);
    let before = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    let models = project.sluice(&["models", "list", "--format", "json"]).expect(0).json();
    std::fs::remove_dir_all(project.path(".sluice/db")).expect("the store is there");
    project.sluice(&["doctor", "--rebuild"]).expect(0);
    assert_eq!(project.sluice(&["runs", "list", "--format", "json"]).expect(0).json(), before);
    assert_eq!(project.sluice(&["models", "list", "--format", "json"]).expect(0).json(), models);
    project.sluice(&["doctor"]).expect(0);
    let again = project.sluice(&["run", "workflows/iris.toml", "--format", "json"]).expect(0).json();
    let cached =
        again["tasks"].as_array().expect("tasks").iter().filter(|task| task["cached"] == true).count();
    assert_eq!(cached, 4, "{again}");
}

#[test]
fn a_running_task_is_taken_over_with_its_worker_and_not_started_again() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n[tasks.long]\nuses = \"shell\"\nwith = { script = \"echo begin >> ran; while [ ! -e go ]; do sleep 0.01; done; echo end >> ran\" }\n",
    );
    for _ in 0..3 {
        let mut child = project.spawn(&["run", "w.toml"]);
        wait_until("the task runs", || {
            !project.read("ran").is_empty() && project.task("latest", "long")["state"] == "running"
        });
        child.kill().expect("the command runs");
        child.wait().expect("the command ends");
        let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
        assert_eq!(listed[0]["status"], "interrupted");
    }
    project.file("go", "");
    let ran = project.sluice(&["runs", "resume", "latest"]).expect(0);
    assert!(ran.stdout.contains("goes on"), "{}", ran.stdout);
    assert_eq!(project.read("ran"), "begin\nend\n");
    assert_eq!(project.task("latest", "long")["attempts"], 1);
    wait_until("no process is left", || project.processes().is_empty());
}

#[test]
fn an_outcome_that_was_written_without_an_orchestrator_counts() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n[tasks.a]\nuses = \"shell\"\nwith = { script = \"echo x >> ran; touch waiting; while [ ! -e go ]; do sleep 0.01; done\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    child.kill().expect("the command runs");
    child.wait().expect("the command ends");
    project.file("go", "");
    wait_until("the worker is done", || project.processes().is_empty());
    project.sluice(&["run", "w.toml"]).expect(0);
    assert_eq!(project.read("ran"), "x\n");
}

#[test]
fn a_cancelled_run_takes_what_it_left_running_with_it() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n[tasks.a]\nuses = \"shell\"\nwith = { script = \"touch waiting; setsid sleep 600 & sleep 600\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    project.sluice(&["runs", "cancel", "latest"]).expect(0);
    assert_eq!(child.wait().expect("the command ends").code(), Some(4));
    wait_until("no process is left", || project.processes().is_empty());

    std::fs::remove_file(project.path("waiting")).expect("it was there");
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    child.kill().expect("the command runs");
    child.wait().expect("the command ends");
    project.sluice(&["runs", "cancel", "latest"]).expect(0);
    wait_until("no process is left", || project.processes().is_empty());
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert!(listed.as_array().expect("a list").iter().all(|run| run["status"] == "cancelled"), "{listed}");
    project.sluice(&["runs", "cancel", "latest"]).expect(2);
}

#[test]
fn a_cancel_that_the_orchestrator_did_not_live_to_finish_is_finished_by_the_next() {
    let project = Project::new();
    project.file(
        "w.toml",
        "name = \"w\"\n[tasks.a]\nuses = \"shell\"\nwith = { script = \"trap '' TERM; touch waiting; while :; do sleep 0.05; done\" }\n",
    );
    let mut child = project.spawn(&["run", "w.toml"]);
    project.wait_for_file("waiting");
    project.sluice(&["runs", "cancel", "latest"]).expect(0);
    wait_until("the cancel is recorded", || {
        let story = project.sluice(&["runs", "show", "latest", "--format", "json"]).expect(0).json();
        !story["cancelled_because"].is_null()
    });
    child.kill().expect("the command runs");
    child.wait().expect("the command ends");
    project.sluice(&["run", "w.toml"]).expect(4);
    wait_until("no process is left", || project.processes().is_empty());
}

#[test]
fn a_mutex_that_a_task_of_a_killed_orchestrator_holds_is_not_free() {
    let project = Project::new();
    project.file(
        "a.toml",
        r#"
[tasks.a]
uses = "shell"
mutex = "db"
with = { script = "touch began; while ! test -e go; do sleep 0.02; done; echo a >> order" }
"#,
    );
    project.file(
        "b.toml",
        "[tasks.b]\nuses = \"shell\"\nmutex = \"db\"\nwith = { script = \"echo b >> order\" }\n",
    );
    let mut a = project.spawn(&["run", "a.toml"]);
    project.wait_for_file("began");
    a.kill().expect("it is killed");
    a.wait().expect("it ends");
    let mut b = project.spawn(&["run", "b.toml"]);
    let runs = || project.sluice(&["runs", "list", "--format", "json"]).json();
    wait_until("the second run has begun", || runs()[0]["workflow"] == "b");
    assert_eq!(project.task("latest", "b")["state"], "ready");
    project.file("go", "");
    assert!(b.wait().expect("it ends").success());
    assert_eq!(project.read("order"), "a\nb\n");
    project.sluice(&["run", "a.toml"]).expect(0);
    assert_eq!(project.read("order"), "a\nb\n");
}

/// Stores a run that claims to be running and whose events make none.
fn store_a_run_without_a_beginning(project: &Project) -> RunId {
    let run = RunId::from_parts(1_700_000_000_000, 7);
    let at = Timestamp(1_700_000_000_000);
    let row = RunRow {
        id: run,
        workflow: "lost".into(),
        workflow_hash: "00".repeat(32),
        status: RunStatus::Running,
        created_at: at,
        ended_at: None,
        n_tasks: 1,
        n_ended: 0,
        owner: Owner { pid: 1, start_time: 1, boot_id: "another".into() },
        n_events: 1,
        parent: None,
        story: RunStory::default(),
    };
    let record = EventRecord { v: EVENT_VERSION, seq: 0, at, event: Event::RunPaused };
    let options = StoreOptions { wait: Duration::from_secs(10) };
    let store = Store::open(&project.path(".sluice"), options).expect("the store opens");
    store.commit(Commit { run, records: vec![record], row, cache: Vec::new() }).expect("a commit");
    run
}

#[test]
fn a_run_that_cannot_be_read_back_is_told_and_holds_no_other_up() {
    let project = Project::new();
    project.file("w.toml", "name = \"w\"\n[tasks.a]\nuses = \"noop\"\n");
    let lost = store_a_run_without_a_beginning(&project);
    let ran = project.sluice(&["run", "w.toml"]).expect(0);
    assert!(ran.stderr.contains(&format!("run {lost} is left as it is")), "{}", ran.stderr);
    assert!(ran.stderr.contains("sluice doctor"), "{}", ran.stderr);
}
