//! `/workflows` and `/workflows/NAME`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sluicegate_plugin::PortType;
use sluicegate_web::{self as web, view};

use super::{
    convert::{run_row, run_state, schedule, text},
    frame::Frame,
    plan::edges,
};
use crate::{
    run::{Run, RunRow, TaskRecord},
    server::{
        api::workflows::find,
        error::ApiError,
        extract::{P, Q, S},
        facade::{ParamSpec, ScheduleInfo, WorkflowFile},
        state::ServerState,
    },
    store::PageFilter,
    workflow::{Severity, Workflow},
};

/// Bars of a workflow.
const N_BARS: usize = 30;

/// Runs whose metrics make the trend.
const N_TREND: usize = 20;

/// Series of the trend, at most.
const N_SERIES: usize = 12;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    q: Option<String>,
}

/// Every workflow file.
pub(super) fn all(state: &ServerState) -> Result<Vec<Arc<WorkflowFile>>, ApiError> {
    Ok(state.parts.workflows.list()?)
}

pub(super) async fn list(State(state): S, frame: Frame, Q(query): Q<ListQuery>) -> Response {
    let query = query.q.unwrap_or_default();
    let view = state.blocking(move |state| {
        let files = all(state)?;
        let wanted = query.to_lowercase();
        let fits = |file: &&Arc<WorkflowFile>| {
            let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
            let labels = good.iter().flat_map(|workflow| &workflow.labels);
            labels.chain([&file.name]).any(|text| text.to_lowercase().contains(&wanted))
        };
        let schedules = schedules(state)?;
        let folder = files.first().and_then(|file| file.path.parent());
        Ok(view::Workflows {
            rows: rows(state, files.iter().filter(fits), &schedules, N_BARS)?,
            folder: folder.map(|folder| folder.display().to_string()).unwrap_or_default(),
            query,
        })
    });
    frame.answer(view.await, web::workflows)
}

pub(super) fn schedules(state: &ServerState) -> Result<Vec<ScheduleInfo>, ApiError> {
    Ok(state.parts.schedules.as_ref().map(|all| all.list()).transpose()?.unwrap_or_default())
}

/// Files in rows, each with so many of its latest runs.
pub(super) fn rows<'f>(
    state: &ServerState,
    files: impl Iterator<Item = &'f Arc<WorkflowFile>>,
    schedules: &[ScheduleInfo],
    n_bars: usize,
) -> Result<Vec<view::WorkflowRow>, ApiError> {
    files.map(|file| Ok(row(file, &runs(state, &file.name, n_bars)?, schedules, state.now().0))).collect()
}

fn runs(state: &ServerState, name: &str, limit: usize) -> Result<Vec<RunRow>, ApiError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let filter = PageFilter { workflow: Some(name), limit, ..PageFilter::default() };
    Ok(state.parts.store.page(&filter)?.rows)
}

fn row(file: &WorkflowFile, runs: &[RunRow], schedules: &[ScheduleInfo], now: i64) -> view::WorkflowRow {
    let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
    let own = || schedules.iter().filter(|info| info.workflow == file.name);
    let seconds =
        |row: &RunRow| (row.ended_at.map_or(now, |at| at.0) - row.created_at.0).max(0) as f64 / 1000.0;
    let bar = |row: &RunRow| view::OutcomeBar {
        run: row.id.to_string(),
        state: run_state(row.status),
        seconds: seconds(row),
        at: row.created_at.0,
    };
    view::WorkflowRow {
        name: file.name.clone(),
        description: good.map(|workflow| workflow.description.clone()).unwrap_or_default(),
        labels: good.map(|workflow| workflow.labels.clone()).unwrap_or_default(),
        file: file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        schedules: own().map(|info| info.trigger.clone()).collect(),
        next_fire: own()
            .filter(|info| !info.paused)
            .filter_map(|info| info.next.first())
            .min()
            .map(|at| at.0),
        is_paused: own().next().is_some() && own().all(|info| info.paused),
        outcomes: runs.iter().rev().map(bar).collect(),
        n_runs: runs.len() as u64,
        is_used: good.is_some(),
        n_errors: if file.is_broken() { n_errors(file) } else { 0 },
    }
}

fn n_errors(file: &WorkflowFile) -> usize {
    file.now.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
}

pub(super) async fn show(State(state): S, frame: Frame, P(name): P<String>) -> Response {
    let view = state.blocking(move |state| workflow(state, &name, &BTreeMap::new(), &BTreeMap::new()));
    frame.answer(view.await, web::workflow)
}

