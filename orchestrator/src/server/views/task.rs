//! Tasks of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sluicegate_plugin::TaskError;

use super::{VerdictView, rfc3339};
use crate::{
    run::{CacheMiss, OutputArtifact, PartChange, Run, TaskRecord, TaskState, Timestamp},
    workflow::{Task, TaskIdx},
};

/// Why something failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct FailureView {
    pub(in crate::server) code: String,
    pub(in crate::server) message: String,
    pub(in crate::server) hints: Vec<String>,
}

impl FailureView {
    fn of(error: &TaskError) -> Self {
        Self { code: error.code.clone(), message: error.message.clone(), hints: error.hints.clone() }
    }
}

/// What stands behind an output.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct OutputView {
    pub(in crate::server) port: String,
    /// `table`, `model`, `report`, `verdict`, `file` or `value`.
    #[serde(rename = "type")]
    pub(in crate::server) port_type: String,
    /// BLAKE3 of the content; `GET /api/v1/artifacts/HASH` has it.
    pub(in crate::server) hash: String,
    /// Bytes.
    pub(in crate::server) size: u64,
    /// The value itself, for a `value`.
    pub(in crate::server) value: Option<Value>,
}

impl OutputView {
    fn of(port: &str, output: &OutputArtifact) -> Self {
        Self {
            port: port.to_owned(),
            port_type: output.port_type.to_string(),
            hash: output.hash.clone(),
            size: output.size,
            value: output.value.clone(),
        }
    }
}

/// A task of a run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct TaskView {
    pub(in crate::server) name: String,
    pub(in crate::server) kind: String,
    /// `blocked`, `ready`, `running`, `waiting`, `succeeded`, `failed`, `skipped`, `cancelled` or `unknown`.
    pub(in crate::server) state: &'static str,
    /// Why it is so, for people.
    pub(in crate::server) why: String,
    pub(in crate::server) attempts: u32,
    /// True when an earlier outcome was used.
    pub(in crate::server) cached: bool,
    pub(in crate::server) started_at: Option<String>,
    pub(in crate::server) ended_at: Option<String>,
    /// Seconds.
    pub(in crate::server) duration: Option<f64>,
    /// The tasks that stand before it.
    pub(in crate::server) after: Vec<String>,
    /// The run that it started.
    pub(in crate::server) run: Option<String>,
    pub(in crate::server) summary: Option<String>,
    pub(in crate::server) error: Option<FailureView>,
    pub(in crate::server) metrics: BTreeMap<String, f64>,
    pub(in crate::server) verdict: Option<VerdictView>,
    pub(in crate::server) outputs: Vec<OutputView>,
}

impl TaskView {
    pub(in crate::server) fn of(
        run: &Run,
        idx: TaskIdx,
        task: &Task,
        record: &TaskRecord,
        now: Timestamp,
    ) -> Self {
        let outcome = record.outcome.as_ref();
        Self {
            name: task.name.clone(),
            kind: task.kind.clone(),
            state: record.state.word(),
            why: why(run, record),
            attempts: record.n_attempts,
            cached: matches!(record.state, TaskState::Succeeded { origin: Some(_) }),
            started_at: record.started_at.map(rfc3339),
            ended_at: record.ended_at.map(rfc3339),
            duration: record.seconds(now),
            after: before(run, idx, task),
            run: record.child.map(|child| child.to_string()),
            summary: outcome.and_then(|outcome| outcome.summary.clone()),
            error: record.error.as_ref().map(FailureView::of),
            metrics: outcome.map(|outcome| outcome.metrics.clone()).unwrap_or_default(),
            verdict: outcome.and_then(|outcome| outcome.verdict.as_ref()).map(VerdictView::of),
            outputs: outcome
                .map(|outcome| {
                    outcome.outputs.iter().map(|(port, output)| OutputView::of(port, output)).collect()
                })
                .unwrap_or_default(),
        }
    }
}

