//! The daemon: runs through the API, streams that go on exactly, stops and kills that lose nothing.

use serde_json::json;

use crate::{
    daemon::{Daemon, Event},
    project::{Project, wait_until},
};

/// A quick workflow, and one that waits for a file.
fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/quick.toml",
        r#"
name = "quick"
[params]
n = { type = "integer", default = 1, min = 0, help = "how many" }
[tasks.a]
uses = "noop"
[tasks.b]
uses = "shell"
needs = ["a"]
with = { script = "echo n=$N; echo second", env = { N = "{{ params.n }}" } }
"#,
    );
    project.file(
        "workflows/slow.toml",
        r#"
name = "slow"
[tasks.long]
uses = "shell"
with = { script = "echo begin >> ../ran; echo waiting; while [ ! -e ../go ]; do sleep 0.02; done; echo end >> ../ran" }
"#,
    );
    project
}

#[test]
fn a_run_is_started_through_the_api_followed_and_read() {
    let project = project();
    let daemon = Daemon::start(&project);
    assert_eq!(daemon.get("/health").expect(200).json(), json!({ "status": "ok" }));
    assert_eq!(daemon.get("/api/v1/version").expect(200).json()["you"]["role"], "admin");
    let listed = daemon.get("/api/v1/workflows").expect(200).json();
    let names: Vec<_> = listed["workflows"].as_array().expect("a list").iter().map(|w| &w["name"]).collect();
    assert_eq!(names, ["quick", "slow"]);
    assert_eq!(daemon.get("/api/v1/workflows/quick").expect(200).json()["params"][0]["help"], "how many");

    let body = json!({ "workflow": "quick", "params": { "n": 7 } }).to_string();
    let run = daemon.post("/api/v1/runs", &body).expect(201).json();
    let id = run["id"].as_str().expect("an id");
    let story = daemon.get(&format!("/api/v1/runs/{id}?wait=30")).expect(200).json();
    assert_eq!((&story["status"], &story["params"]["n"]), (&json!("succeeded"), &json!(7)));
    assert_eq!(daemon.get(&format!("/api/v1/runs/{id}/tasks/b/logs")).expect(200).body, "n=7\nsecond\n");
    let part = daemon.get(&format!("/api/v1/runs/{id}/tasks/b/logs?offset=4&limit=3")).expect(200);
    assert_eq!((part.body.as_str(), part.header("x-log-next").as_deref()), ("sec", Some("7")));
    let events = daemon.get(&format!("/api/v1/runs/{id}/events?limit=2")).expect(200).json();
    assert_eq!((&events["events"][0]["type"], &events["next"]), (&json!("run_created"), &json!(1)));

    // A command sees the same, and the page too.
    let listed = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed[0]["id"], id);
    let page = daemon.get(&format!("/runs/{id}")).expect(200);
    assert!(page.body.contains("quick") && page.body.contains("<svg"), "{}", page.body);
    for path in ["/", "/workflows", "/workflows/quick", "/runs", "/compare", "/models", "/deployments"] {
        daemon.get(path).expect(200);
    }
    for path in
        ["/schedules", "/kinds", "/kinds/noop", "/system", "/api/docs", "/api/openapi.json", "/metrics"]
    {
        daemon.get(path).expect(200);
    }
    daemon.get(&format!("/runs/{id}/tasks/b")).expect(200);
    daemon.get("/runs/00000000000000000000000000").expect(404);
}

