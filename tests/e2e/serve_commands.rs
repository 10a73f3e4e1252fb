//! Commands while a daemon holds the store: each says and does what it would without one, or says plainly why it cannot.

use serde_json::json;

use crate::{
    daemon::Daemon,
    project::{Project, Ran, wait_until},
};

fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/w.toml",
        r#"
name = "w"
[params]
n = { type = "integer", default = 1 }
[schedule]
cron = "0 3 * * *"
[tasks.a]
uses = "noop"
[tasks.b]
uses = "shell"
needs = ["a"]
with = { script = "echo n=$N; [ $N != 3 ]", env = { N = "{{ params.n }}" } }
"#,
    );
    project.file("workflows/x.toml", "name = \"x\"\n[tasks.a]\nuses = \"noop\"\n");
    project.file("broken.toml", "name = \"broken\"\n[tasks.a]\nuses = \"nop\"\n");
    project
}

/// Commands that leave everything as it is, with what they exit with.
const LOOKS: &[(&[&str], i32)] = &[
    (&["check", "workflows/w.toml"], 0),
    (&["check", "broken.toml", "--format", "json"], 2),
    (&["plan", "workflows/w.toml"], 0),
    (&["plan", "workflows/w.toml", "-p", "n=2", "--format", "json"], 0),
    (&["plan", "workflows/w.toml", "--no-cache"], 0),
    (&["plan", "workflows/w.toml", "-p", "n=many"], 2),
    (&["plan", "broken.toml"], 2),
    (&["plan", "missing.toml"], 2),
    (&["graph", "workflows/w.toml"], 0),
    (&["run", "broken.toml"], 2),
    (&["run", "broken.toml", "--format", "json"], 2),
    (&["run", "missing.toml"], 2),
    (&["run", "--resume", "nonsense"], 5),
    (&["runs", "list"], 0),
    (&["runs", "list", "--format", "json"], 0),
    (&["runs", "list", "--workflow", "w", "--status", "failed", "--format", "json"], 0),
    (&["runs", "list", "--status", "nonsense"], 2),
    (&["runs", "show", "latest"], 0),
    (&["runs", "show", "latest", "--format", "json"], 0),
    (&["runs", "show", "nonsense"], 5),
    (&["runs", "logs", "latest"], 0),
    (&["runs", "logs", "latest", "nonsense"], 5),
    (&["runs", "pause", "latest"], 2),
    (&["runs", "resume", "latest"], 2),
    (&["runs", "cancel", "latest"], 2),
    (&["runs", "retry", "latest"], 2),
    (&["runs", "retry", "nonsense"], 5),
    (&["runs", "rerun", "latest", "--from", "nonsense"], 5),
    (&["runs", "resolve", "latest", "a", "--as", "failed"], 2),
    (&["runs", "resolve", "latest", "nonsense", "--as", "failed"], 5),
    (&["runs", "diff", "latest", "latest"], 0),
    (&["why", "latest", "a"], 0),
    (&["why", "latest", "a", "--format", "json"], 0),
    (&["schedule", "list", "--format", "json"], 0),
    (&["schedule", "simulate", "--from", "2026-01-01", "--to", "2026-01-03", "--duration", "1s"], 0),
    (&["schedule", "pause", "nonsense"], 5),
    (&["schedule", "backfill", "w", "--from", "2026-01-01", "--to", "2026-01-03", "--dry-run"], 0),
    (&["schedule", "backfill", "w", "--from", "2026-01-03", "--to", "2026-01-01"], 2),
    (&["schedule", "backfill", "w", "--stop"], 0),
    (&["schedule", "backfill", "nonsense", "--from", "2026-01-01", "--to", "2026-01-03"], 5),
    (&["models", "list"], 0),
    (&["models", "list", "--format", "json"], 0),
    (&["models", "show", "nonsense"], 5),
    (&["models", "promote", "nonsense", "1", "--reason", "why not"], 5),
    (&["models", "rollback", "nonsense", "--reason", "why not"], 5),
    (&["models", "serve", "nonsense"], 5),
    (&["deployments", "list", "--all", "--format", "json"], 0),
    (&["deployments", "show", "nonsense"], 5),
    (&["deployments", "stop", "nonsense"], 5),
    (&["kinds", "list"], 0),
    (&["kinds", "show", "gate"], 0),
    (&["kinds", "show", "nonsense"], 5),
    (&["plugins", "list"], 0),
    (&["tokens", "list"], 0),
    (&["tokens", "remove", "nonsense"], 5),
    (&["schema"], 0),
    (&["gc", "--dry-run"], 0),
    (&["gc", "--dry-run", "--keep-runs", "1", "--format", "json"], 0),
    (&["doctor"], 0),
    (&["doctor", "--format", "json"], 0),
];

