//! How a worker ended, in words, and what it last wrote.

use std::{
    fs::File,
    io::Read,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::Signal;
use sluicegate_plugin::Exit;
use tokio::{io::AsyncReadExt as _, process::ChildStderr, task::JoinHandle, time::timeout};

use super::limit::in_words;

/// How much of a worker's standard error is kept for messages, in bytes.
const STDERR_TAIL: usize = 4096;

/// How long standard error may take to run dry once the worker ended.
const DRAINING: Duration = Duration::from_secs(1);

/// How a worker ended in the middle of a task.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Epitaph {
    /// For people.
    pub(super) message: String,
    /// For filters.
    pub(super) exit: Option<Exit>,
    /// True when the kernel killed it because memory ran out.
    pub(super) out_of_memory: bool,
}

/// What is known of memory when a worker ended.
pub(super) struct Memory {
    /// The limit of the attempt, in bytes, when the kernel killed because of it.
    pub(super) limit_hit: Option<u64>,
    /// The kernel's count for the whole machine when the worker started.
    pub(super) oom_kills_before: Option<u64>,
}

impl Epitaph {
    /// Says how a process ended; `None` when it did not.
    pub(super) fn of(status: Option<ExitStatus>, memory: &Memory) -> Self {
        let Some(status) = status else {
            let message = "the worker closed its channel, but did not end".into();
            return Self { message, exit: None, out_of_memory: false };
        };
        let Some(signal) = status.signal() else {
            let code = status.code().unwrap_or_default();
            let message = format!("the worker exited with code {code} in the middle of the task");
            return Self { message, exit: Some(Exit::Code(code)), out_of_memory: false };
        };
        // The standard library knows the names: `signal: 11 (SIGSEGV)`.
        let text = status.to_string();
        let mut message = format!("the worker was killed by {}", text.replacen("signal: ", "signal ", 1));
        let (mut out_of_memory, exit) = (false, Some(Exit::Signal(signal)));
        if signal == Signal::KILL.as_raw() {
            let (why, is_known) = memory.verdict();
            message += &why;
            out_of_memory = is_known;
        }
        Self { message, exit, out_of_memory }
    }
}

impl Memory {
    /// Why a worker may have been killed, and whether it was for lack of memory as far as the kernel tells.
    fn verdict(&self) -> (String, bool) {
        if let Some(limit) = self.limit_hit {
            return (format!("; memory ran out: its limit is {}", in_words(limit)), true);
        }
        let (why, is_known) = match (self.oom_kills_before, oom_kills()) {
            (Some(before), Some(now)) if now > before => {
                ("; the kernel killed processes because memory ran out", true)
            }
            (Some(_), Some(_)) => ("; not by the kernel for lack of memory, as far as it counts", false),
            _ => ("; memory may have run out", false),
        };
        (why.into(), is_known)
    }
}

/// How many processes the kernel has killed for lack of memory since it started.
pub(super) fn oom_kills() -> Option<u64> {
    // The file says that it is empty, and would be read in small pieces.
    let mut text = String::with_capacity(8192);
    File::open("/proc/vmstat").ok()?.read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// The end of what a worker writes to its standard error. It is read all the time, or the worker would stand still.
pub(super) struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
    drain: JoinHandle<()>,
}

impl Tail {
    pub(super) fn of(mut errors: ChildStderr) -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = bytes.clone();
        let drain = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(n_bytes @ 1..) = errors.read(&mut buffer).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..n_bytes]);
                let excess = kept.len().saturating_sub(STDERR_TAIL);
                kept.drain(..excess);
            }
        });
        Self { bytes, drain }
    }

    /// What is there once the process ended. A program that left the worker may hold the other end open for long.
    pub(super) async fn last_words(&mut self) -> String {
        if !self.drain.is_finished() {
            let _ = timeout(DRAINING, &mut self.drain).await;
        }
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}
