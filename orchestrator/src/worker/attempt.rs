//! Running one attempt in this process: the part that workers and inline tasks share.

use std::{
    any::Any,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{
    AttemptLog, AttemptSpec, Context, ContextOptions, Finished, Kind, Output, PortType, TaskError,
    with_causes,
};

use super::{
    limit::Limit,
    panics::{PanicLog, PanicScope},
};
use crate::{
    artifact::{ArtifactError, ArtifactStore},
    run::{AttemptResult, Outcome, OutputArtifact},
};

/// The version of the outcome file. A file of a later version is not read.
const OUTCOME_VERSION: u32 = 1;

/// Larger values, in bytes, do not fit into events.
const MAX_VALUE: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct OutcomeFile {
    version: u32,
    attempt_id: String,
    result: AttemptResult,
}

/// An attempt that is about to run in this process.
pub(super) struct Attempt<'a> {
    pub(super) kind: &'a Arc<dyn Kind>,
    pub(super) spec: AttemptSpec,
    pub(super) options: ContextOptions,
    pub(super) artifacts: &'a ArtifactStore,
    pub(super) panics: PanicScope,
    pub(super) limit: &'a Limit,
}

impl Attempt<'_> {
    /// Runs the task and takes its outputs in. Whatever panics, this returns. What was staged is gone then, and so is an empty log.
    pub(super) fn run(self) -> AttemptResult {
        let Self { kind, mut spec, options, artifacts, panics, limit } = self;
        let (cancel, attempt_dir) = (options.cancel.clone(), spec.attempt_dir.clone());
        let staging = options.staging.clone();
        let params = spec.params.clone();
        let plugin = spec.plugin.take().map(|plugin| plugin.name);
        let ctx = Context::new(spec, options);
        let log = ctx.attempt_log();
        for warning in limit.warnings() {
            // A log that cannot be written does not change the result.
            let _ = log.line(&format!("warning: {warning}"));
        }
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let _panics = PanicLog::new(log.clone(), panics);
            run_task(kind.as_ref(), &ctx, params, artifacts)
        }));
        let result = match ran.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
            Ok(outcome) => AttemptResult::Succeeded { outcome },
            Err(error) if error.code == TaskError::CANCELLED && cancel.is_cancelled() => {
                AttemptResult::Cancelled
            }
            Err(error) => {
                let error = log.mask().error(limit.explain(named(error, plugin.as_deref())));
                log_error(log, &error);
                AttemptResult::Failed { error }
            }
        };
        match staging {
            Some(staging) => drop(std::fs::remove_dir_all(staging)),
            None if ctx.has_staged() => remove_staged(&attempt_dir),
            None => {}
        }
        log.close();
        result
    }
}

fn run_task(
    kind: &dyn Kind,
    ctx: &Context,
    params: Value,
    artifacts: &ArtifactStore,
) -> Result<Outcome, TaskError> {
    let wanted = kind.ports(&params).unwrap_or_else(|| kind.describe().ports).outputs;
    kind.run(ctx, params)?;
    let finished = ctx.finish();
    for port in wanted.iter().filter(|port| !port.optional) {
        if !finished.outputs.get(&port.name).is_some_and(is_written) {
            let message = format!("output `{}` was not written", port.name);
            return Err(TaskError::permanent("missing_output", message));
        }
    }
    take_in(finished, artifacts)
}

/// Writes an outcome to its file, whole or not at all. The orchestrator that is told makes it durable with the event; without
/// one, [`keep_outcome_durably`] does.
pub(super) fn keep_outcome(
    attempt_dir: &Path,
    attempt_id: &str,
    result: AttemptResult,
) -> Result<(), TaskError> {
    let path = attempt_dir.join("outcome.json");
    let file = OutcomeFile { version: OUTCOME_VERSION, attempt_id: attempt_id.into(), result };
    let text = serde_json::to_vec(&file).map_err(|error| {
        TaskError::permanent("bad_outcome", format!("the outcome cannot be written as JSON: {error}"))
    })?;
    let staged = attempt_dir.join(".outcome.json");
    std::fs::create_dir_all(attempt_dir)
        .and_then(|()| std::fs::write(&staged, &text))
        .and_then(|()| std::fs::rename(&staged, &path))
        .map_err(|error| TaskError::io("write", &path, &error))
}

