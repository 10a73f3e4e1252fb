//! Webhooks, end to end: who can sign starts a run, and nobody else learns anything.

use serde_json::json;
use sluicegate::scheduler::sign;

use crate::{
    daemon::{Answer, Daemon},
    project::{Project, wait_until},
};

const SECRET: &str = "a secret of the sender";

fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file(
        "workflows/w.toml",
        r#"
name = "w"
[[trigger]]
name = "push"
webhook = { secret = { file = "secret.txt" } }
overlap = "allow"
[[trigger]]
name = "unset"
webhook = { secret = { env = "SLUICE_TEST_NO_SUCH_VARIABLE" } }
[[schedule]]
name = "nightly"
cron = "0 3 * * *"
[tasks.a]
uses = "noop"
"#,
    );
    project.file("workflows/secret.txt", SECRET);
    project
}

fn hook(daemon: &Daemon<'_>, name: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    daemon.send("POST", &format!("/api/v1/hooks/w/{name}"), headers, body)
}

fn n_runs(daemon: &Daemon<'_>) -> usize {
    daemon.get("/api/v1/runs").json()["runs"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_signed_request_starts_a_run_and_the_same_delivery_no_other() {
    let project = project();
    let daemon = Daemon::start(&project);
    let body = r#"{"ref":"main"}"#;
    let signature = sign(SECRET.as_bytes(), body.as_bytes());
    let signed = ("x-sluice-signature", signature.as_str());
    let first = hook(&daemon, "push", &[signed, ("x-sluice-delivery", "1")], body).expect(202).json();
    let run = first["run"].as_str().expect("a run").to_owned();
    daemon.wait_for(&run, "succeeded");
    // The sender tries again because it did not hear the answer.
    let again = hook(&daemon, "push", &[signed, ("x-sluice-delivery", "1")], body).expect(202).json();
    assert_eq!(again, json!({ "run": null }));
    drop(daemon);
    let daemon = Daemon::start(&project);
    let again = hook(&daemon, "push", &[signed, ("x-sluice-delivery", "1")], body).expect(202).json();
    assert_eq!((again, n_runs(&daemon)), (json!({ "run": null }), 1));
    // As GitHub sends it.
    let github = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", "2")];
    let other = hook(&daemon, "push", &github, body).expect(202).json();
    assert!(other["run"].is_string(), "{other}");
    wait_until("both are there", || n_runs(&daemon) == 2);
}

#[test]
fn whoever_cannot_sign_learns_not_even_which_webhooks_there_are() {
    let project = project();
    // Also where everything else wants a token.
    project.sluice(&["tokens", "add", "root", "--role", "admin"]).expect(0);
    let daemon = Daemon::start(&project);
    let body = r#"{"ref":"main"}"#;
    let right = sign(SECRET.as_bytes(), body.as_bytes());
    let of_other_body = sign(SECRET.as_bytes(), b"{}");
    let of_other_secret = sign(b"guessed", body.as_bytes());
    let of_no_secret = sign(b"", body.as_bytes());
    let refused = |name: &str, signature: &str| {
        let headers = [("x-sluice-signature", signature)];
        let headers = if signature.is_empty() { &headers[..0] } else { &headers[..] };
        hook(&daemon, name, headers, body).expect(403).body
    };
    let usual = refused("push", "");
    for (name, signature) in [
        ("push", of_other_body.as_str()),
        ("push", &of_other_secret),
        ("push", &of_no_secret),
        ("push", "sha256="),
        ("push", "nonsense"),
        ("push", &right[..right.len() - 1]),
        // No such webhook, one that is no webhook, one whose secret cannot be had, and one of no workflow.
        ("pull", &right),
        ("nightly", &right),
        ("unset", &right),
        ("unset", &of_no_secret),
        ("%2e%2e%2fpush", &right),
    ] {
        assert_eq!(refused(name, signature), usual, "{name} {signature}");
    }
    let answer =
        daemon.send("POST", "/api/v1/hooks/v/push", &[("x-sluice-signature", &right)], body).expect(403);
    assert_eq!(answer.body, usual);
    let large = "x".repeat((1 << 20) + 1);
    let answer =
        hook(&daemon, "push", &[("x-sluice-signature", &sign(SECRET.as_bytes(), large.as_bytes()))], &large);
    assert!(answer.status == 413 || answer.status == 0, "{}", answer.status);
    daemon.send("GET", "/api/v1/hooks/w/push", &[], "").expect(405);
    let told = project.sluice(&["runs", "list", "--format", "json"]).expect(0).json();
    assert_eq!(told, json!([]), "nothing was started");
    let kept = project.files_with(SECRET);
    assert!(kept.is_empty(), "{kept:?}");
}
