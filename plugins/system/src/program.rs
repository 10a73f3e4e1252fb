//! Running a program to its end, with its output going straight to the attempt's log.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
};

use sluicegate_plugin::{Context, Exit, RunInfo, TaskError};

use crate::{masked::MaskedPipe, wait::Patience};

/// How much of the log's end goes into an error.
const TAIL: u64 = 2000;

/// Tells a program which attempt it belongs to. The attempt's id is what a probe is asked about later.
pub(crate) fn introduce(command: &mut Command, info: &RunInfo) {
    command
        .env("SLUICE_RUN_ID", &info.run_id)
        .env("SLUICE_WORKFLOW", &info.workflow)
        .env("SLUICE_TASK", &info.task)
        .env("SLUICE_ATTEMPT", info.attempt.to_string())
        .env("SLUICE_ATTEMPT_ID", &info.attempt_id);
}

/// Runs a program in a process group of its own. Fails unless it ends with one of `ok_codes`.
///
/// Nothing here asks for code between fork and exec, so the standard library can spawn without copying the worker's page tables.
pub(crate) fn run(
    ctx: &Context,
    mut command: Command,
    name: &str,
    ok_codes: &[i32],
) -> Result<(), TaskError> {
    let mut log = ctx.log_file()?;
    let start = log.seek(SeekFrom::End(0)).unwrap_or(0);
    introduce(&mut command, ctx.run());
    command.envs(ctx.env()).envs(ctx.secrets()).stdin(Stdio::null()).process_group(0);
    let io = |error: std::io::Error| TaskError::io("open", ctx.attempt_log().path(), &error);
    let pipe = if ctx.attempt_log().mask().is_empty() {
        command.stdout(log.try_clone().map_err(io)?).stderr(log);
        None
    } else {
        let (pipe, stdout, stderr) = MaskedPipe::new(log, ctx.attempt_log().mask().clone()).map_err(io)?;
        command.stdout(stdout).stderr(stderr);
        Some(pipe)
    };
    let child = command.spawn().map_err(|error| not_started(name, &error))?;
    // The command holds ends of the pipe, which is dry only when all are closed.
    drop(command);
    let waited = Patience { is_cancelled: &|| ctx.is_cancelled() }.wait(child);
    if let Some(pipe) = pipe {
        pipe.drain();
    }
    let status = waited.map_err(|error| TaskError::transient("wait", error.to_string()))?;
    let Some(status) = status else { return Err(TaskError::cancelled()) };
    if status.code().is_some_and(|code| ok_codes.contains(&code)) {
        return Ok(());
    }
    Err(unsuccessful(name, status, &last_lines(ctx, start)))
}

fn unsuccessful(name: &str, status: ExitStatus, last: &str) -> TaskError {
    let (how, exit) = match (status.code(), status.signal()) {
        (Some(code), _) => (format!("exited with code {code}"), Some(Exit::Code(code))),
        (None, Some(signal)) => (format!("was killed by signal {signal}"), Some(Exit::Signal(signal))),
        (None, None) => ("ended".into(), None),
    };
    let said = if last.is_empty() { String::new() } else { format!("; it last wrote:\n{last}") };
    TaskError { exit, ..TaskError::transient("exit_code", format!("`{name}` {how}{said}")) }
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

/// The last lines that the program wrote, at most five.
fn last_lines(ctx: &Context, start: u64) -> String {
    let Ok(mut log) = File::open(ctx.attempt_log().path()) else { return String::new() };
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