#[test]
fn runs_are_listed_page_by_page_without_a_gap() {
    let project = project();
    let daemon = Daemon::start(&project);
    let ids: Vec<String> = (0..7).map(|_| daemon.run("quick")).collect();
    for id in &ids {
        daemon.wait_for(id, "succeeded");
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            daemon.get(&format!("/api/v1/runs?workflow=quick&status=succeeded&limit=3{cursor}")).expect(200);
        let page = page.json();
        let runs = page["runs"].as_array().expect("a list");
        assert!(runs.len() <= 3);
        seen.extend(runs.iter().map(|run| run["id"].as_str().expect("an id").to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<String> = ids.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
    assert_eq!(daemon.get("/api/v1/runs?status=failed").expect(200).json()["runs"], json!([]));
    let later = daemon.get("/api/v1/runs?since=2100-01-01T00:00:00Z").expect(200).json();
    assert_eq!(later["runs"], json!([]));
}

#[test]
fn a_stream_of_events_goes_on_exactly_where_it_was_left() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    let path = format!("/api/v1/runs/{id}/events");
    let mut first = daemon.follow(&path, None);
    let two: Vec<Event> = first.by_ref().take(2).collect();
    assert_eq!(two.iter().map(|event| event.id.as_deref()).collect::<Vec<_>>(), [Some("0"), Some("1")]);
    drop(first);
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
    let rest: Vec<Event> = daemon.follow(&path, two[1].id.as_deref()).collect();
    let whole: Vec<Event> = daemon.follow(&path, None).collect();
    let joined: Vec<Event> = two.into_iter().chain(rest).collect();
    assert_eq!(joined, whole);
    assert_eq!(whole.last().map(|event| event.name.as_str()), Some("end"));
    let last = whole.iter().rev().find_map(|event| event.id.clone());
    let nothing = daemon.follow(&path, last.as_deref());
    assert!(nothing.status.contains("204"), "{}", nothing.status);
}

#[test]
fn a_log_is_followed_while_it_grows() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    let mut events = daemon.follow(&format!("/api/v1/runs/{id}/tasks/long/logs/stream"), None);
    let first = events.next().expect("the first line");
    assert_eq!((first.name.as_str(), first.data.as_str()), ("log", r#"{"text":"waiting\n"}"#));
    assert_eq!(first.id.as_deref(), Some("8"));
    project.file("go", "");
    assert_eq!(events.next().expect("the end").name, "end");
}

#[test]
fn a_stop_closes_streams_leaves_tasks_running_and_the_next_start_takes_them_over() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    wait_until("the task runs", || !project.read("ran").is_empty());
    let streams: Vec<_> =
        (0..20).map(|_| daemon.follow(&format!("/api/v1/runs/{id}/events"), None)).collect();
    let took = daemon.stop();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    for stream in streams {
        assert!(stream.count() >= 2, "each stream had the events, and was closed");
    }
    assert!(!project.path(".sluice/sluice.sock").exists());
    assert!(!project.processes().is_empty(), "the task goes on");

    let daemon = Daemon::start(&project);
    wait_until("the run goes on", || daemon.get(&format!("/api/v1/runs/{id}")).json()["status"] == "running");
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
    assert_eq!(project.read("ran"), "begin\nend\n", "the task ran once");
    let task = &daemon.get(&format!("/api/v1/runs/{id}")).json()["tasks"][0];
    assert_eq!(task["attempts"], 1);
}

#[test]
fn a_killed_daemon_takes_its_tasks_over_when_it_starts_again() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    wait_until("the task runs", || !project.read("ran").is_empty());
    daemon.kill();
    let daemon = Daemon::start(&project);
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
    assert_eq!(project.read("ran"), "begin\nend\n", "the task ran once");
}

#[test]
fn a_paused_run_stays_paused_when_the_daemon_starts_again() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    wait_until("the task runs", || !project.read("ran").is_empty());
    daemon.post(&format!("/api/v1/runs/{id}/pause"), "{}").expect(202);
    daemon.wait_for(&id, "paused");
    daemon.stop();
    let daemon = Daemon::start(&project);
    daemon.wait_for(&id, "paused");
    daemon.post(&format!("/api/v1/runs/{id}/resume"), "{}").expect(202);
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
}