/// The names of the tasks that stand directly before a task.
fn before(run: &Run, idx: TaskIdx, task: &Task) -> Vec<String> {
    if run.item(idx).is_some() {
        return Vec::new();
    }
    let inputs = task.inputs.values().map(|input| input.task);
    let mut all: Vec<_> =
        inputs.chain(task.needs.iter().copied()).chain(task.mentions.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|idx| run.task(idx).name.clone()).collect()
}

/// A part of what a task depends on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PartView {
    pub(in crate::server) part: String,
    pub(in crate::server) value: String,
}

/// A part that is not what it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ChangeView {
    pub(in crate::server) part: String,
    pub(in crate::server) before: Option<String>,
    pub(in crate::server) after: Option<String>,
}

impl ChangeView {
    pub(in crate::server) fn of(change: &PartChange) -> Self {
        Self { part: change.part.clone(), before: change.before.clone(), after: change.after.clone() }
    }
}

/// A task with all that is known of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct TaskDetail {
    #[serde(flatten)]
    pub(in crate::server) task: TaskView,
    /// The parameters of the latest attempt, expressions evaluated.
    pub(in crate::server) params: Value,
    /// What its outcome depends on.
    pub(in crate::server) key: Vec<PartView>,
    /// What changed since its latest outcome, when that is why it ran.
    pub(in crate::server) changes: Vec<ChangeView>,
    /// Attempts that left a log.
    pub(in crate::server) logs: Vec<u32>,
}

impl TaskDetail {
    pub(in crate::server) fn of(
        run: &Run,
        idx: TaskIdx,
        task: &Task,
        record: &TaskRecord,
        now: Timestamp,
        logs: Vec<u32>,
    ) -> Self {
        let part = |(part, value): (&String, &String)| PartView { part: part.clone(), value: value.clone() };
        let changes = match &record.miss {
            Some(CacheMiss::Changed { changes }) => changes.iter().map(ChangeView::of).collect(),
            _ => Vec::new(),
        };
        Self {
            task: TaskView::of(run, idx, task, record, now),
            params: record.params.clone(),
            key: record.key.as_ref().map(|key| key.parts.iter().map(part).collect()).unwrap_or_default(),
            changes,
            logs,
        }
    }
}

/// Why a task is as it is, as a fragment for people.
pub(in crate::server) fn why(run: &Run, record: &TaskRecord) -> String {
    match &record.state {
        TaskState::Succeeded { origin: Some(origin) } => {
            format!("nothing it depends on changed since run {}, whose outcome was used", origin.run)
        }
        TaskState::Skipped { reason } => reason.to_string(),
        TaskState::Cancelled => run.cancel_reason().unwrap_or("the run was cancelled").to_owned(),
        TaskState::Blocked => "it waits for tasks before it".into(),
        TaskState::Ready | TaskState::Claimed => "it waits for a free slot".into(),
        TaskState::Waiting { until } => format!("it is tried again at {}", rfc3339(*until)),
        TaskState::Unknown => "its outcome was lost, and it must not happen twice".into(),
        TaskState::Expanded | TaskState::Running { .. } | TaskState::Succeeded { .. } | TaskState::Failed => {
            record.miss.as_ref().map(missed).unwrap_or_default()
        }
    }
}

fn missed(miss: &CacheMiss) -> String {
    match miss {
        CacheMiss::NotCached => "tasks of its kind are not cached".into(),
        CacheMiss::Refused => "the cache was refused".into(),
        CacheMiss::FirstTime => "it never succeeded in this workflow before".into(),
        CacheMiss::ArtifactGone { port } => format!("the cached output `{port}` is gone"),
        CacheMiss::Changed { changes } => match changes.as_slice() {
            [] => "its earlier outcome is no longer known".into(),
            [one] => format!("`{}` changed", one.part),
            [first, rest @ ..] => format!("`{}` and {} more changed", first.part, rest.len()),
        },
    }
}
