//! The worker process itself.

use std::{
    io::{BufRead, BufReader, Write},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use sluicegate_plugin::{AttemptSpec, CancelToken, ContextOptions, TaskError};

use super::{
    KindTable,
    attempt::run_attempt,
    protocol::{MARK, NONCE, Reply, Request, VERSION, line},
};
use crate::{artifact::ArtifactStore, run::AttemptResult, worker::process::kill_marked};

/// How long a task may go on after the orchestrator is gone. Its outcome is kept; then the worker ends.
const ORPHAN_GRACE: Duration = Duration::from_secs(10);

/// What a worker works with.
pub struct WorkerOptions {
    /// Where it finds kinds.
    pub kinds: Arc<dyn KindTable>,
}

/// The channel to the orchestrator. Standard output itself is pointed at standard error, so that a library that prints
/// cannot garble it.
type Channel = Arc<Mutex<std::fs::File>>;

/// Runs attempts until the orchestrator says that it is enough, or is gone. Returns the exit code.
pub fn serve(options: WorkerOptions) -> u8 {
    let Ok(nonce) = std::env::var(NONCE) else {
        let _ = writeln!(std::io::stderr(), "this command is how `sluice` starts its workers; it does nothing by hand");
        return 2;
    };
    // A session of its own: signals from the terminal go to the orchestrator, which stops workers in order.
    let _ = rustix::process::setsid();
    let Ok(channel) = take_stdout() else { return 70 };
    let channel: Channel = Arc::new(Mutex::new(channel));
    send(&channel, &Reply::Hello { version: VERSION, nonce: nonce.clone() });

    let (jobs_tx, jobs) = mpsc::channel::<(u64, AttemptSpec, CancelToken)>();
    let current: Arc<Mutex<Option<(u64, CancelToken)>>> = Arc::default();
    let runner = std::thread::spawn({
        let (channel, current) = (channel.clone(), current.clone());
        move || {
            for (id, spec, cancel) in jobs {
                let result = execute(&options, id, spec, cancel, &channel);
                *current.lock().unwrap_or_else(PoisonError::into_inner) = None;
                send(&channel, &Reply::Result { id, result: Box::new(result) });
            }
        }
    });
    let ordered = read_requests(&nonce, &jobs_tx, &current);
    drop(jobs_tx);
    if !ordered {
        wait_or_die(&current);
    }
    let _ = runner.join();
    0
}

/// Reads requests; true when the orchestrator ended the worker, false when it is gone.
fn read_requests(
    nonce: &str,
    jobs: &mpsc::Sender<(u64, AttemptSpec, CancelToken)>,
    current: &Mutex<Option<(u64, CancelToken)>>,
) -> bool {
    for text in BufReader::new(std::io::stdin()).lines() {
        let Ok(text) = text else { return false };
        match serde_json::from_str(&text) {
            Ok(Request::Hello { version, nonce: theirs }) => {
                if version != VERSION || theirs != nonce {
                    return true;
                }
            }
            Ok(Request::Execute { id, spec }) => {
                let cancel = CancelToken::default();
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some((id, cancel.clone()));
                if jobs.send((id, *spec, cancel)).is_err() {
                    return true;
                }
            }
            Ok(Request::Cancel { id }) => {
                if let Some((running, cancel)) = &*current.lock().unwrap_or_else(PoisonError::into_inner)
                    && *running == id
                {
                    cancel.cancel();
                }
            }
            Ok(Request::Shutdown) => return true,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "a line from the orchestrator cannot be read: {error}");
            }
        }
    }
    false
}

/// The orchestrator is gone: lets the running task end, so that its outcome is kept, but not for ever. What it started is
/// killed with it.
fn wait_or_die(current: &Mutex<Option<(u64, CancelToken)>>) {
    let running = || current.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    let start = std::time::Instant::now();
    while running() && start.elapsed() < ORPHAN_GRACE {
        std::thread::sleep(Duration::from_millis(20));
    }
    if running() && let Ok(mark) = std::env::var(MARK) {
        kill_marked(&|text| text == mark);
    }
}

fn execute(options: &WorkerOptions, id: u64, spec: AttemptSpec, cancel: CancelToken, channel: &Channel) -> AttemptResult {
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
    let progress = {
        let channel = channel.clone();
        move |fraction: f64, note: &str| {
            let fraction = fraction.is_finite().then_some(fraction);
            send(&channel, &Reply::Progress { id, fraction, note: note.into() });
        }
    };
    let context = ContextOptions { host: None, cancel, progress: Some(Box::new(progress)) };
    run_attempt(&kind, spec, context, &artifacts)
}

/// An orchestrator that is gone hears nothing; the outcome file tells the next one.
fn send(channel: &Channel, reply: &Reply) {
    let mut file = channel.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = file.write_all(line(reply).as_bytes());
}

fn take_stdout() -> std::io::Result<std::fs::File> {
    let channel: OwnedFd = rustix::io::fcntl_dupfd_cloexec(std::io::stdout(), 3)?;
    rustix::stdio::dup2_stdout(std::io::stderr())?;
    Ok(channel.into())
}
