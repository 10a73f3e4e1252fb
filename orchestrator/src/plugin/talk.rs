//! A conversation with another process by lines, with a time limit for everything: one thread, two pipes, no waiting for ever.

use std::{
    io::{self, Read, Write},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};
use serde::Serialize;

use super::protocol::{MAX_LINE, Reply, line};

/// How much of what it wrote to standard error is kept for messages, in bytes.
const TAIL: usize = 2000;

/// How long a process may take to end when its channel is closed.
const ENDING: Duration = Duration::from_millis(500);

/// A child that speaks the plugin protocol. Dropping it kills it.
pub(super) struct Talk {
    child: Child,
    requests: ChildStdin,
    replies: ChildStdout,
    errors: Option<ChildStderr>,
    /// What was read of the next line.
    partial: Vec<u8>,
    /// Lines that were read, but not heard yet.
    lines: std::collections::VecDeque<Vec<u8>>,
    tail: Vec<u8>,
}

/// What came next.
pub(super) enum Heard {
    /// A message.
    Reply(Reply),
    /// Text on standard error.
    Aside(Vec<u8>),
    /// Nothing, for as long as the caller wanted to wait.
    Nothing,
}

/// Why a conversation ended.
#[derive(Debug)]
pub(super) enum Broken {
    /// The process ended, or closed its channel.
    Ended(String),
    /// It wrote something else than messages.
    Garbage(String),
    /// The channel failed.
    Channel(io::Error),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(how) => f.write_str(how),
            Self::Garbage(text) => {
                write!(f, "wrote a line that is no message on its protocol channel: `{text}`")
            }
            Self::Channel(error) => write!(f, "could not be talked to: {error}"),
        }
    }
}

impl Talk {
    /// Starts the process.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (requests, replies, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(requests), Some(replies), Some(errors)) = (requests, replies, errors) else {
            let _ = child.kill();
            return Err(io::Error::other("its channel is missing"));
        };
        fcntl_setfl(&replies, fcntl_getfl(&replies)? | OFlags::NONBLOCK)?;
        fcntl_setfl(&errors, fcntl_getfl(&errors)? | OFlags::NONBLOCK)?;
        let (partial, lines, tail) = (Vec::new(), std::collections::VecDeque::new(), Vec::new());
        Ok(Self { child, requests, replies, errors: Some(errors), partial, lines, tail })
    }

    /// The process's number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says something.
    pub(super) fn say(&mut self, message: &impl Serialize) -> Result<(), Broken> {
        let text = line(message).map_err(|why| Broken::Channel(io::Error::other(why)))?;
        let said = self.requests.write_all(&text).and_then(|()| self.requests.flush());
        match said {
            // It may have said why before it ended, and that is still to be heard.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let _ = self.read_lines();
                if self.lines.is_empty() { Err(self.ended()) } else { Ok(()) }
            }
            said => said.map_err(Broken::Channel),
        }
    }

    /// Waits for what comes next, for at most `patience`.
    pub(super) fn hear(&mut self, patience: Duration) -> Result<Heard, Broken> {
        let until = Instant::now() + patience;
        loop {
            if let Some(text) = self.lines.pop_front() {
                return read(&text).map(Heard::Reply);
            }
            let left = until.saturating_duration_since(Instant::now());
            let (has_reply, has_aside) = self.wait(left)?;
            // What was written aside before a message is heard before it.
            if has_aside && let Some(text) = self.read_aside() {
                return Ok(Heard::Aside(text));
            }
            if has_reply {
                self.read_lines()?;
            } else if left.is_zero() {
                return Ok(Heard::Nothing);
            }
        }
    }

    /// Forgets what was written aside: what comes next belongs to another task.
    pub(super) fn turn_the_page(&mut self) {
        self.tail.clear();
    }

    /// What is on standard error now; nothing is waited for.
    pub(super) fn read_aside(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        match self.errors.as_mut()?.read(&mut buffer) {
            Ok(0) => {
                self.errors = None;
                None
            }
            Ok(n_bytes) => {
                let text = buffer[..n_bytes].to_vec();
                self.tail.extend_from_slice(&text);
                self.tail.drain(..self.tail.len().saturating_sub(TAIL));
                Some(text)
            }
            Err(_) => None,
        }
    }

    fn wait(&self, patience: Duration) -> Result<(bool, bool), Broken> {
        let timeout =
            Timespec { tv_sec: patience.as_secs().cast_signed(), tv_nsec: patience.subsec_nanos().into() };
        let mut fds = vec![PollFd::new(&self.replies, PollFlags::IN)];
        fds.extend(self.errors.iter().map(|errors| PollFd::new(errors, PollFlags::IN)));
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Broken::Channel(error.into())),
        }
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok((is_ready(&fds[0]), fds.get(1).is_some_and(is_ready)))
    }

    fn read_lines(&mut self) -> Result<(), Broken> {
        let mut buffer = [0; 16384];
        let n_bytes = match self.replies.read(&mut buffer) {
            Ok(0) => return Err(self.ended()),
            Ok(n_bytes) => n_bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(Broken::Channel(error)),
        };
        for byte in &buffer[..n_bytes] {
            if *byte == b'\n' {
                self.lines.push_back(std::mem::take(&mut self.partial));
            } else {
                self.partial.push(*byte);
            }
        }
        if self.partial.len() > MAX_LINE {
            return Err(Broken::Garbage(format!(
                "{}… ({} bytes without an end)",
                excerpt(&self.partial),
                self.partial.len()
            )));
        }
        Ok(())
    }

    /// How the process ended, with what it last wrote to standard error.
    fn ended(&mut self) -> Broken {
        let until = Instant::now() + ENDING;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                _ => break None,
            }
        };
        while self.read_aside().is_some() {}
        let how = match status {
            Some(status) => {
                format!("ended with {}", status.to_string().replacen("exit status: ", "exit code ", 1))
            }
            None => "closed its protocol channel".into(),
        };
        let said = String::from_utf8_lossy(&self.tail);
        let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        Broken::Ended(if last.is_empty() { how } else { format!("{how}; it last wrote:\n{last}") })
    }

    /// Tells whether the process started others that still run.
    pub(super) fn has_children(&self) -> bool {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.pid())) else { return false };
        threads.flatten().any(|thread| {
            std::fs::read_to_string(thread.path().join("children")).is_ok_and(|pids| !pids.trim().is_empty())
        })
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(text: &[u8]) -> Result<Reply, Broken> {
    serde_json::from_slice(text).map_err(|_| Broken::Garbage(excerpt(text)))
}

fn excerpt(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(200)])
        .chars()
        .map(|c| if c.is_control() { '·' } else { c })
        .collect()
}