/// Writes an outcome so that it survives the machine: when there is no orchestrator whose event would.
pub(super) fn keep_outcome_durably(
    attempt_dir: &Path,
    attempt_id: &str,
    result: AttemptResult,
) -> Result<(), TaskError> {
    keep_outcome(attempt_dir, attempt_id, result)?;
    File::open(attempt_dir.join("outcome.json"))
        .and_then(|outcome| outcome.sync_all())
        .and_then(|()| File::open(attempt_dir)?.sync_all())
        .map_err(|error| TaskError::io("sync", attempt_dir, &error))
}

/// Reads the outcome of an attempt, when it was written.
pub fn read_outcome(attempt_dir: &Path, attempt_id: &str) -> Option<AttemptResult> {
    let text = std::fs::read(attempt_dir.join("outcome.json")).ok()?;
    let file: OutcomeFile = serde_json::from_slice(&text).ok()?;
    (file.version <= OUTCOME_VERSION && file.attempt_id == attempt_id).then_some(file.result)
}

/// Removes what an attempt left behind that did not end in order, or whose outcome had to be kept in a file. A log that has lines stays.
pub fn tidy_attempt(attempt_dir: &Path) {
    let _ = std::fs::remove_file(attempt_dir.join("outcome.json"));
    remove_staged(attempt_dir);
    let log = AttemptLog::path_of(attempt_dir);
    if log.metadata().is_ok_and(|about| about.len() == 0) {
        let _ = std::fs::remove_file(log);
    }
}

/// Removes what is still staged: it belongs to an attempt that did not succeed. Outputs that were taken in have been moved away.
fn remove_staged(attempt_dir: &Path) {
    let _ = std::fs::remove_dir_all(attempt_dir.join("out"));
    // Refused while anything else is in it.
    let _ = std::fs::remove_dir(attempt_dir);
}

/// Says which plugin an error comes from.
fn named(error: TaskError, plugin: Option<&str>) -> TaskError {
    match plugin.filter(|name| !error.message.contains(&format!("plugin `{name}`"))) {
        Some(name) => TaskError { message: format!("plugin `{name}`: {}", error.message), ..error },
        None => error,
    }
}

fn panicked(panic: &(dyn Any + Send)) -> TaskError {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    TaskError::panicked(message)
}

/// A log that cannot be written does not change the result.
pub(super) fn log_error(log: &AttemptLog, error: &TaskError) {
    let mut lines = vec![format!("error: {}", error.message)];
    lines.extend(error.hints.iter().map(|hint| format!("hint: {hint}")));
    let _ = log.line(&lines.join("\n"));
}

/// A link that leads nowhere was written too: it is refused as what it is.
fn is_written(output: &Output) -> bool {
    output.path.symlink_metadata().is_ok()
}

fn take_in(finished: Finished, artifacts: &ArtifactStore) -> Result<Outcome, TaskError> {
    let Finished { outputs, metrics, verdict, summary } = finished;
    let mut outcome = Outcome { metrics, verdict, summary, ..Outcome::default() };
    let written = outputs.into_iter().filter(|(_, output)| is_written(output));
    for (port, Output { port_type, path, value }) in written {
        let n_bytes = path.metadata().map_or(0, |about| about.len());
        if port_type == PortType::Value && n_bytes > MAX_VALUE {
            let message = format!("output `{port}` is a value of {n_bytes} bytes; at most {MAX_VALUE} fit");
            return Err(TaskError::permanent("large_value", message).hint("write a file or a table instead"));
        }
        let artifact = artifacts.adopt(&path).map_err(|error| not_kept(&port, &error))?;
        outcome
            .outputs
            .insert(port, OutputArtifact { port_type, hash: artifact.hash, size: artifact.size, value });
    }
    Ok(outcome)
}

fn not_kept(port: &str, error: &ArtifactError) -> TaskError {
    let message = format!("output `{port}` could not be kept: {}", with_causes(error));
    match error {
        ArtifactError::NotAFile { .. } => TaskError::permanent("bad_output", message)
            .hint("write a regular file; links and folders are not taken"),
        _ => TaskError::transient("artifact", message),
    }
}
