//! The worker process itself.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getpid, getrlimit, set_child_subreaper, setrlimit, setsid};
use sluicegate_plugin::{AttemptSpec, CancelToken, ContextOptions, TaskError};

use super::{
    KindTable, adopt,
    attempt::{Attempt, keep_outcome, sync_outcome},
    children::{self, Children},
    lines::read_line,
    panics::PanicScope,
    protocol::{Hello, NONCE, Reply, Request, line},
};
use crate::{artifact::ArtifactStore, run::AttemptResult};

/// How long, in seconds, a task may go on after the orchestrator is gone. Without it a task goes on to its end, or to its timeout:
/// the next orchestrator takes it over, or finds its outcome.
const ORPHAN_GRACE: &str = "SLUICE_ORPHAN_GRACE";

/// How long a task may take to obey, once its time is over, before the process ends under it.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// Progress in between is not sent.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Longer notes are cut, in characters.
const MAX_NOTE: usize = 500;

/// The stack of the thread that runs tasks, in bytes. Only what is used is taken from memory; query planners recurse deeply.
const STACK: usize = 64 << 20;

/// The exit code of a worker that cannot do its work.
const BROKEN: u8 = 70;

/// What a worker works with.
pub struct WorkerOptions {
    /// Where it finds kinds.
    pub kinds: Arc<dyn KindTable>,
}

/// Runs attempts until the orchestrator says that it is enough, or is gone. Returns the exit code; the caller ends the process
/// with it, even though a task that does not obey may still run on its thread.
pub fn serve(options: WorkerOptions) -> u8 {
    let Ok(nonce) = std::env::var(NONCE) else {
        say("this command is how `sluice` starts its workers; it does nothing when started by hand");
        return 2;
    };
    settle_in();
    let (requests, replies) = match take_channel() {
        Ok(channel) => channel,
        Err(error) => {
            say(&format!("the worker cannot take over its channel: {error}"));
            return BROKEN;
        }
    };
    let desk = Arc::new(Desk {
        replies: Mutex::new(replies),
        current: Mutex::default(),
        idle: Condvar::new(),
        kept: Mutex::default(),
    });
    desk.send(&Reply::Hello(Hello::new(&nonce)));
    let (jobs, queue) = mpsc::channel();
    let runner = {
        let desk = desk.clone();
        let run = move || run_jobs(&options, &queue, &desk);
        std::thread::Builder::new().name("task".into()).stack_size(STACK).spawn(run)
    };
    if let Err(error) = runner {
        say(&format!("the worker cannot start its thread: {error}"));
        return BROKEN;
    }
    let end = read_requests(BufReader::new(requests), &nonce, &jobs, &desk);
    match end {
        End::Dismissed => desk.cancel(None),
        End::Alone | End::Confused => {
            // Nobody reads what a library prints any more; writing it must not fail.
            fall_silent();
            desk.be_alone();
        }
    }
    if !desk.wait_until_idle(desk.time_left()) {
        desk.give_up();
    }
    children::end_all();
    if end == End::Confused { BROKEN } else { 0 }
}

/// Why no more requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The orchestrator said that it is enough.
    Dismissed,
    /// The orchestrator is gone.
    Alone,
    /// The other side does not speak this protocol.
    Confused,
}

/// A request to run an attempt.
struct Job {
    id: u64,
    spec: AttemptSpec,
    cancel: CancelToken,
}

/// The attempt that runs now.
struct Current {
    id: u64,
    cancel: CancelToken,
    began: Instant,
    /// Its timeout, which the orchestrator watches over while there is one.
    timeout: Option<f64>,
    attempt_dir: PathBuf,
    attempt_id: String,
    /// True once it was stopped because nobody is there and its time is over.
    overdue: bool,
}

/// What the thread that reads requests and the one that runs tasks share.
struct Desk {
    replies: Mutex<File>,
    current: Mutex<Option<Current>>,
    idle: Condvar,
    kept: Mutex<Kept>,
}

/// The outcome that was kept last, and whether anyone else makes it durable.
#[derive(Default)]
struct Kept {
    alone: bool,
    last: Option<PathBuf>,
}