/// A workflow's page; with what was given in its form, and what is wrong with that.
pub(super) fn workflow(
    state: &ServerState,
    name: &str,
    given: &BTreeMap<String, String>,
    wrong: &BTreeMap<String, String>,
) -> Result<view::WorkflowPage, ApiError> {
    let file = find(state, name)?;
    let schedules = schedules(state)?;
    let runs = runs(state, name, N_BARS)?;
    let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
    Ok(view::WorkflowPage {
        row: row(&file, &runs, &schedules, state.now().0),
        tasks: good.map(plan).unwrap_or_default(),
        edges: good.map(edges).unwrap_or_default(),
        params: file.params.iter().map(|param| field(param, given, wrong)).collect(),
        schedules: schedules.iter().filter(|info| info.workflow == file.name).map(schedule).collect(),
        trend: trend(state, &runs)?,
        runs: runs.iter().take(20).map(run_row).collect(),
        source: String::from_utf8_lossy(&file.now.source.bytes).into_owned(),
        diagnostics: diagnostics(&file),
        can_start: good.is_some(),
    })
}

fn plan(workflow: &Workflow) -> Vec<view::PlanTask> {
    let tasks = workflow.tasks.iter().map(|task| view::PlanTask {
        name: task.name.clone(),
        kind: task.kind.clone(),
        description: task.description.clone(),
        is_hook: task.hook.is_some(),
        has_items: task.for_each.is_some(),
    });
    tasks.collect()
}

fn field(
    param: &ParamSpec,
    given: &BTreeMap<String, String>,
    wrong: &BTreeMap<String, String>,
) -> view::ParamField {
    view::ParamField {
        name: param.name.clone(),
        param_type: match param.kind {
            "integer" => view::ParamType::Integer,
            "number" => view::ParamType::Number,
            "boolean" => view::ParamType::Boolean,
            _ => view::ParamType::String,
        },
        default: param.default.as_ref().map(text),
        min: param.min,
        max: param.max,
        choices: param.choices.iter().map(text).collect(),
        help: param.help.clone(),
        given: given.get(&param.name).cloned(),
        error: wrong.get(&param.name).cloned(),
    }
}

fn diagnostics(file: &WorkflowFile) -> Vec<view::Diagnostic> {
    let places = crate::workflow::to_json(&file.now.source, &file.now.diagnostics);
    let number = |at: usize, key: &str| {
        usize::try_from(places[at][key].as_u64().unwrap_or_default()).unwrap_or_default()
    };
    let all = file.now.diagnostics.iter().enumerate().map(|(at, found)| view::Diagnostic {
        severity: match found.severity {
            Severity::Error => view::Severity::Error,
            Severity::Warning => view::Severity::Warning,
        },
        code: found.code.into(),
        message: found.message.clone(),
        hint: found.hint.clone().unwrap_or_default(),
        line: number(at, "line"),
        column: number(at, "column"),
    });
    all.collect()
}

/// How the latest runs developed.
fn trend(state: &ServerState, rows: &[RunRow]) -> Result<view::Trend, ApiError> {
    let mut ended: Vec<_> = rows.iter().filter(|row| row.ended_at.is_some()).take(N_TREND).collect();
    ended.reverse();
    let runs: Vec<Run> = ended.iter().map(|row| state.load(row.id)).collect::<Result<_, _>>()?;
    let mut series: BTreeMap<(String, String), Series> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        for (_, task, record) in run.tasks().take(run.workflow().tasks.len()) {
            for (metric, value) in record.outcome.iter().flat_map(|outcome| &outcome.metrics) {
                let series = series
                    .entry((task.name.clone(), metric.clone()))
                    .or_insert_with(|| Series { values: vec![None; runs.len()], is_judgement: false });
                series.values[at] = Some(*value);
                series.is_judgement |= has_report(record);
            }
        }
    }
    let point = |row: &&RunRow| view::TrendRun {
        run: row.id.to_string(),
        state: run_state(row.status),
        at: row.created_at.0,
        seconds: row.ended_at.map_or(0.0, |end| end.seconds_since(row.created_at)),
    };
    let names: Vec<(String, String)> = series.keys().cloned().collect();
    let mut series: Vec<_> = series.into_iter().collect();
    series.sort_by_key(|((task, metric), series)| (series.rank(), is_variant(task, metric, &names)));
    let all = series.into_iter().take(N_SERIES);
    let drawn = all.map(|((task, metric), series)| view::TrendSeries { task, metric, values: series.values });
    Ok(view::Trend { runs: ended.iter().map(point).collect(), series: drawn.collect() })
}

/// A metric over runs.
struct Series {
    values: Vec<Option<f64>>,
    /// True when it comes from a task that judges: one that leaves a report.
    is_judgement: bool,
}

impl Series {
    /// What moves comes before what stays the same, and what judges before what counts.
    fn rank(&self) -> (bool, bool) {
        let mut known = self.values.iter().flatten();
        let first = known.next();
        let moves = known.any(|value| Some(value) != first);
        (!self.is_judgement, !moves)
    }
}

fn has_report(record: &TaskRecord) -> bool {
    let outputs = record.outcome.iter().flat_map(|outcome| outcome.outputs.values());
    outputs.into_iter().any(|output| output.port_type == PortType::Report)
}

/// Tells whether a metric is a variant of another one of its task, as `recall_macro` is of `recall`.
fn is_variant(task: &str, metric: &str, all: &[(String, String)]) -> bool {
    all.iter().any(|(other, name)| {
        other == task && metric.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('_'))
    })
}
