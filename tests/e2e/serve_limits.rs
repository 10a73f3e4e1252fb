//! What the daemon takes from a connection, and where it stops: raw requests as a careless or hostile client sends them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
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

/// Opens a connection, says something, and leaves it open.
fn say(daemon: &Daemon<'_>, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&daemon.address).expect("the daemon listens");
    stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a limit");
    stream.write_all(text.as_bytes()).expect("it is sent");
    stream
}

/// What comes until the daemon closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A daemon that closes what it has not read to its end resets the connection.
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

#[test]
fn heads_and_bodies_that_never_end_are_cut_off() {
    let project = project();
    let daemon = Daemon::start(&project);
    let post = "POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let slow = [
        say(&daemon, &format!("{post}content-length: 20\r\n\r\n{{\"work")),
        say(&daemon, &format!("{post}transfer-encoding: chunked\r\n\r\n5\r\n{{\"wor\r\n")),
        // The form of the page, a webhook, and a route that takes no body at all.
        say(&daemon, "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\ncsrf="),
        say(&daemon, "POST /api/v1/hooks/w/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\nx"),
    ];
    let silent = [
        say(&daemon, ""),
        say(&daemon, "GET /health HTT"),
        say(&daemon, "GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: "),
        // One that was served, and then keeps the connection.
        say(&daemon, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ];
    daemon.get("/health").expect(200);
    for stream in silent {
        rest(stream);
    }
    for stream in slow {
        let reply = rest(stream);
        assert!(reply.starts_with("HTTP/1.1 408"), "{reply}");
        assert!(reply.contains("the body did not arrive in time"), "{reply}");
    }
    daemon.get("/health").expect(200);
}

#[test]
fn requests_of_two_meanings_are_refused() {
    let project = project();
    let daemon = Daemon::start(&project);
    let post = "POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let smuggled = "GET /api/v1/system HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for head in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: -5\r\n",
        "content-length: +5\r\n",
        "content-length: 5x\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding : chunked\r\n",
        "x: a\r\n b: folded\r\nbad header\r\n",
    ] {
        let reply = rest(say(&daemon, &format!("{post}{head}\r\n0\r\n\r\n{smuggled}")));
        assert!(reply.starts_with("HTTP/1.1 400"), "{head}: {reply}");
        assert_eq!(
            reply.matches("HTTP/1.1 ").count(),
            1,
            "{head}: what follows is not another request: {reply}"
        );
    }
    // Both at once: the chunks count, and the connection ends, so that nothing is left over for another request.
    let both = format!(
        "{post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}"
    );
    let reply = rest(say(&daemon, &both));
    assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    assert!(!reply.contains("\"process\""), "{reply}");
    for chunk in ["zz\r\n", "-1\r\n", "fffffffffffffffff\r\n", "2;x=\u{1}\r\n{}\r\n"] {
        let reply = rest(say(
            &daemon,
            &format!("{post}connection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"),
        ));
        assert!(reply.starts_with("HTTP/1.1 400") || reply.is_empty(), "{chunk}: {reply}");
    }
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\n\r\n",
    ] {
        let reply = rest(say(&daemon, garbage));
        assert!(reply.starts_with("HTTP/1.1 4") || reply.is_empty(), "{garbage:?}: {reply}");
    }
    daemon.get("/health").expect(200);
}

