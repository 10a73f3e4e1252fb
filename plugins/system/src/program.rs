//! Running a program to its end, with its output going straight to the attempt's log.

use std::{
    io::{Read, Seek, SeekFrom},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use sluicegate_plugin::{Context, TaskError};

/// How often a cancelled run is noticed.
const LOOK: Duration = Duration::from_millis(20);

/// How long a program may take to stop.
const GRACE: Duration = Duration::from_secs(2);

/// How much of the log's end goes into an error.
const TAIL: u64 = 2000;

/// Runs a program in a process group of its own. Fails unless it ends with one of `ok_codes`.
pub(crate) fn run(
    ctx: &Context,
    mut command: Command,
    name: &str,
    ok_codes: &[i32],
) -> Result<(), TaskError> {
    let (stdout, mut log) = (ctx.log_file()?, ctx.log_file()?);
    let start = log.seek(SeekFrom::End(0)).unwrap_or(0);
    command.envs(ctx.env()).stdin(Stdio::null()).stdout(stdout).stderr(ctx.log_file()?).process_group(0);
    let info = ctx.run();
    command
        .env("SLUICE_RUN_ID", &info.run_id)
        .env("SLUICE_WORKFLOW", &info.workflow)
        .env("SLUICE_TASK", &info.task)
        .env("SLUICE_ATTEMPT", info.attempt.to_string());
    let child = command.spawn().map_err(|error| not_started(name, &error))?;
    let status = wait(ctx, child)?;
    if status.code().is_some_and(|code| ok_codes.contains(&code)) {
        return Ok(());
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".into(),
    };
    let last = last_lines(ctx, start);
    let said = if last.is_empty() { String::new() } else { format!("; it last wrote:\n{last}") };
    Err(TaskError::transient("exit_code", format!("`{name}` {how}{said}")))
}

fn not_started(name: &str, error: &std::io::Error) -> TaskError {
    let failed = TaskError::permanent("not_started", format!("`{name}` cannot be started: {error}"));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            failed.hint("install it, or give its full path; a relative `cwd` must exist too")
        }
        std::io::ErrorKind::PermissionDenied => failed.hint("make the file executable"),
        _ => failed,
    }
}

/// Waits for the end; a cancelled task is ended politely, then not.
fn wait(ctx: &Context, mut child: Child) -> Result<ExitStatus, TaskError> {
    let group = Pid::from_child(&child);
    let (tx, ended) = mpsc::channel();
    std::thread::spawn(move || tx.send(child.wait()));
    let mut asked: Option<Instant> = None;
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(_) if asked.is_some() => {
                let _ = kill_process_group(group, Signal::KILL);
                return Err(TaskError::cancelled());
            }
            Ok(status) => return status.map_err(|error| TaskError::transient("wait", error.to_string())),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(TaskError::transient("wait", "the program's end was not seen"));
            }
        }
        match asked {
            None if ctx.is_cancelled() => {
                let _ = kill_process_group(group, Signal::TERM);
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE => {
                let _ = kill_process_group(group, Signal::KILL);
            }
            _ => {}
        }
    }
}

/// The last lines that the program wrote, at most five.
fn last_lines(ctx: &Context, start: u64) -> String {
    let Ok(mut log) = std::fs::File::open(ctx.log_file_path()) else { return String::new() };
    let end = log.seek(SeekFrom::End(0)).unwrap_or(start);
    let from = start.max(end.saturating_sub(TAIL));
    let mut bytes = Vec::new();
    if log.seek(SeekFrom::Start(from)).is_err() || log.read_to_end(&mut bytes).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
