//! Running one attempt in this process: the part that workers and inline tasks share.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sluicegate_plugin::{AttemptSpec, Context, ContextOptions, Finished, Kind, LogLevel, TaskError};

use crate::{
    artifact::{ArtifactStore, write_durably},
    run::{AttemptResult, Outcome, OutputArtifact},
};

/// The version of the outcome file.
const OUTCOME_VERSION: u32 = 1;

/// Larger values than this do not fit into events.
const MAX_VALUE: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct OutcomeFile {
    version: u32,
    attempt_id: String,
    result: AttemptResult,
}

/// Runs an attempt, takes its outputs in, and writes its outcome to a file before anyone is told.
pub(super) fn run_attempt(
    kind: &Arc<dyn Kind>,
    spec: AttemptSpec,
    options: ContextOptions,
    artifacts: &ArtifactStore,
) -> AttemptResult {
    let attempt_dir = spec.attempt_dir.clone();
    let attempt_id = spec.run.attempt_id.clone();
    let result = match try_run(kind, spec, options, artifacts) {
        Ok(outcome) => AttemptResult::Succeeded { outcome },
        Err(error) if error.code == TaskError::CANCELLED => AttemptResult::Cancelled,
        Err(error) => AttemptResult::Failed { error },
    };
    let file = OutcomeFile { version: OUTCOME_VERSION, attempt_id, result };
    let path = attempt_dir.join("outcome.json");
    let written = serde_json::to_vec(&file).map_err(std::io::Error::other).and_then(|text| write_durably(&path, &text));
    match written {
        Ok(()) => file.result,
        Err(error) => AttemptResult::Failed { error: TaskError::io("write", &path, &error) },
    }
}

/// Reads the outcome of an attempt, when it was written.
pub fn read_outcome(attempt_dir: &Path, attempt_id: &str) -> Option<AttemptResult> {
    let text = std::fs::read(attempt_dir.join("outcome.json")).ok()?;
    let file: OutcomeFile = serde_json::from_slice(&text).ok()?;
    (file.version <= OUTCOME_VERSION && file.attempt_id == attempt_id).then_some(file.result)
}

fn try_run(
    kind: &Arc<dyn Kind>,
    spec: AttemptSpec,
    options: ContextOptions,
    artifacts: &ArtifactStore,
) -> Result<Outcome, TaskError> {
    let params = spec.params.clone();
    let ctx = Context::open(spec, options)?;
    let ran = catch_unwind(AssertUnwindSafe(|| kind.run(&ctx, params.clone())));
    let result = ran.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    if let Err(error) = &result {
        ctx.log(LogLevel::Error, &error.message);
        for hint in &error.hints {
            ctx.log(LogLevel::Info, &format!("hint: {hint}"));
        }
    }
    result?;
    let wanted = kind.ports(&params).unwrap_or_else(|| kind.describe().ports).outputs;
    let finished = ctx.finish();
    for port in wanted.iter().filter(|port| !port.optional) {
        if !finished.outputs.get(&port.name).is_some_and(|output| output.path.exists()) {
            let message = format!("output `{}` was not written", port.name);
            return Err(TaskError::permanent("missing_output", message));
        }
    }
    take_in(finished, artifacts)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> TaskError {
    let message = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".into());
    TaskError::permanent("panic", format!("the task panicked: {message}"))
        .hint("this is a mistake in the kind; please report it with the task's log")
}

fn take_in(finished: Finished, artifacts: &ArtifactStore) -> Result<Outcome, TaskError> {
    let mut outcome = Outcome {
        metrics: finished.metrics,
        verdict: finished.verdict,
        summary: finished.summary,
        ..Outcome::default()
    };
    for (port, output) in finished.outputs {
        if !output.path.exists() {
            continue;
        }
        let artifact = artifacts.adopt(&output.path).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|e| format!(": {e}")).unwrap_or_default();
            TaskError::transient("artifact", format!("output `{port}` could not be kept: {error}{cause}"))
        })?;
        if output.value.is_some() && artifact.size > MAX_VALUE {
            let message = format!("output `{port}` is a value of {} bytes; at most {MAX_VALUE} fit", artifact.size);
            return Err(TaskError::permanent("large_value", message).hint("write a file or a table instead"));
        }
        let (hash, size) = (artifact.hash, artifact.size);
        outcome.outputs.insert(port, OutputArtifact { port_type: output.port_type, hash, size, value: output.value });
    }
    Ok(outcome)
}
