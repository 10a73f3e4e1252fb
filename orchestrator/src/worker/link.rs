//! A worker process as the orchestrator holds it: its channel, its last words, its end.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sluicegate_plugin::{AttemptSpec, Mask, ProcessId, TaskError};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{
    AttemptControl, PoolOptions, StopReason,
    attempt::read_outcome,
    control::{OnProgress, stop_asked},
    entry::Entry,
    epitaph::{Epitaph, Memory, Tail, oom_kills},
    error::WorkerError,
    lines::Lines,
    mark::{MARK, new_mark, new_nonce},
    process::Process,
    protocol::{Hello, MAX_LINE, NONCE, Reply, Request, line},
    receipts::{Given, Receipts},
    tree::{clear_away, kill_tree},
};
use crate::run::AttemptResult;

/// How long a worker may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// How long a worker may take to end once its channel is closed.
const ENDING: Duration = Duration::from_secs(1);

/// How long programs of a task that is killed may take to end politely. The task itself was given its grace before.
const POLITE: Duration = Duration::from_millis(500);

/// A worker process with its channel. Dropping it kills it with all that it started, unless the orchestrator has left.
pub(super) struct Worker {
    child: Child,
    process: Option<Process>,
    id: Option<ProcessId>,
    mark: String,
    requests: ChildStdin,
    replies: Lines<ChildStdout>,
    stderr: Tail,
    home: PathBuf,
    receipts: Arc<Receipts>,
    /// The results that it remembers, because they are not durable as far as it knows.
    given: Vec<Given>,
    /// The attempts whose results are durable, which it has not been told.
    durable: Vec<String>,
    /// The kernel's count when the worker started.
    oom_kills: Option<u64>,
    /// The kernel's count for the worker's own group before an attempt with a limit.
    oom_kills_in_group: u64,
    /// Tells that it ended, and all that it started.
    gone: bool,
    /// What it wrote on its channel that is no message.
    garbage: Option<String>,
    /// The plugin that it has loaded: it serves no other kinds any more.
    lane: Option<String>,
    /// True when the kernel's count for its group is not known, or may have grown.
    has_failed: bool,
    /// Tells that the orchestrator has left: what runs goes on without it.
    left: Arc<AtomicBool>,
}

/// How an attempt left its worker.
pub(super) enum Handover {
    /// The attempt ended; the worker takes the next one.
    Done(AttemptResult),
    /// The request did not reach the worker, so the task has not begun.
    Unsent,
    /// The worker ended, or does not speak any more; perhaps after it was asked to stop.
    Lost(Option<StopReason>),
    /// The task did not stop when it was asked to.
    Stubborn(StopReason),
}

