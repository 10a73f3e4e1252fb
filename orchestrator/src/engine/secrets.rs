//! Secrets of a task, from where the workflow says that they are. Their text goes into the attempt's specification and nowhere else.

use std::{
    collections::BTreeMap,
    io::Read,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use sluicegate_plugin::{Secret, TaskError};

use crate::workflow::SecretSource;

/// How long a program that prints a secret may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Larger ones are no secrets, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Gets the text of every secret.
pub(super) fn resolve(
    sources: &BTreeMap<String, SecretSource>,
    base_dir: &Path,
) -> Result<BTreeMap<String, Secret>, TaskError> {
    sources
        .iter()
        .map(|(name, source)| {
            let text = text_of(source, base_dir).map_err(|(reason, hint)| {
                TaskError::permanent("no_secret", format!("secret `{name}`: {reason}")).hint(hint)
            })?;
            Ok((name.clone(), Secret::new(text)))
        })
        .collect()
}

/// Gets the text of one secret; what is wrong otherwise, in words. Blocks.
pub fn secret_text(source: &SecretSource, base_dir: &Path) -> Result<String, String> {
    text_of(source, base_dir).map_err(|(reason, hint)| format!("{reason}; {hint}"))
}

type Refusal = (String, String);

fn text_of(source: &SecretSource, base_dir: &Path) -> Result<String, Refusal> {
    let text = match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
            let reason = format!("the environment variable `{variable}` is not set, or not UTF-8");
            (reason, format!("set `{variable}` for the process that runs `sluice`"))
        })?,
        SecretSource::File(path) => read(&base_dir.join(path))?,
        SecretSource::Command(command) => output_of(command, base_dir)?,
    };
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(("it is empty".into(), "look at where it comes from".into()));
    }
    Ok(text.to_owned())
}

fn read(path: &Path) -> Result<String, Refusal> {
    let refused = |error: &dyn std::fmt::Display| {
        let reason = format!("cannot read `{}`: {error}", path.display());
        (reason, "the path starts from the workflow's folder".to_owned())
    };
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut text))
        .map_err(|error| refused(&error))?;
    text_within_limit(text).map_err(|how| refused(&format!("it {how}")))
}

/// What a program prints. What it says on its standard error may hold anything, and is not passed on.
fn output_of(command: &[String], base_dir: &Path) -> Result<String, Refusal> {
    let Some((program, args)) = command.split_first() else {
        return Err(("its command is empty".into(), "name a program that prints it".into()));
    };
    let refused = |how: String| (format!("`{program}` {how}"), format!("run `{program}` by hand to see why"));
    let mut child = Command::new(program)
        .args(args)
        .current_dir(base_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| refused(format!("cannot be started: {error}")))?;
    let Some(stdout) = child.stdout.take() else { return Err(refused("has no standard output".into())) };
    let (tx, printed) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.take(MAX_SECRET + 1).read_to_end(&mut text);
        let _ = tx.send(read.map(|_| text));
    });
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(None) if start.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            ended => break ended.ok().flatten(),
        }
    };
    // What it left running in its group would keep its output open.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    let (Ok(Ok(text)), Some(status)) = (printed.recv_timeout(PATIENCE), status) else {
        return Err(refused(format!("did not end within {} s", PATIENCE.as_secs())));
    };
    if !status.success() {
        return Err(refused(format!("failed: {status}")));
    }
    text_within_limit(text).map_err(refused)
}

fn text_within_limit(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > MAX_SECRET {
        return Err(format!("gives more than {MAX_SECRET} bytes, which is no secret"));
    }
    String::from_utf8(bytes).map_err(|_| "gives no UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: SecretSource, base_dir: &Path) -> Result<String, TaskError> {
        let sources = BTreeMap::from([("TOKEN".to_owned(), source)]);
        resolve(&sources, base_dir).map(|found| found["TOKEN"].reveal().to_owned())
    }

    #[test]
    fn a_secret_comes_from_a_file_or_a_program_without_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "s3cret\n").unwrap();
        assert_eq!(one(SecretSource::File("token".into()), folder.path()).unwrap(), "s3cret");
        let command = ["sh", "-c", "cat token; echo noise >&2"].map(str::to_owned).to_vec();
        assert_eq!(one(SecretSource::Command(command), folder.path()).unwrap(), "s3cret");
    }

    #[test]
    fn a_secret_that_cannot_be_had_is_named_and_nothing_of_the_program_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"].map(str::to_owned).to_vec();
        let error = one(SecretSource::Command(command), folder.path()).unwrap_err();
        assert_eq!(error.message, "secret `TOKEN`: `sh` failed: exit status: 3");
        let error = one(SecretSource::Env("SLUICE_NO_SUCH_VARIABLE".into()), folder.path()).unwrap_err();
        assert!(error.message.contains("SLUICE_NO_SUCH_VARIABLE"), "{}", error.message);
    }
}
