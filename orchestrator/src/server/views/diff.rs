//! What differs between two runs.

use schemars::JsonSchema;
use serde::Serialize;

use super::task::ChangeView;
use crate::run::{RunDiff, TaskDiff};

/// What differs between two runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct DiffView {
    pub(in crate::server) before: String,
    pub(in crate::server) after: String,
    /// How each of them is.
    pub(in crate::server) status: [&'static str; 2],
    /// Whether the workflow's file differs.
    pub(in crate::server) definition_changed: bool,
    pub(in crate::server) params: Vec<ChangeView>,
    pub(in crate::server) tasks: Vec<TaskDiffView>,
}

/// What differs between two runs of a task.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct TaskDiffView {
    pub(in crate::server) name: String,
    pub(in crate::server) state: [Option<&'static str>; 2],
    /// Seconds.
    pub(in crate::server) duration: [Option<f64>; 2],
    pub(in crate::server) key: Vec<ChangeView>,
    pub(in crate::server) metrics: Vec<MetricDiffView>,
    /// True when nothing but the time differs.
    pub(in crate::server) same: bool,
}

/// A metric in two runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct MetricDiffView {
    pub(in crate::server) metric: String,
    pub(in crate::server) before: Option<f64>,
    pub(in crate::server) after: Option<f64>,
    pub(in crate::server) difference: Option<f64>,
}

impl DiffView {
    pub(in crate::server) fn of(diff: &RunDiff) -> Self {
        Self {
            before: diff.before.to_string(),
            after: diff.after.to_string(),
            status: diff.status.map(crate::run::RunStatus::word),
            definition_changed: diff.definition_changed,
            params: diff.params.iter().map(ChangeView::of).collect(),
            tasks: diff.tasks.iter().map(TaskDiffView::of).collect(),
        }
    }
}

impl TaskDiffView {
    fn of(task: &TaskDiff) -> Self {
        let metrics = task
            .metrics
            .iter()
            .map(|metric| MetricDiffView {
                metric: metric.metric.clone(),
                before: metric.before,
                after: metric.after,
                difference: metric.difference,
            })
            .collect();
        Self {
            name: task.name.clone(),
            state: task.state,
            duration: task.seconds,
            key: task.key.iter().map(ChangeView::of).collect(),
            metrics,
            same: task.is_same(),
        }
    }
}
