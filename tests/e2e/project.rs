//! A project in a temporary folder, and commands in it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// How long a reply may take: longer than anything that a server or a browser's driver gives itself.
const REPLY_WAIT: Duration = Duration::from_mins(2);

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace")
}

/// A project in a temporary folder. Deployments that are still in service when it is dropped are stopped.
pub(crate) struct Project {
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code, and shows everything when it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// A project with the example workflows and their data.
    pub(crate) fn with_examples() -> Self {
        let project = Self::new();
        let from = repository().join("workflows");
        for folder in ["", "data"] {
            for entry in std::fs::read_dir(from.join(folder)).expect("the examples").flatten() {
                if entry.path().is_file() {
                    let name = Path::new("workflows").join(folder).join(entry.file_name());
                    project.file(
                        name.to_str().expect("UTF-8"),
                        std::fs::read(entry.path()).expect("an example"),
                    );
                }
            }
        }
        project
    }

    /// Writes a file, with its folders.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
        self
    }

    /// Puts a file in another one's place at once.
    pub(crate) fn rename(&self, from: &str, to: &str) -> &Self {
        std::fs::rename(self.path(from), self.path(to)).expect("the file is there");
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A command that has not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("SLUICE_HOME", self.path(".sluice"))
            .env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn sluice(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("the binary starts");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a command and leaves it running.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    }

    /// Waits until a file has a line that satisfies `wanted`; the test's own limit is generous.
    pub(crate) fn wait_for_file(&self, name: &str) {
        wait_until(&format!("`{name}` exists"), || self.path(name).exists());
    }

    /// One task of a run, from `runs show --format json`.
    pub(crate) fn task(&self, run: &str, task: &str) -> Value {
        let story = self.sluice(&["runs", "show", run, "--format", "json"]).expect(0).json();
        let tasks = story["tasks"].as_array().expect("tasks").clone();
        tasks.into_iter().find(|found| found["name"] == task).unwrap_or_else(|| panic!("no task `{task}`"))
    }

    /// Files of the state that hold a text, also those below other folders.
    pub(crate) fn files_with(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(".sluice")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if std::fs::read(entry.path())
                    .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
                {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        found
    }

    /// Processes whose environment names this project's state.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let home = self.path(".sluice").display().to_string();
        let mark = format!("SLUICE_HOME={home}");
        std::fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| {
                std::fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|line| line == mark.as_bytes()))
            })
            .collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let listed = self.sluice(&["deployments", "list", "--format", "json"]);
        let deployments: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap_or_default();
        for deployment in deployments {
            if let Some(name) = deployment["name"].as_str() {
                self.sluice(&["deployments", "stop", name]);
            }
        }
    }
}

/// Waits for a condition, for at most half a minute.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "waited in vain until {what}");
        std::thread::yield_now();
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

/// One HTTP request; returns the status and the body, which ends where its head says, or else with the connection.
pub(crate) fn http(method: &str, address: &str, path: &str, body: &str) -> (u16, String) {
    let host = address.strip_prefix("http://").expect("an http address");
    let mut stream = TcpStream::connect(host).expect("the server listens");
    stream.set_read_timeout(Some(REPLY_WAIT)).expect("a time that is not zero");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let n_bytes = reader.read_line(&mut head).expect("the head is read");
        assert!(n_bytes > 0, "a reply has a head: {head}");
    }
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().expect("a length"))
    });
    let mut body = Vec::new();
    reader.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body).expect("the body is read");
    assert!(length.is_none_or(|length| length == body.len() as u64), "the reply is cut off: {head}");
    (status, String::from_utf8(body).expect("UTF-8"))
}
