use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use serde_json::{Value, json};
use sluicegate_plugin::{Finished, Kind, testing::Bench};

use super::*;

/// Serves the given answers in turn, the last one for ever, and returns its address.
fn server(answers: &'static [(u16, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (idx, stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let (status, body) = answers[idx.min(answers.len() - 1)];
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: http://localhost:1/\r\n",
                body.len()
            );
            let _ = write!(reader.get_mut(), "{head}connection: close\r\n\r\n{body}");
        }
    });
    format!("http://{address}")
}

fn run(params: Value) -> Result<Finished, TaskError> {
    let folder = tempfile::tempdir().unwrap();
    let mut params = params;
    params["interval"] = json!("1ms");
    Bench::new(folder.path()).run(&MonitorHttp, params)
}

#[test]
fn a_page_is_looked_at_until_every_expectation_holds() {
    let url = server(&[
        (503, ""),
        (200, "up 0\n"),
        (200, "up 1\nerrors_total{path=\"/a\"} 0\nerrors_total{path=\"/b\"} 0\n"),
    ]);
    let expect = json!([{ "value": "up", "min": 1 }, { "value": "errors_total", "max": 0 }]);
    let finished = run(json!({ "url": url, "expect": expect })).unwrap();
    assert_eq!(finished.summary.as_deref(), Some("3 of 3 checks hold"));
    let observation = finished.outputs["observation"].value.as_ref().unwrap();
    assert_eq!(observation["attempt"], 3);
    assert_eq!(observation["checks"][1]["value"], "errors_total{path=\"/a\"}");
    assert!((finished.metrics["attempts"] - 3.0).abs() < f64::EPSILON);
}

#[test]
fn every_breach_says_what_was_expected_and_what_was_seen() {
    let url = server(&[(200, "up 0\nlatency NaN\nrequests_total{code=\"200\"} 7\n")]);
    let expect = json!([
        { "value": "up", "min": 1 },
        { "value": "latency", "min": 0, "max": 2 },
        { "value": "requests_total{code=\"500\"}", "equals": 0 },
        { "value": "request_total", "min": 1 },
        { "value": "requests_total", "equals": 7 },
    ]);
    let error = run(json!({ "url": url, "expect": expect, "attempts": 1 })).unwrap_err();
    assert_eq!((error.code.as_str(), error.retryable), ("breached", true));
    assert_eq!(
        error.message.replace(&url, "URL"),
        "4 of 5 checks of `URL/` do not hold: `up` is 0, expected ≥ 1; `latency` is \"NaN\", expected ≥ 0 and ≤ 2; \
         `requests_total{code=\"500\"}` is not there, expected = 0 (the page has `requests_total{code=\"200\"}`); \
         `request_total` is not there, expected ≥ 1 (did you mean `requests_total`?)"
    );
}

#[test]
fn json_values_are_found_by_pointer() {
    let url = server(&[(200, r#"{"status": "ready", "rows": [1, 2.5], "ok": true}"#)]);
    let expect = json!([
        { "value": "/status", "equals": "ready" },
        { "value": "/rows/1", "min": 2.5, "max": 2.5 },
        { "value": "/ok", "equals": true },
    ]);
    assert!(run(json!({ "url": url, "expect": expect })).is_ok());
    let error = run(json!({ "url": url, "attempts": 2, "expect": [
        { "value": "/status", "min": 1 }, { "value": "/none", "equals": "x" },
    ]}))
    .unwrap_err();
    assert!(error.message.contains("`/status` is \"ready\", expected ≥ 1; `/none` is not there"), "{error}");
}

#[test]
fn an_address_that_does_not_answer_is_named_without_its_secrets() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://me:hunter2@{free}/x?token=abc");
    let error =
        run(json!({ "url": url, "attempts": 2, "expect": [{ "value": "/a", "min": 1 }] })).unwrap_err();
    assert_eq!(error.code, "unreachable");
    assert!(error.message.contains(&format!("http://***@{free}/x?token=***")), "{error}");
    assert!(!error.message.contains("hunter2") && !error.message.contains("abc"), "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let url = server(&[(302, "")]);
    let error =
        run(json!({ "url": url, "attempts": 1, "expect": [{ "value": "/a", "min": 1 }] })).unwrap_err();
    assert!(error.message.ends_with("answers with status 302, expected 200"), "{error}");
}

#[test]
fn a_page_in_another_format_is_not_readable() {
    let url = server(&[(200, "<html>")]);
    let error =
        run(json!({ "url": url, "attempts": 1, "expect": [{ "value": "up", "min": 1 }] })).unwrap_err();
    assert_eq!(error.code, "not_readable");
    assert!(error.message.ends_with("line 1: `<html>` is no metric name"), "{error}");
}

#[test]
fn all_problems_of_the_parameters_are_found() {
    let problems = |params| Kind::check(&MonitorHttp, &params);
    let found = problems(json!({
        "url": "ftp://host", "headers": { "a b": "x" },
        "expect": [{ "value": "/a", "min": 2, "max": 1 }, { "value": "up" }, { "value": "{", "equals": 1 }],
    }));
    let pointers: Vec<_> = found.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/url", "/headers", "/expect/0/min", "/expect/1", "/expect/2/value", "/expect/1/value"]
    );
    assert_eq!(problems(json!({ "url": "http://host", "expect": [] }))[0].pointer, "/expect");
    assert!(problems(json!({ "url": "http://host" }))[0].message.contains("expect"));
    assert!(
        problems(json!({ "url": "http://host", "expect": [{ "value": "/a", "equals": [1] }] }))[0]
            .message
            .contains("equals")
    );
}
