//! Workflow files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::facade::{CheckedWorkflow, ParamSpec, WorkflowFile};
use crate::workflow::{self, Workflow};

/// Every workflow, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct WorkflowList {
    pub(in crate::server) workflows: Vec<WorkflowSummary>,
}

/// A workflow in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct WorkflowSummary {
    pub(in crate::server) name: String,
    pub(in crate::server) file: String,
    pub(in crate::server) description: String,
    pub(in crate::server) labels: Vec<String>,
    pub(in crate::server) n_tasks: usize,
    /// True when the file as it is now cannot be run; what is started then is its last good state, if there is one.
    pub(in crate::server) broken: bool,
    /// True when there is a state that can be started.
    pub(in crate::server) startable: bool,
}

impl WorkflowSummary {
    pub(in crate::server) fn of(file: &WorkflowFile) -> Self {
        let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
        Self {
            name: file.name.clone(),
            file: file.path.display().to_string(),
            description: good.map(|workflow| workflow.description.clone()).unwrap_or_default(),
            labels: good.map(|workflow| workflow.labels.clone()).unwrap_or_default(),
            n_tasks: good.map_or(0, |workflow| workflow.tasks.len()),
            broken: file.is_broken(),
            startable: good.is_some(),
        }
    }
}

/// A parameter, as a form shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ParamView {
    pub(in crate::server) name: String,
    /// `string`, `integer`, `number` or `boolean`.
    #[serde(rename = "type")]
    pub(in crate::server) kind: &'static str,
    pub(in crate::server) default: Option<Value>,
    pub(in crate::server) min: Option<f64>,
    pub(in crate::server) max: Option<f64>,
    pub(in crate::server) choices: Vec<Value>,
    pub(in crate::server) help: String,
}

impl ParamView {
    fn of(spec: &ParamSpec) -> Self {
        Self {
            name: spec.name.clone(),
            kind: spec.kind,
            default: spec.default.clone(),
            min: spec.min,
            max: spec.max,
            choices: spec.choices.clone(),
            help: spec.help.clone(),
        }
    }
}

/// A task, as the file has it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PlannedView {
    pub(in crate::server) name: String,
    pub(in crate::server) kind: String,
    pub(in crate::server) description: String,
    /// Where its inputs come from, as `task.port`, by port.
    pub(in crate::server) inputs: BTreeMap<String, String>,
    pub(in crate::server) needs: Vec<String>,
}

/// A workflow with its tasks.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct WorkflowView {
    #[serde(flatten)]
    pub(in crate::server) workflow: WorkflowSummary,
    pub(in crate::server) params: Vec<ParamView>,
    pub(in crate::server) tasks: Vec<PlannedView>,
    /// The file's text as it is now.
    pub(in crate::server) source: String,
    /// What is wrong with it, or should be looked at: a list with `severity`, `code`, `message`, `line` and more.
    pub(in crate::server) diagnostics: Value,
}

impl WorkflowView {
    pub(in crate::server) fn of(file: &WorkflowFile) -> Self {
        let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
        Self {
            workflow: WorkflowSummary::of(file),
            params: file.params.iter().map(ParamView::of).collect(),
            tasks: good.map(planned).unwrap_or_default(),
            source: String::from_utf8_lossy(&file.now.source.bytes).into_owned(),
            diagnostics: workflow::to_json(&file.now.source, &file.now.diagnostics),
        }
    }
}

fn planned(workflow: &Workflow) -> Vec<PlannedView> {
    let name = |idx| workflow.task(idx).name.clone();
    workflow
        .tasks
        .iter()
        .map(|task| PlannedView {
            name: task.name.clone(),
            kind: task.kind.clone(),
            description: task.description.clone(),
            inputs: task
                .inputs
                .iter()
                .map(|(port, from)| (port.clone(), format!("{}.{}", name(from.task), from.port)))
                .collect(),
            needs: task.needs.iter().map(|idx| name(*idx)).collect(),
        })
        .collect()
}

/// What a check found.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct CheckView {
    /// True when it can be run.
    pub(in crate::server) valid: bool,
    pub(in crate::server) name: Option<String>,
    pub(in crate::server) n_tasks: usize,
    /// With their places: a list with `severity`, `code`, `message`, `line` and more.
    pub(in crate::server) diagnostics: Value,
}

impl CheckView {
    pub(in crate::server) fn of(checked: &CheckedWorkflow) -> Self {
        let found = checked.workflow.as_ref();
        Self {
            valid: found.is_some(),
            name: found.map(|workflow| workflow.name.clone()),
            n_tasks: found.map_or(0, |workflow| workflow.tasks.len()),
            diagnostics: workflow::to_json(&checked.source, &checked.diagnostics),
        }
    }
}
