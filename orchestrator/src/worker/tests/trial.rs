//! A kind that does what a test asks for, and the worker process that runs it.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, Kind, Port, PortType, Ports, Task, TaskError};

use crate::{
    run::{AttemptResult, Outcome},
    worker::{KindTable, WorkerOptions, attempt::keep_outcome, protocol::NONCE, serve},
};

/// What the kind shall do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum What {
    Nothing,
    Fail,
    Panic,
    PanicElsewhere,
    Exit(i32),
    Abort,
    Signal(i32),
    WriteOutcomeAndDie,
    Print,
    Report,
    /// Waits until it is asked to stop, and obeys.
    Wait,
    /// Waits for ever.
    Ignore,
    /// Waits until the file `go` exists.
    WaitForGo,
    /// Leaves a process that left the session and does not mind SIGTERM, then does something.
    Leave(Box<Self>),
    /// The same, and the process has no environment.
    LeaveUnmarked(Box<Self>),
    WriteLink,
    WriteMuch(usize),
    /// Runs a program to its end.
    Run(String),
    /// Says so many characters of summary.
    Say(usize),
    /// Takes so much memory, in MiB, itself or in a program.
    Fill(usize),
    FillOutside(usize),
    /// Starts a chain of processes, each of which leaves its session, does not mind SIGTERM, starts the next and ends.
    Evade(Box<Self>),
    /// Tells a secret in every way there is.
    Tell(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialParams {
    what: What,
    #[serde(default)]
    value: Option<u32>,
    #[serde(default)]
    #[expect(dead_code, reason = "it only makes the request long")]
    filling: String,
}

pub(super) struct Trial;

impl Task for Trial {
    type Params = TrialParams;

    fn describe(&self) -> Description {
        Description::new("trial", "1", "Does what a test asks for.").output(Port::new(
            "value",
            PortType::Value,
            "What it was given.",
        ))
    }

    fn ports(&self, params: &TrialParams) -> Ports {
        let mut ports = Task::describe(self).ports;
        ports.outputs[0].optional = matches!(params.what, What::Nothing | What::Run(_));
        ports
    }

    fn run(&self, ctx: &Context, params: TrialParams) -> Result<(), TaskError> {
        if let Some(value) = params.value {
            ctx.write_value("value", value.into())?;
        }
        act(ctx, params.what)
    }
}

fn act(ctx: &Context, what: What) -> Result<(), TaskError> {
    match what {
        What::Nothing => {}
        What::Fail => {
            return Err(TaskError::transient("trial", "it was told to fail").hint("tell it something else"));
        }
        What::Panic => panic!("it was told to panic"),
        What::PanicElsewhere => {
            let ended = std::thread::spawn(|| panic!("a thread was told to panic")).join();
            assert!(ended.is_err());
        }
        What::Exit(code) => exit(code),
        What::Abort => std::process::abort(),
        What::Signal(signal) => {
            eprintln!("last words");
            let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
            // The first SIGSEGV only makes the standard library take its handler away.
            loop {
                rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            }
        }
        What::WriteOutcomeAndDie => {
            let result = AttemptResult::Succeeded { outcome: Outcome::default() };
            let attempt_dir = ctx.attempt_log().path().with_extension("");
            keep_outcome(&attempt_dir, &ctx.run().attempt_id, result).unwrap();
            std::process::abort();
        }
        What::Print => {
            println!("{{\"t\":\"result\",\"id\":0}}");
            let mut line = String::new();
            assert_eq!(std::io::stdin().read_line(&mut line).unwrap(), 0, "standard input is empty");
        }
        What::Report => ctx.progress(0.25, "a quarter"),
        What::Wait => {
            touch(&ctx.resolve("waiting"));
            until(|| ctx.is_cancelled());
            return Err(TaskError::cancelled());
        }
        What::Ignore => {
            touch(&ctx.resolve("waiting"));
            loop {
                std::thread::park();
            }
        }
        What::WaitForGo => {
            touch(&ctx.resolve("waiting"));
            until(|| ctx.resolve("go").exists());
        }
        What::Leave(next) => {
            leave(Command::new("setsid"), &ctx.resolve("left"));
            act(ctx, *next)?;
        }
        What::LeaveUnmarked(next) => {
            let mut command = Command::new("env");
            command.args(["-i", "setsid"]);
            leave(command, &ctx.resolve("left"));
            act(ctx, *next)?;
        }
        What::WriteLink => {
            let path = ctx.output_path("value", PortType::File);
            std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        }
        What::Run(program) => assert!(Command::new(program).status().unwrap().success()),
        What::Say(n_characters) => ctx.summary("x".repeat(n_characters)),
        What::Fill(n_mebibytes) => {
            let filled = vec![1u8; n_mebibytes << 20];
            ctx.summary(filled.iter().map(|byte| usize::from(*byte)).sum::<usize>().to_string());
        }
        What::FillOutside(n_mebibytes) => {
            // It holds one line in memory until the line ends.
            let script = format!("head -c {n_mebibytes}m /dev/zero | tail -n 1 > /dev/null");
            let status = Command::new("/bin/sh").args(["-c", &script]).status().unwrap();
            return Err(TaskError::transient("trial", format!("it ended with {status}")));
        }
        What::Evade(next) => {
            let script = "trap '' TERM; echo $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; sleep 0.005; setsid --fork sh -c \"$0\" \"$0\" \"$1\"";
            let left = ctx.resolve("left");
            let mut command = Command::new("env");
            command.args(["-i", "setsid", "--fork", "sh", "-c", script, script]).arg(&left);
            assert!(
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            );
            until(|| left.exists());
            act(ctx, *next)?;
        }
        What::Tell(name) => {
            let secret = ctx.secret(&name).unwrap().to_owned();
            ctx.info(&secret);
            ctx.progress(0.5, &secret);
            ctx.summary(&secret);
            ctx.write_value("value", secret.clone().into())?;
            eprintln!("{secret}");
            assert!(std::thread::spawn(move || panic!("{secret}")).join().is_err());
        }
        What::WriteMuch(n_bytes) => ctx.write_value("value", "x".repeat(n_bytes).into())?,
    }
    Ok(())
}

/// Starts a process that only SIGKILL ends, and waits until it has written its number.
fn leave(mut command: Command, note: &Path) {
    let script = "trap '' TERM; echo $$ > \"$0.new\"; mv \"$0.new\" \"$0\"; exec sleep 600";
    command.args(["--fork", "/bin/sh", "-c", script]).arg(note);
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(started.success());
    until(|| note.exists());
}

fn touch(path: &Path) {
    std::fs::write(path, "").unwrap();
}

/// Waits for a condition, for at most half a minute.
#[track_caller]
pub(super) fn until(condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "ending the process is what is tried, and what a worker's main does"
)]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

pub(super) struct Kinds;

impl KindTable for Kinds {
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>> {
        (name == "trial").then(|| Arc::new(Trial) as Arc<dyn Kind>)
    }
}

/// No test, but the worker process of the tests: they start this program with it as the only test to run.
#[test]
fn worker_process() {
    if std::env::var_os(NONCE).is_some() {
        exit(serve(WorkerOptions { kinds: Arc::new(Kinds) }).into());
    }
}