#[test]
fn a_command_says_the_same_with_a_daemon_and_without() {
    let project = project();
    project.sluice(&["run", "workflows/x.toml"]).expect(0);
    project.sluice(&["run", "workflows/w.toml"]).expect(0);
    project.sluice(&["run", "workflows/w.toml", "-p", "n=2"]).expect(0);
    let all = |when: &str| -> Vec<Ran> {
        let run = |(args, code): &(&[&str], i32)| {
            let ran = project.sluice(args);
            assert_eq!(ran.code, *code, "{when}: {args:?}\n{}\n{}", ran.stdout, ran.stderr);
            ran
        };
        LOOKS.iter().map(run).collect()
    };
    let daemon = Daemon::start(&project);
    let with = all("with a daemon");
    daemon.stop();
    let without = all("without");
    let differ: Vec<String> = LOOKS
        .iter()
        .zip(with.iter().zip(&without))
        .filter(|(_, (with, without))| (&with.stdout, &with.stderr) != (&without.stdout, &without.stderr))
        .map(|((args, _), (with, without))| format!("{args:?}\n  with: {with:?}\n  without: {without:?}"))
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn commands_that_change_something_do_it_through_the_daemon() {
    let project = project();
    let failed = project.sluice(&["run", "workflows/w.toml", "-p", "n=3"]).expect(1);
    assert!(failed.stdout.contains("failed"), "{}", failed.stdout);
    let daemon = Daemon::start(&project);
    // The same end, the same words and the same code as without a daemon.
    let again = project.sluice(&["run", "workflows/w.toml", "-p", "n=3"]).expect(1);
    assert!(again.stdout.contains("failed"), "{}", again.stdout);
    project.sluice(&["runs", "retry", "latest"]).expect(1);
    project.sluice(&["runs", "rerun", "latest", "--from", "b", "-p", "n=4"]).expect(0);
    let logs = project.sluice(&["runs", "logs", "latest"]).expect(0);
    assert_eq!(logs.stdout, "n=4\n");

    project.sluice(&["schedule", "pause", "w"]).expect(0);
    let rests = project.sluice(&["schedule", "pause", "w"]).expect(0);
    assert!(rests.stdout.contains("rests already"), "{}", rests.stdout);
    assert_eq!(daemon.get("/api/v1/schedules").json()["schedules"][0]["paused"], true);
    project.sluice(&["schedule", "resume", "w"]).expect(0);

    let backfill = [
        "schedule",
        "backfill",
        "w",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-03",
        "--parallel",
        "2",
        "-p",
        "n=5",
    ];
    let filled = project.sluice(&[&backfill[..], &["--format", "json"]].concat()).expect(0).json();
    let mut times: Vec<&str> =
        filled.as_array().expect("a list").iter().filter_map(|run| run["scheduled_at"].as_str()).collect();
    times.sort_unstable();
    assert_eq!(times, ["2026-01-01T03:00:00.000Z", "2026-01-02T03:00:00.000Z", "2026-01-03T03:00:00.000Z"]);
    assert!(
        filled.as_array().is_some_and(|runs| runs.iter().all(|run| run["status"] == "succeeded")),
        "{filled}"
    );
    let fails = project
        .sluice(&["schedule", "backfill", "w", "--from", "2026-02-01", "--to", "2026-02-02", "-p", "n=3"])
        .expect(1);
    assert_eq!(fails.stdout.matches("failed").count(), 2, "{}", fails.stdout);

    let refused = project.sluice(&["doctor", "--rebuild"]).expect(2);
    assert!(
        refused.stderr.contains("the daemon uses the database")
            && refused.stderr.contains("stop `sluice serve`"),
        "{}",
        refused.stderr
    );
    let second = project.sluice(&["serve", "--bind", "127.0.0.1:0"]);
    assert!(second.code != 0 && second.stderr.contains("sluice serve"), "{}", second.stderr);

    wait_until("nothing is driven any more", || project.sluice(&["gc", "--keep-runs", "1"]).code == 0);
    let trail = project.sluice(&["audit", "--format", "json"]).expect(0).json();
    let did: Vec<&str> =
        trail.as_array().expect("a list").iter().filter_map(|line| line["what"].as_str()).collect();
    for what in [
        "runs.start",
        "runs.retry",
        "runs.rerun",
        "schedules.pause",
        "schedules.resume",
        "schedules.backfill",
        "gc.run",
    ] {
        assert!(did.contains(&what), "{what}: {did:?}");
    }
    assert!(
        trail.as_array().is_some_and(|lines| lines.iter().all(|line| line["address"] == "socket")),
        "{trail}"
    );
}

#[test]
fn doctor_and_plan_look_beside_a_run_that_goes_on() {
    let project = project();
    project.file(
        "workflows/slow.toml",
        "name = \"slow\"\n[tasks.t]\nuses = \"shell\"\nwith = { script = \"while [ ! -e ../go ]; do sleep 0.02; done\" }\n",
    );
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    daemon.wait_for(&id, "running");
    let report = project.sluice(&["doctor", "--format", "json"]).expect(0).json();
    assert_eq!((&report["n_runs"], &report["problems"]), (&json!(1), &json!([])));
    project.sluice(&["plan", "workflows/slow.toml"]).expect(0);
    // Runs that begin and end while it looks are no damage.
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| {
            for _ in 0..30 {
                daemon.run("x");
            }
        });
        while !runs.is_finished() {
            project.sluice(&["doctor"]).expect(0);
        }
    });
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
}

#[test]
fn the_socket_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let project = project();
    let daemon = Daemon::start(&project);
    let socket = project.path(".sluice/sluice.sock");
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A user who got past the permissions is refused by who they are; only root can try that.
    if !rustix::process::getuid().is_root() {
        return;
    }
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).expect("it is ours");
    for folder in [".", ".sluice"] {
        std::fs::set_permissions(project.path(folder), PermissionsExt::from_mode(0o755)).expect("it is ours");
    }
    let talk = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'GET /health HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n'); sys.stdout.write(s.recv(100).decode())";
    let ask = |user: u32| {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new("python3");
        command.args(["-c", talk]).arg(&socket).uid(user);
        let output = command.output().expect("python3 starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(ask(0).starts_with("HTTP/1.1 200"), "root may");
    assert_eq!(ask(65534), "", "nobody may not");
    daemon.get("/health").expect(200);
}
