//! Attempts that run a workflow: as a run of its own, with the task's run as its parent.

use std::{collections::BTreeMap, io, path::Path, pin::Pin};

use serde_json::Value;
use sluicegate_plugin::{AttemptSpec, Decision, TaskError, Verdict};

use super::{Engine, EngineError, RunHandle, StartRequest};
use crate::{
    run::{AttemptResult, Cause, Outcome, Run, RunId, RunStatus, TaskState},
    worker::{AttemptControl, StopReason},
    workflow::{CheckOptions, Nested, Source, Workflow, check},
};

/// What to run, and for whom.
pub(super) struct NestedAttempt {
    pub(super) engine: Engine,
    pub(super) nested: Nested,
    pub(super) spec: AttemptSpec,
    pub(super) parent: RunId,
    /// Why the parent runs: so does what it runs.
    pub(super) cause: Option<Cause>,
    pub(super) child: RunId,
    pub(super) use_cache: bool,
}

/// A future of its own type, because a run that starts a run would otherwise be part of itself.
type Nesting = Pin<Box<dyn Future<Output = AttemptResult> + Send>>;

impl NestedAttempt {
    /// Starts the run and waits for its end. A stop cancels it.
    pub(super) fn run(self, control: AttemptControl) -> Nesting {
        Box::pin(async move {
            match self.start().await {
                Ok(handle) => follow(handle, control).await,
                Err(error) => AttemptResult::Failed { error },
            }
        })
    }

    /// Starts the run; one that an earlier attempt started goes on with what did not succeed.
    async fn start(self) -> Result<RunHandle, TaskError> {
        let known = self.engine.options.store.row(self.child).map_err(|error| not_run(&error.into()))?;
        if known.is_some() {
            return self.engine.retry(self.child).map_err(|error| not_run(&error));
        }
        let workflow = self.checked()?;
        let Self { engine, nested, parent, cause, child, use_cache, .. } = self;
        let (base_dir, file) = (nested.base_dir, nested.file);
        let request = StartRequest { workflow, base_dir, file, use_cache, started_by: String::new() };
        engine.start_within(child, parent, cause, request).await.map_err(|error| not_run(&error))
    }

    /// The workflow with the parameters that the task gives it.
    fn checked(&self) -> Result<Workflow, TaskError> {
        let given = self.spec.params.get("params").and_then(Value::as_object);
        let overrides: BTreeMap<String, String> = given
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        let file = self.nested.file.display().to_string();
        let source = Source { name: file.clone(), bytes: self.nested.source.clone().into_bytes() };
        let options = CheckOptions {
            overrides: &overrides,
            base_dir: &self.nested.base_dir,
            kinds: self.engine.options.catalog.as_ref(),
            load: &|path| frozen(&self.nested, path),
            project_pools: &self.engine.options.pools,
            scheduled: false,
        };
        let checked = check(&source, &options);
        checked.workflow.ok_or_else(|| {
            let reasons: Vec<_> =
                checked.diagnostics.iter().map(|problem| problem.message.as_str()).collect();
            let message =
                format!("workflow `{file}` cannot run with these parameters: {}", reasons.join("; "));
            TaskError::permanent("bad_workflow", message)
        })
    }
}

/// A workflow that the nested one runs in turn, as it was when the plan was made.
fn frozen(nested: &Nested, path: &Path) -> io::Result<Vec<u8>> {
    let text = nested
        .files
        .get(path)
        .ok_or_else(|| io::Error::other("it was not there when the run was planned"))?;
    Ok(text.clone().into_bytes())
}

/// Waits for the end of a run that a task started, and says what that means for the task.
pub(super) async fn follow(handle: RunHandle, mut control: AttemptControl) -> AttemptResult {
    let mut stopped = None;
    let stop = async {
        let reason = control.stopped().await;
        stopped = Some(reason);
        match reason {
            StopReason::Cancelled => "the run that started it was cancelled".to_owned(),
            StopReason::TimedOut { after } => format!("its task took longer than its timeout of {after} s"),
        }
    };
    let ended = handle.wait_or_stop(stop).await;
    match (ended, stopped) {
        (Ok(run), Some(StopReason::TimedOut { after })) if run.status() == RunStatus::Cancelled => {
            AttemptResult::TimedOut { after, stubborn: None }
        }
        (Ok(run), _) => result_of(&run),
        // The orchestrator leaves, and so does the run that waits for this one; the next one goes on with both.
        (Err(EngineError::Left(_)), _) => std::future::pending().await,
        (Err(error), _) => AttemptResult::Failed { error: not_run(&error) },
    }
}

fn not_run(error: &EngineError) -> TaskError {
    TaskError::transient(
        "workflow",
        format!("the workflow could not run: {}", sluicegate_plugin::with_causes(error)),
    )
}

/// What the end of a run means for the task that started it.
pub(super) fn result_of(run: &Run) -> AttemptResult {
    let name = &run.workflow().name;
    match run.status() {
        RunStatus::Succeeded | RunStatus::Rejected => AttemptResult::Succeeded { outcome: outcome_of(run) },
        RunStatus::Cancelled => AttemptResult::Cancelled,
        status => {
            let failed = run
                .tasks()
                .find(|(_, _, record)| matches!(record.state, TaskState::Failed | TaskState::Unknown));
            let why = match (run.cancel_reason(), failed) {
                (Some(reason), _) => reason.to_owned(),
                (None, Some((_, task, record))) => {
                    let reason = record.error.as_ref().map_or("its outcome was lost", |e| e.message.as_str());
                    format!("`{}`: {reason}", task.name)
                }
                (None, None) => format!("it is {status}"),
            };
            let error = TaskError::transient("workflow_failed", format!("workflow `{name}` failed: {why}"));
            AttemptResult::Failed {
                error: error.hint(format!("`sluice runs show {}` tells its story", run.id())),
            }
        }
    }
}

/// The outputs that the workflow declares, and what its gates said.
fn outcome_of(run: &Run) -> Outcome {
    let mut outcome =
        Outcome { summary: Some(format!("run {} {}", run.id(), run.status())), ..Outcome::default() };
    for (name, from) in &run.workflow().outputs {
        let left = run.record(from.task).outcome.as_ref();
        if let Some(output) = left.and_then(|left| left.outputs.get(&from.port)) {
            outcome.outputs.insert(name.clone(), output.clone());
        }
    }
    if run.status() == RunStatus::Rejected {
        let verdicts = run.tasks().filter_map(|(_, _, record)| record.outcome.as_ref()?.verdict.as_ref());
        let unmet: Vec<_> = verdicts.filter(|verdict| verdict.decision != Decision::Pass).collect();
        let rejected = unmet.iter().any(|verdict| verdict.decision == Decision::Reject);
        let decision = if rejected { Decision::Reject } else { Decision::Insufficient };
        let requirements = unmet.iter().flat_map(|verdict| verdict.requirements.iter().cloned()).collect();
        outcome.verdict = Some(Verdict { decision, requirements });
    }
    outcome
}
