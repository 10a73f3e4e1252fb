//! Who may do what with the daemon, and what is refused whoever asks.

use serde_json::json;

use crate::{
    daemon::Daemon,
    project::{Project, wait_until},
};

fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "");
    project.file("workflows/w.toml", "name = \"w\"\n[tasks.a]\nuses = \"noop\"\n");
    project
}

/// Makes a token, and returns it.
fn token(project: &Project, name: &str, role: &str) -> String {
    let made = project.sluice(&["tokens", "add", name, "--role", role, "--format", "json"]).expect(0).json();
    made["token"].as_str().expect("a token").to_owned()
}

const START: &str = r#"{"workflow":"w"}"#;

#[test]
fn an_address_that_others_can_reach_wants_a_token_first() {
    let project = project();
    let refused = project.sluice(&["serve", "--bind", "0.0.0.0:0"]).expect(2);
    assert!(refused.stderr.contains("sluice tokens add"), "{}", refused.stderr);
}

#[test]
fn without_a_token_nothing_but_health_answers() {
    let project = project();
    let admin = token(&project, "root", "admin");
    let mut daemon = Daemon::start_with(&project, &["--bind", "0.0.0.0:0"]);
    daemon.address = daemon.address.replace("0.0.0.0", "127.0.0.1");
    daemon.get("/health").expect(200);
    daemon.get("/api/v1/health").expect(200);
    let document = {
        let bearer = format!("Bearer {admin}");
        daemon.send("GET", "/api/openapi.json", &[("authorization", &bearer)], "").expect(200).json()
    };
    let mut n_tried = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            if methods[method]["security"] == json!([]) {
                continue;
            }
            let path = path.replace(['{', '}'], "");
            let answer = daemon.send(&method.to_uppercase(), &path, &[], "");
            assert_eq!(answer.status, 401, "{method} {path}");
            n_tried += 1;
        }
    }
    assert!(n_tried > 30, "{n_tried}");
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v1/local/models",
        "/api/v1/runs/",
        "//",
        "/health/x",
        "/metrics",
    ] {
        daemon.get(path).expect(401);
    }
    for page in ["/", "/runs", "/system", "/kinds", "/api/docs"] {
        let answer = daemon.get(page).expect(303);
        assert!(answer.header("location").is_some_and(|there| there.starts_with("/login?next=")), "{page}");
    }
    for form in ["/workflows/w/runs", "/models/m/promote"] {
        daemon.post(form, "").expect(403);
    }
    daemon.send("GET", "/api/v1/runs", &[("authorization", "Bearer sluice_0000")], "").expect(401);
    // Whoever is on this machine needs none by the socket, as commands do.
    project.sluice(&["run", "workflows/w.toml"]).expect(0);
}

