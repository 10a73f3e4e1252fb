//! `/runs/ID/tasks/TASK`, and the same in the panel of a run's page.

use axum::{extract::State, response::Response};
use serde_json::Value;
use sluicegate_plugin::PortType;
use sluicegate_web::{self as web, view};

use super::{
    convert::{change, run_row, text, verdict},
    frame::Frame,
    log::end_of_log,
    plots::{evaluation, metrics, report_of},
    run::{Told, task_row},
};
use crate::{
    run::{CacheMiss, OutputArtifact, Run, TaskRecord, TaskState},
    server::{
        api::{artifacts::preview, runs::find_task},
        error::ApiError,
        extract::{P, S, run_id},
        state::ServerState,
        views::why,
    },
    workflow::{Task, TaskIdx},
};

/// Rows of a table's preview.
const N_ROWS: usize = 20;

pub(super) async fn show(State(state): S, frame: Frame, P((run, task)): P<(String, String)>) -> Response {
    let read = move |state: &ServerState| {
        let told = Told::load(state, run_id(&run)?)?;
        let detail = detail(state, &told, &task)?;
        Ok(view::TaskPage { row: run_row(&told.run.row()), detail, n_events: told.run.n_events() })
    };
    frame.answer(state.blocking(read).await, web::task)
}

/// All about a task of a run.
pub(super) fn detail(state: &ServerState, told: &Told, name: &str) -> Result<view::TaskDetail, ApiError> {
    let run = &told.run;
    let (idx, task, record) = find_task(run, name)?;
    let attempts = told.spans().remove(&idx).unwrap_or_default();
    let outcome = record.outcome.as_ref();
    let params = match &record.params {
        Value::Object(params) => {
            params.iter().map(|(name, value)| view::Pair::new(name, text(value))).collect()
        }
        _ => Vec::new(),
    };
    let report = report_of(state, record);
    let name = |idx: TaskIdx| run.task(idx).name.clone();
    let graph = run.workflow().graph();
    let in_file = (idx.0 as usize) < run.workflow().tasks.len();
    let behind = (0u32..)
        .map(TaskIdx)
        .take(run.workflow().tasks.len())
        .filter(|other| in_file && graph.upstream(*other).contains(&idx));
    Ok(view::TaskDetail {
        run: run.id().to_string(),
        task: task_row(run, idx, task, record, attempts),
        description: task.description.clone(),
        why: reason(run, record),
        failure: record.error.as_ref().map(|error| view::TaskFailure {
            code: error.code.clone(),
            message: error.message.clone(),
            hints: error.hints.clone(),
        }),
        params,
        inputs: inputs(run, task),
        outputs: outcome
            .map(|outcome| outcome.outputs.iter().map(|(port, left)| output(state, port, left)).collect())
            .unwrap_or_default(),
        metrics: metrics(record, report.as_ref()),
        verdict: outcome.and_then(|outcome| outcome.verdict.as_ref()).map(verdict),
        evaluation: report.and_then(evaluation),
        log: end_of_log(state, run, &task.name, record.n_attempts)?,
        before: if in_file { graph.upstream(idx).into_iter().map(name).collect() } else { Vec::new() },
        behind: behind.map(name).collect(),
    })
}

fn reason(run: &Run, record: &TaskRecord) -> view::CacheReason {
    let key = record.key.as_ref();
    let part = |(name, value): (&String, &String)| view::Pair::new(name, value);
    view::CacheReason {
        text: why(run, record),
        changes: match &record.miss {
            Some(CacheMiss::Changed { changes }) => changes.iter().map(change).collect(),
            _ => Vec::new(),
        },
        key: key.map(|key| key.hash.chars().take(12).collect()).unwrap_or_default(),
        parts: key.map(|key| key.parts.iter().map(part).collect()).unwrap_or_default(),
        origin: match &record.state {
            TaskState::Succeeded { origin: Some(origin) } => Some(origin.run.to_string()),
            _ => None,
        },
    }
}

fn inputs(run: &Run, task: &Task) -> Vec<view::PortView> {
    let all = task.inputs.iter().map(|(port, from)| {
        let left = run.record(from.task).outcome.as_ref().and_then(|outcome| outcome.outputs.get(&from.port));
        view::PortView {
            port: port.clone(),
            port_type: from.port_type.to_string(),
            from: format!("{}.{}", run.task(from.task).name, from.port),
            hash: left.map(|left| left.hash.clone()).unwrap_or_default(),
            size: left.map_or(0, |left| left.size),
            value: None,
            preview: None,
            url: left.map(|left| url(&left.hash, &from.port)).unwrap_or_default(),
        }
    });
    all.collect()
}

fn url(hash: &str, port: &str) -> String {
    format!("/api/v1/artifacts/{hash}?name={}", super::frame::encoded(port))
}

fn output(state: &ServerState, port: &str, left: &OutputArtifact) -> view::PortView {
    let is_value = left.port_type == PortType::Value;
    let table = (left.port_type == PortType::Table)
        .then(|| preview(state, &left.hash, N_ROWS).ok())
        .flatten()
        .map(|found| view::TablePreview {
            columns: found
                .columns
                .into_iter()
                .map(|column| view::Pair::new(column.name, column.column_type))
                .collect(),
            rows: found
                .rows
                .iter()
                .map(|row| row.iter().map(|cell| (!cell.is_null()).then(|| text(cell))).collect())
                .collect(),
            n_rows: found.n_rows.unwrap_or_default() as u64,
        });
    view::PortView {
        port: port.to_owned(),
        port_type: left.port_type.to_string(),
        from: String::new(),
        hash: left.hash.clone(),
        size: left.size,
        value: left.value.as_ref().map(Value::to_string),
        preview: table,
        url: if is_value { String::new() } else { url(&left.hash, port) },
    }
}