#[test]
fn an_idempotency_key_starts_one_run_also_after_a_restart() {
    let project = project();
    let daemon = Daemon::start(&project);
    let key = [("idempotency-key", "deploy-42")];
    let body = r#"{"workflow":"quick"}"#;
    let first = daemon.send("POST", "/api/v1/runs", &key, body).expect(201).json();
    let again = daemon.send("POST", "/api/v1/runs", &key, body).expect(200).json();
    assert_eq!((&again["id"], &again["repeated"]), (&first["id"], &json!(true)));
    daemon.kill();
    let daemon = Daemon::start(&project);
    let again = daemon.send("POST", "/api/v1/runs", &key, body).expect(200).json();
    assert_eq!(again["id"], first["id"]);
    daemon.send("POST", "/api/v1/runs", &key, r#"{"workflow":"slow"}"#).expect(409);
    assert_eq!(daemon.get("/api/v1/runs").json()["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_run_is_cancelled_repeated_and_compared() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    wait_until("the task runs", || !project.read("ran").is_empty());
    daemon.post(&format!("/api/v1/runs/{id}/cancel"), "{}").expect(202);
    daemon.wait_for(&id, "cancelled");
    daemon.post(&format!("/api/v1/runs/{id}/cancel"), "{}").expect(409);
    let story = daemon.get(&format!("/api/v1/runs/{id}")).json();
    assert_eq!(
        (&story["cancelled_because"], &story["can_retry"]),
        (&json!("cancelled by local"), &json!(true))
    );
    project.file("go", "");
    daemon.post(&format!("/api/v1/runs/{id}/retry"), "{}").expect(202);
    daemon.wait_for(&id, "succeeded");
    let body = r#"{"from":"long"}"#;
    let second = daemon.post(&format!("/api/v1/runs/{id}/rerun"), body).expect(201).json();
    let second = second["id"].as_str().expect("an id");
    daemon.wait_for(second, "succeeded");
    let diff = daemon.get(&format!("/api/v1/diff?before={id}&after={second}")).expect(200).json();
    assert_eq!(diff["tasks"][0]["name"], "long");
    daemon.post(&format!("/api/v1/runs/{id}/rerun"), r#"{"from":"lang"}"#).expect(404);
}

#[test]
fn a_broken_edit_keeps_the_last_good_version() {
    let project = project();
    let daemon = Daemon::start(&project);
    daemon.get("/api/v1/workflows").expect(200);
    project.file("workflows/quick.toml", "name = \"quick\"\n[tasks.a]\nuses = \"nop\"\n");
    let shown = daemon.get("/api/v1/workflows/quick").expect(200).json();
    assert_eq!((&shown["broken"], &shown["startable"]), (&json!(true), &json!(true)));
    assert_eq!(shown["diagnostics"][0]["line"], 3);
    let id = daemon.run("quick");
    daemon.wait_for(&id, "succeeded");
    assert_eq!(daemon.get(&format!("/api/v1/runs/{id}")).json()["tasks"].as_array().map(Vec::len), Some(2));
}

#[test]
fn commands_go_through_the_daemon_while_it_holds_the_store() {
    let project = project();
    let daemon = Daemon::start(&project);
    let ran = project.sluice(&["run", "workflows/quick.toml", "-p", "n=5"]).expect(0);
    assert!(ran.stdout.contains("quick starts") && ran.stdout.contains("succeeded in"), "{}", ran.stdout);
    let story = project.sluice(&["run", "workflows/quick.toml", "--format", "json"]).expect(0).json();
    assert_eq!(story["status"], "succeeded");

    let mut child = project.spawn(&["run", "workflows/slow.toml"]);
    wait_until("the task runs", || !project.read("ran").is_empty());
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "the run was cancelled");

    let mut child = project.spawn(&["run", "workflows/slow.toml"]);
    wait_until("another run goes on", || {
        project.sluice(&["runs", "list", "--format", "json"]).json()[0]["status"] == "running"
    });
    project.sluice(&["runs", "pause", "latest"]).expect(0);
    wait_until("it is paused", || {
        project.sluice(&["runs", "list", "--format", "json"]).json()[0]["status"] == "paused"
    });
    project.sluice(&["runs", "resume", "latest"]).expect(0);
    project.sluice(&["runs", "cancel", "latest"]).expect(0);
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    project.file("go", "");
    project.sluice(&["runs", "retry", "latest"]).expect(0);
    project.sluice(&["runs", "rerun", "latest", "--from", "long"]).expect(0);
    project.sluice(&["models", "list"]).expect(0);
    wait_until("nothing is driven any more", || project.sluice(&["gc", "--dry-run"]).code == 0);
    let planned = project.sluice(&["plan", "workflows/quick.toml"]).expect(0);
    assert!(planned.stdout.contains("TASK"), "{}", planned.stdout);
    daemon.get("/health").expect(200);
}

#[test]
fn nothing_is_cleared_away_beside_a_run() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    wait_until("the task runs", || !project.read("ran").is_empty());
    daemon.post("/api/v1/gc", r#"{"keep_runs":0}"#).expect(409);
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
    wait_until("the driver is gone", || daemon.post("/api/v1/gc", r#"{"keep_runs":0}"#).status == 200);
    assert_eq!(daemon.get("/api/v1/runs").json()["runs"], json!([]));
    assert_eq!(daemon.get("/api/v1/gc").json()["latest"]["n_runs"], 1);
}