#[test]
fn a_role_may_do_what_it_may_and_a_removed_token_nothing() {
    let project = project();
    let [viewer, operator] = ["viewer", "operator"].map(|role| {
        let token = token(&project, role, role);
        format!("Bearer {token}")
    });
    let daemon = Daemon::start(&project);
    let send = |token: &str, method: &str, path: &str, body: &str| {
        daemon.send(method, path, &[("authorization", token)], body)
    };
    send(&viewer, "GET", "/api/v1/runs", "").expect(200);
    send(&viewer, "POST", "/api/v1/runs", START).expect(403);
    send(&operator, "POST", "/api/v1/runs", START).expect(201);
    send(&operator, "POST", "/api/v1/gc", "{}").expect(403);
    assert_eq!(send(&viewer, "GET", "/api/v1/version", "").json()["you"]["name"], "viewer");
    project.sluice(&["tokens", "remove", "viewer"]).expect(0);
    send(&viewer, "GET", "/api/v1/runs", "").expect(401);
    let listed = project.sluice(&["tokens", "list", "--format", "json"]).expect(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let trail = project.read(".sluice/audit.jsonl");
    let line = trail.lines().find(|line| line.contains("runs.start")).expect("the start is noted");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(
        (&line["who"], &line["role"], &line["address"]),
        (&json!("operator"), &json!("operator"), &json!("127.0.0.1"))
    );
    assert!(project.read(".sluice/refusals.jsonl").contains(r#""what":"refused""#));
    assert!(!trail.contains("sluice_") && project.files_with(&operator["Bearer ".len()..]).is_empty());
}

#[test]
fn wrong_tokens_are_slowed_down() {
    let project = project();
    let good = token(&project, "a", "viewer");
    let daemon = Daemon::start(&project);
    let one = "GET /api/v1/runs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sluice_wrong\r\n";
    let many = format!("{one}\r\n").repeat(699);
    let answer = daemon.raw(&format!("{many}{one}connection: close\r\n\r\n")).expect(401);
    let n_slowed = answer.body.matches("HTTP/1.1 429").count();
    assert!(n_slowed > 50, "{n_slowed}");
    // Somebody else at the same address is not locked out.
    daemon.send("GET", "/api/v1/runs", &[("authorization", &format!("Bearer {good}"))], "").expect(200);
}

#[test]
fn a_page_of_another_site_or_another_name_is_refused() {
    let project = project();
    let daemon = Daemon::start(&project);
    daemon.send("GET", "/api/v1/runs", &[("host", "evil.example")], "").expect(421);
    daemon.send("GET", "/api/v1/runs", &[("host", "localhost:1")], "").expect(200);
    let start = |headers: &[(&str, &str)]| daemon.send("POST", "/api/v1/runs", headers, START).status;
    assert_eq!(start(&[("origin", "http://evil.example")]), 403);
    assert_eq!(start(&[("origin", "null")]), 403);
    assert_eq!(start(&[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(start(&[("origin", &format!("http://{}", daemon.address))]), 201);
    // What a form elsewhere can send: no JSON, and not the word of our own forms.
    let plain = [("content-type", "text/plain")];
    daemon.send("POST", "/api/v1/runs", &plain, START).expect(415);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    daemon.send("POST", "/workflows/w/runs", &form, "param.n=1").expect(403);
    // A proxy on this machine speaks for somebody else.
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "sluice.example.org"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
    ] {
        daemon.send("GET", "/api/v1/runs", &[(name, value)], "").expect(401);
    }
    assert_eq!(daemon.get("/api/v1/runs").json()["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_name_that_the_operator_gives_is_answered() {
    let project = project();
    let daemon = Daemon::start_with(&project, &["--bind", "127.0.0.1:0", "--host", "gate.example.org"]);
    daemon.send("GET", "/api/v1/runs", &[("host", "gate.example.org")], "").expect(200);
    daemon.send("GET", "/api/v1/runs", &[("host", "gate.example.com")], "").expect(421);
}

#[test]
fn nothing_leads_out_of_the_folders() {
    let project = project();
    project.file("secret.txt", "secret");
    let daemon = Daemon::start(&project);
    let id = daemon.run("w");
    let outside = "..%2f..%2f..%2fsecret.txt";
    for path in [
        format!("/api/v1/artifacts/{outside}"),
        "/api/v1/artifacts/../../secret.txt".into(),
        format!("/api/v1/artifacts/{}", "a".repeat(64)),
        format!("/api/v1/runs/{outside}"),
        format!("/api/v1/runs/{id}/tasks/{outside}/logs"),
        format!("/api/v1/workflows/{outside}"),
        format!("/api/v1/kinds/{outside}"),
        format!("/api/v1/models/{outside}"),
        format!("/assets/{outside}"),
        format!("/runs/{id}/tasks/{outside}/log"),
        "/../../../../etc/passwd".into(),
    ] {
        let answer = daemon.get(&path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.contains("secret\n"), "{path}");
    }
    let local = r#"{"path":"/etc/passwd","params":{},"use_cache":true,"fresh":true}"#;
    daemon.post("/api/v1/local/runs", local).expect(404);
}

#[test]
fn bodies_that_are_too_long_or_garbled_are_refused_with_a_reason() {
    let project = project();
    let daemon = Daemon::start(&project);
    let long = format!(r#"{{"workflow":"{}"}}"#, "x".repeat(2 << 20));
    let answer = daemon.post("/api/v1/runs", &long);
    assert!(answer.status == 413 || answer.status == 0, "{}", answer.status);
    for body in ["", "{", "[]", "null", "{\"workflow\":1}", r#"{"workflow":"w","more":1}"#, "\u{0}"] {
        let answer = daemon.post("/api/v1/runs", body);
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.body);
        assert!(answer.json()["error"]["message"].is_string());
    }
    daemon.post("/api/v1/runs", r#"{"workflow":"v"}"#).expect(404);
    let bad = r#"{"workflow":"w","params":{"x":1}}"#;
    let answer = daemon.post("/api/v1/runs", bad).expect(422).json();
    assert_eq!(answer["error"]["diagnostics"][0]["code"], "E026");
    for query in ["limit=x", "status=x", "since=x", "cursor=x", "nonsense=1", "limit=-1", "workflow=%ff"] {
        let answer = daemon.get(&format!("/api/v1/runs?{query}"));
        assert!(
            answer.status == 400 || (query.starts_with("workflow") && answer.status == 200),
            "{query}: {}",
            answer.status
        );
    }
    daemon.send("DELETE", "/api/v1/runs", &[], "").expect(405);
    daemon.raw("nonsense\r\n\r\n").expect(400);
}

#[test]
fn the_audit_trail_is_put_aside_when_it_is_large_and_refusals_do_not_push_it_out() {
    let project = project();
    let root = token(&project, "root", "admin");
    let line = r#"{"at":"2026-01-01T00:00:00.000Z","who":"old","role":"admin","address":"::1","what":"gc.run","target":"/","status":200}"#;
    // What a crash cut off spoils nothing behind it.
    let large = format!("{}{{\"at\":\"2026", format!("{line}\n").repeat((16 << 20) / line.len()));
    project.file(".sluice/audit.jsonl", large);
    let daemon = Daemon::start(&project);
    let bearer = format!("Bearer {root}");
    for n in 0..20 {
        daemon.get(&format!("/api/v1/runs?limit={n}")).expect(401);
    }
    daemon.send("POST", "/api/v1/runs", &[("authorization", &bearer)], START).expect(201);
    let trail = project.read(".sluice/audit.jsonl");
    assert_eq!(trail.lines().count(), 2, "{trail}");
    assert!(project.read(".sluice/audit.jsonl.1").starts_with(line));
    assert_eq!(project.read(".sluice/refusals.jsonl").lines().count(), 20);
    let latest = project.sluice(&["audit", "--limit", "3", "--format", "json"]).expect(0).json();
    let told: Vec<_> =
        latest.as_array().expect("a list").iter().map(|line| (&line["who"], &line["status"])).collect();
    assert_eq!(
        told,
        [(&json!("root"), &json!(201)), (&json!("root"), &json!(null)), (&json!("old"), &json!(200))]
    );
    let refused = project.sluice(&["audit", "--refusals"]).expect(0).stdout;
    assert!(refused.contains("/api/v1/runs") && refused.contains("401"), "{refused}");
}

#[test]
fn no_secret_reaches_the_log_the_trail_or_an_error() {
    let project = project();
    let root = token(&project, "root", "admin");
    let _ = std::fs::remove_file(project.path("address"));
    let log = std::fs::File::create(project.path("log")).expect("a file");
    let mut command = project.command(&["serve", "--bind", "127.0.0.1:0", "--address-file", "address"]);
    let child =
        command.env("SLUICE_LOG", "trace").stdout(log.try_clone().expect("a file")).stderr(log).spawn();
    let daemon = Daemon::of(&project, child.expect("the daemon starts"));
    let bearer = format!("Bearer {root}");
    let almost = format!("Bearer {}x", &root[..root.len() - 1]);
    let csrf = {
        let page = daemon.get("/login").expect(200).body;
        let at = page.find("name=\"csrf\" value=\"").expect("a form") + "name=\"csrf\" value=\"".len();
        page[at..at + 64].to_owned()
    };
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let entered = daemon.send("POST", "/login", &form, &format!("csrf={csrf}&token={root}")).expect(303);
    let session =
        entered.header("set-cookie").expect("a session").split(';').next().expect("a value").to_owned();
    daemon.send("POST", "/api/v1/runs", &[("authorization", &bearer)], START).expect(201);
    daemon.send("POST", "/api/v1/runs", &[("authorization", &almost)], START).expect(401);
    daemon
        .send("GET", &format!("/api/v1/nothing?token={root}"), &[("authorization", &bearer)], "")
        .expect(404);
    let wrong = format!(r#"{{"workflow":"w","params":{{"x":"{root}"}}}}"#);
    daemon.send("POST", "/api/v1/gc", &[("authorization", &bearer)], &wrong).expect(400);
    drop(daemon);
    let value = session.split_once('=').expect("a value").1.to_owned();
    assert!(project.read("log").contains("TRACE"), "the log is on");
    for secret in [&root[7..40], &value] {
        assert!(!project.read("log").contains(secret), "{secret} is in the log");
        assert_eq!(project.files_with(secret), Vec::<String>::new());
    }
}

#[test]
fn a_session_of_the_page_needs_the_token_and_the_word_of_its_forms() {
    let project = project();
    let operator = token(&project, "anna", "operator");
    let daemon = Daemon::start(&project);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let word = |page: &str| {
        let at = page.find("name=\"csrf\" value=\"").expect("a form") + "name=\"csrf\" value=\"".len();
        page[at..at + 64].to_owned()
    };
    let login = daemon.get("/login").expect(200);
    let csrf = word(&login.body);
    daemon.send("POST", "/login", &[form], &format!("csrf={csrf}&token=wrong")).expect(401);
    daemon.send("POST", "/login", &[form], &format!("csrf=x&token={operator}")).expect(403);
    let entered = daemon
        .send("POST", "/login", &[form], &format!("csrf={csrf}&token={operator}&next=/runs"))
        .expect(303);
    let cookie = entered.header("set-cookie").expect("a session");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let session = cookie.split(';').next().expect("a value").to_owned();
    let here = ("cookie", session.as_str());
    let page = daemon.send("GET", "/workflows/w", &[here], "").expect(200);
    let csrf = word(&page.body);
    daemon.send("POST", "/workflows/w/runs", &[here, form], "csrf=0").expect(403);
    let started =
        daemon.send("POST", "/workflows/w/runs", &[here, form], &format!("csrf={csrf}")).expect(303);
    assert!(started.header("location").is_some_and(|there| there.starts_with("/runs/")));
    // It survives a restart, and ends with its token.
    drop(daemon);
    let daemon = Daemon::start(&project);
    daemon.send("GET", "/runs", &[here], "").expect(200);
    project.sluice(&["tokens", "remove", "anna"]).expect(0);
    token(&project, "other", "viewer");
    daemon.send("GET", "/runs", &[here], "").expect(303);
    wait_until("the run is there", || project.sluice(&["runs", "list"]).stdout.contains("succeeded"));
}

#[test]
fn replies_forbid_what_pages_need_not_do() {
    let project = project();
    let daemon = Daemon::start(&project);
    let page = daemon.get("/").expect(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options").as_deref(), Some("nosniff"));
    assert_eq!(page.header("cache-control").as_deref(), Some("no-store"));
    assert!(
        !page.body.contains("http://") || !page.body.contains("src=\"http"),
        "nothing comes from elsewhere"
    );
}
