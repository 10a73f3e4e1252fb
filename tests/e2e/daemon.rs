//! A daemon in a project, and a client for it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::project::{Project, wait_until};

/// A daemon that is killed when it is dropped.
pub(crate) struct Daemon<'p> {
    _project: &'p Project,
    pub(crate) child: Child,
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

impl<'p> Daemon<'p> {
    pub(crate) fn start(project: &'p Project) -> Self {
        Self::start_with(project, &["--bind", "127.0.0.1:0"])
    }

    pub(crate) fn start_with(project: &'p Project, args: &[&str]) -> Self {
        let _ = std::fs::remove_file(project.path("address"));
        let mut all = vec!["serve", "--address-file", "address"];
        all.extend(args);
        let child = project.command(&all).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self::of(project, child.expect("the daemon starts"))
    }

    /// A daemon that was started by other means, and writes its address to the usual file.
    pub(crate) fn of(project: &'p Project, child: Child) -> Self {
        project.wait_for_file("address");
        let address = project.read("address").trim().to_owned();
        Self { _project: project, child, address }
    }

    /// Sends a request as it stands, and reads the answer to the end of the connection.
    pub(crate) fn raw(&self, text: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("the daemon listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        // A request that is refused early is not taken to its end.
        let sent = stream.write_all(text.as_bytes());
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        if bytes.is_empty() {
            let head = format!("no answer: sent {sent:?}, read {read:?}");
            return Answer { status: 0, head, body: String::new() };
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            unchunked(body)
        } else {
            body.to_owned()
        };
        Answer { status, head: head.to_owned(), body }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            text += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            text += "content-type: application/json\r\n";
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        self.raw(&text)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[], body)
    }

    /// Starts a run of a workflow.
    #[track_caller]
    pub(crate) fn run(&self, workflow: &str) -> String {
        let body = serde_json::json!({ "workflow": workflow }).to_string();
        let started = self.post("/api/v1/runs", &body).expect(201).json();
        started["id"].as_str().expect("an id").to_owned()
    }

    /// Opens a stream of events.
    pub(crate) fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let mut stream = TcpStream::connect(&self.address).expect("the daemon listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
        let text = format!(
            "GET {path} HTTP/1.0\r\nhost: {}\r\naccept: text/event-stream\r\n{last}\r\n",
            self.address
        );
        stream.write_all(text.as_bytes()).expect("the request is sent");
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) && !line.trim().is_empty() {
            if status.is_empty() {
                status.clone_from(&line);
            }
            line.clear();
        }
        Events { reader, status }
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop; returns how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let start = std::time::Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        start.elapsed()
    }

    /// Waits until a run is as wanted.
    pub(crate) fn wait_for(&self, run: &str, status: &str) {
        wait_until(&format!("run {run} is {status}"), || {
            self.get(&format!("/api/v1/runs/{run}")).json()["status"] == status
        });
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unchunked(body: &str) -> String {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        if size == 0 || size > tail.len() || !tail.is_char_boundary(size) {
            break;
        }
        whole += &tail[..size];
        rest = tail[size..].strip_prefix("\r\n").unwrap_or_default();
    }
    whole
}

/// Events as they come.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
    pub(crate) status: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut event = Event { id: None, name: String::new(), data: String::new() };
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() && !event.name.is_empty() {
                return Some(event);
            }
            match line.split_once(": ") {
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", data)) => data.clone_into(&mut event.data),
                _ => {}
            }
        }
    }
}