impl Worker {
    /// Starts a worker and waits for its hello.
    pub(super) async fn start(
        options: &PoolOptions,
        receipts: Arc<Receipts>,
        left: Arc<AtomicBool>,
    ) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Start { program: options.program.clone(), source };
        let (mark, nonce) = (new_mark(&options.home), new_nonce());
        let mut child = Command::new(&options.program)
            .args(&options.args)
            .env(MARK, &mark)
            .env(NONCE, &nonce)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(requests), Some(replies), Some(errors)) = (stdin, stdout, stderr) else {
            return Err(failed(std::io::Error::other("its channel is missing")));
        };
        let pid = child.id();
        let mut worker = Self {
            child,
            process: pid.and_then(Process::find),
            id: pid.and_then(ProcessId::of),
            mark,
            requests,
            replies: Lines::new(replies),
            stderr: Tail::of(errors),
            home: options.home.clone(),
            receipts,
            given: Vec::new(),
            durable: Vec::new(),
            oom_kills: oom_kills(),
            oom_kills_in_group: 0,
            gone: false,
            garbage: None,
            lane: None,
            has_failed: true,
            left,
        };
        let greeted = timeout(HELLO, worker.greet(&nonce)).await;
        let error = match greeted {
            Ok(Some(None)) => return Ok(worker),
            Ok(Some(Some(why))) => WorkerError::Stranger { why },
            Ok(None) => {
                let how = worker.epitaph(None).await.message;
                WorkerError::Died { how, stderr: worker.stderr.last_words().await }
            }
            Err(_) => WorkerError::Silent { after: HELLO.as_secs() },
        };
        worker.kill().await;
        Err(error)
    }

    /// Says hello and hears it: `None` when the channel closed, `Some(Some(why))` when the two cannot work together.
    async fn greet(&mut self, nonce: &str) -> Option<Option<String>> {
        self.send(&line(&Request::Hello(Hello::new(nonce)))).await.ok()?;
        loop {
            // What a library prints while the process starts comes before the hello, and is passed over.
            let text = self.replies.next().await.ok()??;
            if let Ok(Reply::Hello(hello)) = serde_json::from_slice(&text) {
                return Some(hello.disagreement(nonce));
            }
        }
    }

    /// Who the process is.
    pub(super) fn id(&self) -> Option<ProcessId> {
        self.id.clone()
    }

    /// Tells whether the process has not ended; one that is about to, with threads that still go, has.
    pub(super) fn lives(&mut self) -> bool {
        self.process.is_some_and(|process| process.lives()) && matches!(self.child.try_wait(), Ok(None))
    }

    async fn send(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.requests.write_all(line).await?;
        self.requests.flush().await
    }

    /// The next message; `None` when the channel is closed or garbled: after a line that is no message nobody knows what was lost.
    async fn receive(&mut self) -> Option<Reply> {
        let text = match self.replies.next().await {
            Ok(text) => text?,
            Err(error) => {
                self.garbage = Some(error.to_string());
                return None;
            }
        };
        serde_json::from_slice(&text).map_err(|_| self.garbage = Some(excerpt(&text))).ok()
    }

    /// Tells whether the worker noted that it begins an attempt, as it does before anything else. A note that cannot be read may have
    /// been any.
    pub(super) fn has_begun(&self, attempt_id: &str) -> bool {
        let noted = self.id.as_ref().and_then(|id| Entry::of(&self.home, id));
        noted.is_none_or(|entry| entry.answers_for(attempt_id))
    }

    /// The plugin that it has loaded.
    pub(super) fn lane(&self) -> Option<&str> {
        self.lane.as_deref()
    }

    /// Runs one attempt.
    pub(super) async fn attempt(
        &mut self,
        id: u64,
        spec: &AttemptSpec,
        control: &mut AttemptControl,
        grace: Duration,
    ) -> Handover {
        if let Some(plugin) = &spec.plugin {
            self.lane = Some(plugin.hash.clone());
        }
        // The count costs a look at files. It can only have grown by an attempt that did not go well.
        if max_memory(spec).is_some() && (self.has_failed || spec.plugin.is_none()) {
            self.has_failed = false;
            self.oom_kills_in_group = self.oom_kills_in_group();
        }
        self.durable.extend(self.receipts.take(&mut self.given));
        let kept = self.durable.clone();
        let request = line(&Request::Execute { id, kept, spec: Box::new(spec.clone()) });
        if request.len() > MAX_LINE {
            return Handover::Done(AttemptResult::Failed { error: too_large(request.len()) });
        }
        let AttemptControl { stop, on_progress, .. } = control;
        tokio::select! {
            sent = self.send(&request) => if sent.is_err() {
                return Handover::Unsent;
            },
            // Half a request may be on its way; nothing more can be said to this worker.
            reason = stop_asked(stop) => return Handover::Stubborn(reason),
        }
        self.durable.clear();
        let reason = tokio::select! {
            told = self.told(id, on_progress) => return match told {
                Some(told) => Handover::Done(self.taken(told, spec)),
                None => Handover::Lost(None),
            },
            reason = stop_asked(stop) => reason,
        };
        let obeyed = timeout(grace, async {
            self.send(&line(&Request::Cancel { id })).await.ok()?;
            self.told(id, on_progress).await
        });
        match obeyed.await {
            Ok(Some(told)) => Handover::Done(reason.settle(Some(self.taken(told, spec)))),
            Ok(None) => Handover::Lost(Some(reason)),
            Err(_) => Handover::Stubborn(reason),
        }
    }

    /// Takes a result over, which the worker remembers until it is durable.
    fn taken(&mut self, told: Told, spec: &AttemptSpec) -> AttemptResult {
        let result = told.outcome(spec);
        self.has_failed |= !matches!(result, AttemptResult::Succeeded { .. });
        self.given.push(self.receipts.expect(spec, result.clone()));
        result
    }

    /// Waits until the worker says that an attempt ended; `None` when the channel is closed.
    async fn told(&mut self, id: u64, on_progress: &OnProgress) -> Option<Told> {
        loop {
            match self.receive().await? {
                Reply::Result { id: of, result, error } if of == id => return Some(Told { result, error }),
                Reply::Progress { id: of, fraction, note } if of == id => {
                    on_progress(fraction.unwrap_or(f64::NAN), &note);
                }
                _ => {}
            }
        }
    }

    /// Finds out how an attempt ended whose worker ended first, and clears away what is left of the worker.
    pub(super) async fn autopsy(mut self, spec: &AttemptSpec) -> AttemptResult {
        let Epitaph { message, exit, out_of_memory } = self.epitaph(Some(spec)).await;
        self.kill_tree(Duration::ZERO).await;
        // The worker may have written the outcome just before it died.
        if let Some(result) = read_outcome(&spec.attempt_dir, &spec.run.attempt_id) {
            return result;
        }
        let stderr = Mask::of(&spec.secrets).text(&self.stderr.last_words().await).into_owned();
        let message = match &spec.plugin {
            Some(plugin) => format!(
                "plugin `{}` (`{}`) took its worker down: {message}",
                plugin.name,
                plugin.code.place().display()
            ),
            None => message,
        };
        AttemptResult::Crashed { message, stderr, exit, out_of_memory }
    }

    /// Ends the process and everything it started.
    pub(super) async fn kill(mut self) {
        self.kill_tree(POLITE).await;
    }

    /// Lets an idle worker end; kills it when it does not within `grace`.
    pub(super) async fn end(mut self, grace: Duration) {
        let mut kept = std::mem::take(&mut self.durable);
        kept.extend(self.receipts.take(&mut self.given));
        let ended = timeout(grace, async {
            let _ = self.send(&line(&Request::Shutdown { kept })).await;
            self.child.wait().await
        });
        match ended.await {
            // A worker that ends in order has ended what its tasks left running.
            Ok(Ok(status)) if status.success() => {
                self.gone = true;
                // It has kept what is not durable itself.
                self.receipts.forget(std::mem::take(&mut self.given));
                if let Some(entry) = self.entry() {
                    clear_away(&entry);
                }
            }
            _ => self.kill_tree(POLITE).await,
        }
    }

    async fn kill_tree(&mut self, polite: Duration) {
        let (process, mark, entry) = (self.process, self.mark.clone(), self.entry());
        let kill = move || kill_tree(process, &mark, entry.as_ref(), polite);
        let _ = tokio::task::spawn_blocking(kill).await;
        let _ = timeout(ENDING, self.child.wait()).await;
        self.gone = true;
    }

    /// What the worker noted of itself; a worker without attempts has noted nothing.
    fn entry(&self) -> Option<Entry> {
        let id = self.id.as_ref()?;
        Entry::of(&self.home, id).or_else(|| Entry::damaged(&self.home, id, &self.mark))
    }

    /// How the process ended on its own; with the attempt that it ran, when there was one.
    async fn epitaph(&mut self, spec: Option<&AttemptSpec>) -> Epitaph {
        if let Some(garbage) = self.garbage.take() {
            let message = format!("the worker's channel carried a line that is no message: `{garbage}`");
            return Epitaph { message, exit: None, out_of_memory: false };
        }
        let status: Option<ExitStatus> = timeout(ENDING, self.child.wait()).await.ok().and_then(Result::ok);
        let limit = spec.and_then(max_memory);
        let limit_hit = limit.filter(|_| self.oom_kills_in_group() > self.oom_kills_in_group);
        Epitaph::of(status, &Memory { limit_hit, oom_kills_before: self.oom_kills })
    }

    /// The kernel's count for the worker's own group.
    fn oom_kills_in_group(&self) -> u64 {
        self.entry().and_then(|entry| entry.groups().oom_kills()).unwrap_or_default()
    }
}

