//! The worker process itself.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    sync::{Arc, mpsc},
    time::Instant,
};

use rustix::process::{Resource, Rlimit, getpid, getrlimit, set_child_subreaper, setrlimit, setsid};
use sluicegate_plugin::CancelToken;

use super::{
    KindTable, children,
    desk::{Current, Desk},
    jobs::{Job, Runner},
    lines::read_line,
    protocol::{Hello, NONCE, Reply, Request},
};

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
    super::memory::give_back();
    settle_in();
    let (requests, replies) = match take_channel() {
        Ok(channel) => channel,
        Err(error) => {
            say(&format!("the worker cannot take over its channel: {error}"));
            return BROKEN;
        }
    };
    let desk = Arc::new(Desk::new(replies));
    desk.send(&Reply::Hello(Hello::new(&nonce)));
    let (jobs, queue) = mpsc::channel();
    let runner = {
        let desk = desk.clone();
        let run = move || Runner::new(options, desk).run(&queue);
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
    // Results that the orchestrator could not make durable, although it was there to the end.
    desk.be_alone();
    children::end_all();
    if end != End::Dismissed {
        // Otherwise the orchestrator does it, once this process has ended.
        desk.leave();
    }
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
            Ok(Request::Execute { id, kept, spec }) => {
                desk.forget(&kept);
                let cancel = CancelToken::default();
                desk.begin(Current {
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
            Ok(Request::Shutdown { kept }) => {
                desk.forget(&kept);
                return End::Dismissed;
            }
            Ok(Request::Unknown) => {}
            Err(error) => {
                say(&format!("a line from the orchestrator is no message: {error}"));
                return End::Confused;
            }
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

/// The orchestrator keeps the end of standard error for its messages.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