impl Desk {
    /// Sends a reply. An orchestrator that is gone hears nothing; the outcome file tells the next one.
    fn send(&self, reply: &Reply) {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = replies.write_all(&line(reply));
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the running task to stop; with an id, only when it is that one.
    fn cancel(&self, id: Option<u64>) {
        if let Some(current) = &*self.current()
            && id.is_none_or(|id| id == current.id)
        {
            current.cancel.cancel();
        }
    }

    /// Notes that an attempt is over, unless the next one is there already.
    fn done(&self, id: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.id == id) {
            *current = None;
        }
        self.idle.notify_all();
    }

    /// Keeps an outcome. While there is an orchestrator, its event makes the outcome durable; otherwise this does.
    fn keep(&self, attempt_dir: PathBuf, attempt_id: &str, result: AttemptResult) -> Result<(), TaskError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        keep_outcome(&attempt_dir, attempt_id, result)?;
        if kept.alone {
            sync_outcome(&attempt_dir).map_err(|error| TaskError::io("sync", &attempt_dir, &error))?;
        }
        kept.last = Some(attempt_dir);
        Ok(())
    }

    /// The orchestrator is gone: from now on outcomes are synced here, and so is the last one, which may not have arrived.
    fn be_alone(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.alone = true;
        if let Some(attempt_dir) = kept.last.take() {
            let _ = sync_outcome(&attempt_dir);
        }
    }

    /// Waits until no task runs; false when one still does after `at_most`.
    fn wait_until_idle(&self, at_most: Option<Duration>) -> bool {
        let busy = |current: &mut Option<Current>| current.is_some();
        let Some(at_most) = at_most else {
            drop(self.idle.wait_while(self.current(), busy));
            return true;
        };
        let waited = self.idle.wait_timeout_while(self.current(), at_most, busy);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_none()
    }

    /// How long the running task may go on when nobody is there; `None` without a limit.
    fn time_left(&self) -> Option<Duration> {
        let current = self.current();
        let timeout = current.as_ref().and_then(|current| {
            let all = Duration::try_from_secs_f64(current.timeout?).ok()?;
            Some(all.saturating_sub(current.began.elapsed()))
        });
        [timeout, orphan_grace()].into_iter().flatten().min()
    }

    /// Ends a task whose time is over. When it does not obey, its outcome is written in its place; the process ends under it.
    fn give_up(&self) {
        if let Some(current) = &mut *self.current() {
            current.overdue = true;
            current.cancel.cancel();
        }
        if !self.wait_until_idle(Some(LAST_GRACE))
            && let Some(current) = &*self.current()
        {
            let _ = keep_outcome(&current.attempt_dir, &current.attempt_id, current.overdue_result());
            let _ = sync_outcome(&current.attempt_dir);
        }
    }

    /// What to record for an attempt: one that obeyed because its time was over has timed out.
    fn verdict_on(&self, id: u64, result: AttemptResult) -> AttemptResult {
        match (&*self.current(), result) {
            (Some(current), AttemptResult::Cancelled) if current.id == id && current.overdue => {
                current.overdue_result()
            }
            (_, result) => result,
        }
    }
}

impl Current {
    fn overdue_result(&self) -> AttemptResult {
        self.timeout.map_or(AttemptResult::Cancelled, |after| AttemptResult::TimedOut { after })
    }
}

fn read_requests(mut requests: BufReader<File>, nonce: &str, jobs: &mpsc::Sender<Job>, desk: &Desk) -> End {
    loop {
        let text = match read_line(&mut requests) {
            Ok(Some(text)) => text,
            Ok(None) => return End::Alone,
            Err(error) => {
                say(&format!("the orchestrator cannot be understood: {error}"));
                return End::Confused;
            }
        };
        match serde_json::from_slice(&text) {
            Ok(Request::Hello(hello)) => {
                if let Some(why) = hello.disagreement(nonce) {
                    say(&format!("the orchestrator cannot be served: {why}"));
                    return End::Confused;
                }
            }
            Ok(Request::Execute { id, spec }) => {
                let cancel = CancelToken::default();
                *desk.current() = Some(Current {
                    id,
                    cancel: cancel.clone(),
                    began: Instant::now(),
                    timeout: spec.timeout,
                    attempt_dir: spec.attempt_dir.clone(),
                    attempt_id: spec.run.attempt_id.clone(),
                    overdue: false,
                });
                if jobs.send(Job { id, spec: *spec, cancel }).is_err() {
                    return End::Confused;
                }
            }
            Ok(Request::Cancel { id }) => desk.cancel(Some(id)),
            Ok(Request::Shutdown) => return End::Dismissed,
            Ok(Request::Unknown) => {}
            Err(error) => {
                say(&format!("a line from the orchestrator is no message: {error}"));
                return End::Confused;
            }
        }
    }
}