impl Drop for Worker {
    /// A worker that nobody ended, because the orchestrator panics or leaves early.
    fn drop(&mut self) {
        if self.left.load(Ordering::Acquire) {
            // Its channel closes: it goes on alone, keeps what it remembers in files, and the next orchestrator takes it over.
            return;
        }
        self.receipts.rescue(std::mem::take(&mut self.given));
        if !self.gone {
            kill_tree(self.process, &self.mark, self.entry().as_ref(), Duration::ZERO);
        }
    }
}

/// A worker's word that an attempt ended.
struct Told {
    result: Option<AttemptResult>,
    error: Option<TaskError>,
}

impl Told {
    /// The outcome; one that is too long for a line is in the attempt's file.
    fn outcome(self, spec: &AttemptSpec) -> AttemptResult {
        let failed = self.error.map(|error| AttemptResult::Failed { error });
        let from_file = || read_outcome(&spec.attempt_dir, &spec.run.attempt_id);
        self.result.or(failed).or_else(from_file).unwrap_or_else(|| {
            let message = format!("the attempt's outcome in `{}` cannot be read", spec.attempt_dir.display());
            AttemptResult::Failed { error: TaskError::transient("no_outcome", message) }
        })
    }
}

/// The limit of memory that holds for an attempt.
fn max_memory(spec: &AttemptSpec) -> Option<u64> {
    let by_itself = spec.plugin.as_ref().and_then(|plugin| plugin.max_memory);
    if spec.resources.is_empty() { by_itself } else { spec.resources.memory }
}

/// The beginning of what should have been a message.
fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(120)]);
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

fn too_large(n_bytes: usize) -> TaskError {
    let message = format!(
        "the task's parameters and inputs are {n_bytes} bytes of JSON; at most {MAX_LINE} reach a worker"
    );
    TaskError::permanent("large_spec", message).hint("put long text into a file")
}