#[test]
fn heads_that_are_too_large_and_methods_that_do_nothing_are_refused() {
    let project = project();
    let daemon = Daemon::start(&project);
    let long = "x".repeat(60_000);
    assert_eq!(daemon.get(&format!("/api/v1/kinds/{long}")).expect(404).json()["error"]["code"], "not_found");
    let longer = "x".repeat(100_000);
    let answer = daemon.get(&format!("/{longer}"));
    assert!([414, 431, 0].contains(&answer.status), "{}", answer.status);
    let many: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    daemon.raw(&format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).expect(431);
    // The limit is looked at between two reads; a daemon that closes early may lose its reply on the way.
    let large = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let answer = daemon.raw(&large);
    assert!([431, 0].contains(&answer.status), "{}", answer.status);

    let head = daemon.send("HEAD", "/api/v1/runs", &[], "").expect(200);
    assert_eq!(head.body, "");
    for (method, path) in [
        ("OPTIONS", "/api/v1/runs"),
        ("TRACE", "/api/v1/runs"),
        ("PUT", "/api/v1/runs"),
        ("DELETE", "/api/v1/runs/01m86qcnw2j4qrc6g41ym3241z"),
        ("PATCH", "/api/v1/schedules/pause"),
        ("GET", "/api/v1/gc/../runs/x/cancel"),
        ("NONSENSE", "/health"),
        ("POST", "/metrics"),
        ("TRACE", "/"),
    ] {
        let answer = daemon.send(method, path, &[], "");
        assert!([404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
        assert!(answer.status == 404 || answer.header("allow").is_some(), "{method} {path}: {}", answer.head);
        assert!(answer.json()["error"]["message"].is_string());
        assert!(!answer.body.contains("host:"), "nothing is echoed: {}", answer.body);
    }
    assert!(daemon.raw("CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n").status >= 400);
    // The host that counts is that of the request's target, and it is checked.
    daemon
        .raw("GET http://evil.example/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect(421);
    daemon.raw("GET /health HTTP/1.0\r\n\r\n").expect(421);
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "",
        "[::1",
    ] {
        let answer = daemon.send("GET", "/health", &[("host", host)], "");
        assert!([400, 421].contains(&answer.status), "{host}: {}", answer.status);
    }
}

#[test]
fn a_flood_of_connections_locks_nobody_out_for_long_and_commands_not_at_all() {
    let project = project();
    let _ = std::fs::remove_file(project.path("address"));
    // As many connections as half of the files that the system lets it open.
    let sluice = env!("CARGO_BIN_EXE_sluice");
    let script = format!("ulimit -n 256 && exec {sluice} serve --bind 127.0.0.1:0 --address-file address");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(project.path(".")).env("SLUICE_HOME", project.path(".sluice"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the daemon starts");
    let daemon = Daemon::of(&project, child);
    let flood: Vec<TcpStream> = (0..300).map(|_| say(&daemon, "")).collect();
    let story = project.sluice(&["run", "workflows/w.toml", "--format", "json"]).expect(0).json();
    assert_eq!(story["status"], "succeeded");
    // Those that say nothing are cut off, and then it is this one's turn.
    daemon.get("/health").expect(200);
    drop(flood);
    daemon.get("/health").expect(200);
}

#[test]
fn a_stop_waits_for_nobody_who_is_slow() {
    let project = project();
    project.file("workflows/slow.toml", "name = \"slow\"\n[tasks.a]\nuses = \"shell\"\nwith = { script = \"while [ ! -e ../go ]; do sleep 0.02; done\" }\n");
    let daemon = Daemon::start(&project);
    let id = daemon.run("slow");
    daemon.wait_for(&id, "running");
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to there is allowed");
    let streams: Vec<TcpStream> = (0..1000)
        .map(|n| {
            let path = if n % 2 == 0 {
                "/api/v1/events".to_owned()
            } else {
                format!("/api/v1/runs/{id}/events/stream")
            };
            say(&daemon, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
        })
        .collect();
    wait_until("all of them are followed", || {
        daemon.get("/metrics").body.contains("sluice_event_streams 1000")
    });
    let half_a_head = say(&daemon, "GET /health HTTP/1.1\r\nhost: loc");
    let half_a_body = say(
        &daemon,
        "POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    );
    let waits = say(&daemon, &format!("GET /api/v1/runs/{id}?wait=60 HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    let took = daemon.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    for stream in streams {
        let told = rest(stream);
        assert!(
            told.starts_with("HTTP/1.1 200") && told.ends_with("0\r\n\r\n"),
            "a stream ends in order: {told:?}"
        );
    }
    assert!(rest(waits).starts_with("HTTP/1.1 200"), "who waits for a run hears how it is");
    drop((half_a_head, half_a_body));
    let daemon = Daemon::start(&project);
    project.file("go", "");
    daemon.wait_for(&id, "succeeded");
}

#[test]
fn every_refusal_says_what_and_what_next_in_one_form() {
    let project = project();
    let daemon = Daemon::start(&project);
    let text = [("content-type", "text/plain")];
    let run = "01m86qcnw2j4qrc6g41ym3241z";
    let body = |body: &str| daemon.post("/api/v1/runs", body);
    for (answer, status, code, message) in [
        (daemon.get("/api/v1/nothing"), 404, "not_found", "there is no `/api/v1/nothing`"),
        (
            daemon.get(&format!("/api/v1/runs/{run}")),
            404,
            "not_found",
            "no run has the id `01m86qcnw2j4qrc6g41ym3241z`",
        ),
        (daemon.get("/api/v1/runs/x"), 404, "not_found", "no run has the id `x`"),
        (daemon.get("/api/v1/runs?status=done"), 400, "invalid", "`status` is not a state of a run"),
        (daemon.get("/api/v1/runs?limit=many"), 400, "invalid", "the query does not fit: "),
        (
            daemon.send("PUT", "/api/v1/runs", &[], ""),
            405,
            "method_not_allowed",
            "`/api/v1/runs` does not take PUT",
        ),
        (daemon.send("POST", "/api/v1/runs", &text, "x"), 415, "not_json", "the body must be JSON"),
        (body("{\"workflow\": \"w\",\n  nonsense}"), 400, "invalid", "at line 2 column 3"),
        (body("{}"), 400, "invalid", "missing field `workflow`"),
        (body("{\"workflow\":\"w\",\"param\":{}}"), 400, "invalid", "unknown field `param`, expected one of"),
        (body("{\"workflow\":\"v\"}"), 404, "not_found", "no workflow is named `v`"),
        (
            body("{\"workflow\":\"w\",\"params\":{\"x\":[]}}"),
            400,
            "invalid",
            "parameter `x` is no plain value",
        ),
        (
            body("{\"workflow\":\"w\",\"params\":{\"x\":1}}"),
            422,
            "invalid_workflow",
            "cannot be run like this",
        ),
    ] {
        assert_eq!(answer.status, status, "{}", answer.body);
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{error}");
        assert!(error["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "no next step: {error}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    }
}

#[test]
fn streams_begin_where_they_are_asked_to_or_say_why_not() {
    let project = project();
    let daemon = Daemon::start(&project);
    let id = daemon.run("w");
    daemon.wait_for(&id, "succeeded");
    let path = format!("/api/v1/runs/{id}/events/stream");
    let whole: Vec<_> = daemon.follow(&path, None).collect();
    let n = whole.iter().filter(|event| event.id.is_some()).count();
    // An empty id is how a browser says that it has none.
    assert_eq!(daemon.follow(&path, Some("")).collect::<Vec<_>>(), whole);
    for (last, status, says) in [
        ("garbage".to_owned(), 400, "`Last-Event-ID` is no number"),
        ("-1".into(), 400, "is no number"),
        ("99999999999999999999999".into(), 400, "is no number"),
        (n.to_string(), 409, "has no event"),
        (u64::MAX.to_string(), 409, "has no event"),
    ] {
        let answer = daemon.send("GET", &path, &[("last-event-id", &last)], "").expect(status);
        assert!(
            answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains(says)),
            "{}",
            answer.body
        );
    }
    assert!(daemon.follow(&path, Some(&(n - 1).to_string())).status.contains("204"));
    let rest: Vec<_> = daemon.follow(&path, Some("0")).collect();
    assert_eq!(rest, whole[1..]);
    let log = format!("/api/v1/runs/{id}/tasks/a/logs/stream");
    let answer = daemon.send("GET", &log, &[("last-event-id", "5")], "").expect(409);
    assert!(answer.body.contains("0 bytes so far"), "{}", answer.body);
}

#[test]
fn a_key_that_is_sent_many_times_at_once_starts_one_run() {
    let project = project();
    let daemon = Daemon::start(&project);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let send =
            || daemon.send("POST", "/api/v1/runs", &[("idempotency-key", "once")], r#"{"workflow":"w"}"#);
        let all: Vec<_> = (0..24).map(|_| scope.spawn(send)).collect();
        all.into_iter().map(|sender| sender.join().expect("an answer")).collect()
    });
    let ids: std::collections::BTreeSet<String> = answers
        .iter()
        .map(|answer| {
            assert!([200, 201].contains(&answer.status), "{}", answer.body);
            answer.json()["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.json()["repeated"] == json!(false)).count(), 1);
    assert_eq!(daemon.get("/api/v1/runs").json()["runs"].as_array().map(Vec::len), Some(1));
    let other = r#"{"workflow":"w","use_cache":false}"#;
    daemon.send("POST", "/api/v1/runs", &[("idempotency-key", "once")], other).expect(409);
    for key in ["", "ä", &"x".repeat(201)] {
        daemon.send("POST", "/api/v1/runs", &[("idempotency-key", key)], r#"{"workflow":"w"}"#).expect(400);
    }
}

#[test]
fn texts_that_are_deeper_than_a_stack_are_answered() {
    let project = project();
    let daemon = Daemon::start(&project);
    let file = "name = \"x\"\n[tasks.a]\nuses = \"noop\"\n";
    for (text, says) in [
        (
            format!("{file}when = \"{}true\"\n", "not ".repeat(100_000)),
            "an expression has at most 16384 bytes",
        ),
        (format!("{file}when = \"1{}\"\n", "+1".repeat(100_000)), "an expression has at most 16384 bytes"),
        (format!("{file}when = \"{}1\"\n", "-".repeat(16_000)), ""),
        (format!("{file}with = {{ a = {}{} }}\n", "[".repeat(100_000), "]".repeat(100_000)), "too deep"),
        (format!("[{}a]\n", "a.".repeat(100_000)), "too deep"),
    ] {
        let body = json!({ "text": text }).to_string();
        let answer = daemon.post("/api/v1/check", &body).expect(200);
        assert!(answer.body.contains(says), "{}", &answer.body[..500.min(answer.body.len())]);
    }
    let deep = format!("{{\"workflow\":{}", "[".repeat(500_000));
    daemon.post("/api/v1/runs", &deep).expect(400);
    let deep = format!("{{\"workflow\":\"w\",\"params\":{}1", "{\"a\":".repeat(100_000));
    daemon.post("/api/v1/runs", &deep).expect(400);
    daemon.get("/health").expect(200);
}
