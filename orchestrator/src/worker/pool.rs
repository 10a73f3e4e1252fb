//! Warm worker processes: one attempt at a time each, reused, replaced when they die.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sluicegate_plugin::{AttemptSpec, TaskError};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
    time::timeout,
};

use super::{
    AttemptControl, StopReason,
    attempt::read_outcome,
    error::WorkerError,
    process::{kill_tree, mark_of},
    protocol::{MARK, NONCE, Reply, Request, VERSION, line},
};
use crate::run::AttemptResult;

/// How long a worker may take to say hello.
const HELLO: Duration = Duration::from_secs(20);

/// How much of a worker's standard error is kept for messages, in bytes.
const STDERR_TAIL: usize = 4096;

/// What a pool works with.
pub struct PoolOptions {
    /// The program that is the worker.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// At most so many workers.
    pub size: usize,
    /// The folder of the state.
    pub home: PathBuf,
    /// How long a task may take to stop before it is killed.
    pub grace: Duration,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct AttemptReport {
    /// Its result.
    pub result: AttemptResult,
}

/// Warm worker processes. Cheap to clone.
#[derive(Clone)]
pub struct WorkerPool {
    shared: Arc<Shared>,
}

struct Shared {
    options: PoolOptions,
    idle: Mutex<Vec<Worker>>,
    slots: Semaphore,
    n_started: AtomicU64,
    n_attempts: AtomicU64,
}

/// A worker process with its channel.
struct Worker {
    child: Child,
    pid: u32,
    mark: String,
    grace: Duration,
    requests: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    ended: bool,
}

impl WorkerPool {
    /// A pool without workers; they start when they are needed.
    pub fn new(options: PoolOptions) -> Self {
        let slots = Semaphore::new(options.size.max(1));
        let shared = Shared {
            options,
            idle: Mutex::default(),
            slots,
            n_started: AtomicU64::new(0),
            n_attempts: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs an attempt in a worker, to its end.
    pub async fn execute(&self, spec: AttemptSpec, mut control: AttemptControl) -> AttemptReport {
        let permit = tokio::select! {
            permit = self.shared.slots.acquire() => permit,
            reason = control.stopped() => return AttemptReport { result: stopped(reason) },
        };
        let _permit = permit.expect("the pool's slots are never closed");
        let mut worker = match self.worker().await {
            Ok(worker) => worker,
            Err(error) => {
                let error = TaskError::transient("no_worker", error.to_string());
                return AttemptReport { result: AttemptResult::Failed { error } };
            }
        };
        let id = self.shared.n_attempts.fetch_add(1, Ordering::Relaxed);
        let (attempt_dir, attempt_id) = (spec.attempt_dir.clone(), spec.run.attempt_id.clone());
        match worker.attempt(id, spec, &mut control).await {
            Ok(result) => {
                self.idle().push(worker);
                AttemptReport { result }
            }
            Err(ended) => {
                worker.kill().await;
                // The worker may have written the outcome just before it died.
                let result = read_outcome(&attempt_dir, &attempt_id).unwrap_or(ended);
                AttemptReport { result }
            }
        }
    }

    /// Ends all workers that are idle.
    pub async fn shutdown(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for mut worker in idle {
            let _ = worker.send(&Request::Shutdown).await;
            if timeout(self.shared.options.grace, worker.child.wait()).await.is_ok() {
                worker.ended = true;
            } else {
                worker.kill().await;
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn worker(&self) -> Result<Worker, WorkerError> {
        loop {
            let Some(mut worker) = self.idle().pop() else { break };
            match worker.child.try_wait() {
                Ok(None) => return Ok(worker),
                _ => worker.kill().await,
            }
        }
        let number = self.shared.n_started.fetch_add(1, Ordering::Relaxed);
        Worker::start(&self.shared.options, number).await
    }
}

fn stopped(reason: StopReason) -> AttemptResult {
    match reason {
        StopReason::Cancelled => AttemptResult::Cancelled,
        StopReason::TimedOut { after } => AttemptResult::TimedOut { after },
    }
}

impl Worker {
    async fn start(options: &PoolOptions, number: u64) -> Result<Self, WorkerError> {
        let mark = format!("{}-{}-{number}", mark_of(&options.home), std::process::id());
        let nonce = mark.clone();
        let mut child = Command::new(&options.program)
            .args(&options.args)
            .env(MARK, &mark)
            .env(NONCE, &nonce)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(WorkerError::Start)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(requests), Some(replies), Some(errors)) = (stdin, stdout, stderr) else {
            return Err(WorkerError::Start(std::io::Error::other("its pipes are missing")));
        };
        let pid = child.id().unwrap_or_default();
        let mut worker = Self {
            child,
            pid,
            mark,
            grace: options.grace,
            requests,
            replies: BufReader::new(replies).lines(),
            stderr: keep_tail(errors),
            ended: false,
        };
        let hello = Request::Hello { version: VERSION, nonce: nonce.clone() };
        let greeted = timeout(HELLO, async {
            worker.send(&hello).await.ok()?;
            worker.receive().await
        });
        match greeted.await {
            Ok(Some(Reply::Hello { version, nonce: theirs })) if version == VERSION && theirs == nonce => Ok(worker),
            Ok(_) => Err(WorkerError::Died(worker.epitaph().await)),
            Err(_) => {
                worker.kill().await;
                Err(WorkerError::Silent(HELLO.as_secs()))
            }
        }
    }

    async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        self.requests.write_all(line(request).as_bytes()).await?;
        self.requests.flush().await
    }

    /// The next message that can be read; `None` when the channel is closed.
    async fn receive(&mut self) -> Option<Reply> {
        while let Ok(Some(text)) = self.replies.next_line().await {
            if let Ok(reply) = serde_json::from_str(&text) {
                return Some(reply);
            }
            tracing::warn!("a worker wrote a line that is no message");
        }
        None
    }

    /// Runs one attempt. `Err` means that the worker cannot be used again.
    async fn attempt(
        &mut self,
        id: u64,
        spec: AttemptSpec,
        control: &mut AttemptControl,
    ) -> Result<AttemptResult, AttemptResult> {
        if self.send(&Request::Execute { id, spec: Box::new(spec) }).await.is_err() {
            return Err(self.crashed().await);
        }
        let reason = loop {
            tokio::select! {
                reply = self.receive() => match reply {
                    Some(Reply::Result { id: done, result }) if done == id => return Ok(*result),
                    Some(Reply::Progress { id: of, fraction, note }) if of == id => {
                        (control.on_progress)(fraction.unwrap_or(f64::NAN), &note);
                    }
                    Some(_) => {}
                    None => return Err(self.crashed().await),
                },
                reason = control.stopped() => break reason,
            }
        };
        let _ = self.send(&Request::Cancel { id }).await;
        let obeyed = timeout(self.grace, async {
            while let Some(reply) = self.receive().await {
                if let Reply::Result { id: done, result } = reply
                    && done == id
                {
                    return Some(*result);
                }
            }
            None
        });
        match obeyed.await {
            // Whatever the task left running carries the mark; the worker goes with it.
            Ok(Some(AttemptResult::Succeeded { outcome })) => Ok(AttemptResult::Succeeded { outcome }),
            _ => Err(stopped(reason)),
        }
    }

    async fn crashed(&mut self) -> AttemptResult {
        AttemptResult::Crashed { message: self.epitaph().await, stderr: self.last_words() }
    }

    /// How the process ended, for people.
    async fn epitaph(&mut self) -> String {
        use std::os::unix::process::ExitStatusExt;
        let Ok(Ok(status)) = timeout(self.grace, self.child.wait()).await else {
            return "the worker closed its channel but goes on".into();
        };
        self.ended = true;
        match (status.code(), status.signal()) {
            (_, Some(9)) => "the worker was killed (signal 9, SIGKILL); the machine may have run out of memory".into(),
            (_, Some(11)) => "the worker was killed by signal 11 (SIGSEGV, an invalid access to memory)".into(),
            (_, Some(6)) => "the worker was ended by signal 6 (SIGABRT, it aborted itself)".into(),
            (_, Some(signal)) => format!("the worker was killed by signal {signal}"),
            (Some(code), None) => format!("the worker exited with code {code} in the middle of the task"),
            (None, None) => "the worker ended".into(),
        }
    }

    fn last_words(&self) -> String {
        let bytes = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Ends the process and everything it started.
    async fn kill(mut self) {
        let (pid, mark, grace) = (self.pid, self.mark.clone(), self.grace.min(Duration::from_millis(500)));
        let _ = tokio::task::spawn_blocking(move || kill_tree(pid, &mark, grace)).await;
        let _ = self.child.wait().await;
        self.ended = true;
    }
}

impl Drop for Worker {
    /// A worker that nobody ended, because the orchestrator panics or leaves early.
    fn drop(&mut self) {
        if !self.ended {
            kill_tree(self.pid, &self.mark, Duration::ZERO);
        }
    }
}

/// Drains standard error and keeps its end.
fn keep_tail(mut errors: ChildStderr) -> Arc<Mutex<Vec<u8>>> {
    let tail: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = tail.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(n_bytes @ 1..) = errors.read(&mut buffer).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&buffer[..n_bytes]);
            let excess = kept.len().saturating_sub(STDERR_TAIL);
            kept.drain(..excess);
        }
    });
    tail
}