/// Runs attempts one after the other. The outcome is on the disk, and what must not stay is gone, before the answer is sent.
fn run_jobs(options: &WorkerOptions, queue: &mpsc::Receiver<Job>, desk: &Arc<Desk>) {
    let mut children = Children::default();
    for Job { id, spec, cancel } in queue {
        let (attempt_dir, attempt_id) = (spec.attempt_dir.clone(), spec.run.attempt_id.clone());
        let result = match adopt::note(&attempt_dir) {
            Ok(()) => desk.verdict_on(id, run_job(options, Job { id, spec, cancel }, desk)),
            Err(error) => AttemptResult::Failed { error: TaskError::io("write to", &attempt_dir, &error) },
        };
        if matches!(result, AttemptResult::Succeeded { .. }) {
            children.keep();
        } else {
            children.end_new();
        }
        let error = desk.keep(attempt_dir, &attempt_id, result).err();
        desk.send(&Reply::Result { id, error });
        desk.done(id);
    }
}

fn run_job(options: &WorkerOptions, job: Job, desk: &Arc<Desk>) -> AttemptResult {
    let Job { id, spec, cancel } = job;
    let Some(kind) = options.kinds.kind(&spec.kind) else {
        let message = format!("kind `{}` is not at hand in the worker", spec.kind);
        return AttemptResult::Failed { error: TaskError::permanent("unknown_kind", message) };
    };
    let artifacts = match ArtifactStore::open(&spec.home.join("artifacts")) {
        Ok(artifacts) => artifacts,
        Err(error) => {
            return AttemptResult::Failed { error: TaskError::transient("artifact", error.to_string()) };
        }
    };
    let options = ContextOptions { host: None, cancel, progress: Some(Box::new(progress(id, desk.clone()))) };
    Attempt { kind: &kind, spec, options, artifacts: &artifacts, panics: PanicScope::Process }.run()
}

fn progress(id: u64, desk: Arc<Desk>) -> impl Fn(f64, &str) + Send + Sync {
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    move |fraction, note| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
            *last = Some(Instant::now());
            let note = note.chars().take(MAX_NOTE).collect();
            desk.send(&Reply::Progress { id, fraction: fraction.is_finite().then_some(fraction), note });
        }
    }
}

/// Makes the process a worker. What the machine does not allow is done without.
fn settle_in() {
    // Signals from the terminal go to the orchestrator, which stops its workers in order.
    let _ = setsid();
    // What a task starts and loses comes back to the worker instead of getting lost.
    let _ = set_child_subreaper(Some(getpid()));
    // A task that crashes says so in its log; nobody looks for its core file.
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    // When memory runs out, the kernel shall end a task, not the orchestrator.
    let _ = std::fs::write("/proc/self/oom_score_adj", "300");
}

/// Takes standard input and output over as the channel. In their place, what a task or a library reads is empty, and what it
/// prints goes to standard error, so that neither can garble the channel. The channel is not inherited by programs.
fn take_channel() -> io::Result<(File, File)> {
    let requests = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let replies = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((requests.into(), replies.into()))
}

/// Lets standard output and standard error lead nowhere.
fn fall_silent() {
    if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nowhere);
        let _ = rustix::stdio::dup2_stderr(&nowhere);
    }
}

fn orphan_grace() -> Option<Duration> {
    let seconds = std::env::var(ORPHAN_GRACE).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The orchestrator keeps the end of standard error for its messages.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
