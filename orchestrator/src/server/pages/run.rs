//! `/runs/ID`: one run.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sluicegate_web::{self as web, view};

use super::{
    convert::{change, params, run_row, task_state, verdict},
    frame::Frame,
    log::end_of_log,
    plan::edges,
    task::detail,
};
use crate::{
    run::{AttemptResult, Event, EventRecord, Run, RunDiff, RunId, RunRow, TaskRecord, TaskState, one_line},
    server::{
        error::ApiError,
        extract::{Q, RunPath, S},
        state::{ServerState, no_run},
        views::EventView,
    },
    store::PageFilter,
    workflow::{Task, TaskIdx},
};

/// Tasks that failed and are told of at the top, how many lines of each one's log, and how long those are at most.
const N_FAILED: usize = 3;
const N_LINES: usize = 10;
const MAX_LINE: usize = 400;

/// Events that the page shows.
const N_EVENTS: usize = 200;

#[derive(Deserialize)]
pub(super) struct RunQuery {
    task: Option<String>,
    group: Option<String>,
    rows: Option<usize>,
}

pub(super) async fn show(
    State(state): S,
    frame: Frame,
    RunPath(run): RunPath,
    Q(query): Q<RunQuery>,
) -> Response {
    frame.answer(state.blocking(move |state| page(state, run, &query)).await, web::run)
}

/// A run with its events.
pub(super) struct Told {
    pub(super) run: Run,
    pub(super) records: Vec<EventRecord>,
}

impl Told {
    pub(super) fn load(state: &ServerState, id: RunId) -> Result<Self, ApiError> {
        let records = state.parts.store.events(id)?;
        if records.is_empty() {
            return Err(no_run(&id.to_string()));
        }
        Ok(Self { run: Run::replay(id, &records)?, records })
    }

    /// The attempts of every task.
    pub(super) fn spans(&self) -> BTreeMap<TaskIdx, Vec<view::AttemptSpan>> {
        let mut all: BTreeMap<TaskIdx, Vec<view::AttemptSpan>> = BTreeMap::new();
        for record in &self.records {
            match &record.event {
                Event::AttemptStarted { task, attempt, .. } => {
                    let span =
                        view::AttemptSpan { number: *attempt, started_at: record.at.0, ..Default::default() };
                    all.entry(*task).or_default().push(span);
                }
                Event::AttemptFinished { task, attempt, result, .. } => {
                    let spans = all.entry(*task).or_default();
                    if let Some(span) = spans.iter_mut().rev().find(|span| span.number == *attempt) {
                        span.ended_at = Some(record.at.0);
                        span.end = end_of(result);
                        span.error = result.error().map(|error| one_line(&error.message)).unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        all
    }
}

fn end_of(result: &AttemptResult) -> view::AttemptEnd {
    match result {
        AttemptResult::Succeeded { .. } => view::AttemptEnd::Succeeded,
        AttemptResult::Failed { .. } | AttemptResult::Crashed { .. } => view::AttemptEnd::Failed,
        AttemptResult::TimedOut { .. } => view::AttemptEnd::TimedOut,
        AttemptResult::Cancelled => view::AttemptEnd::Cancelled,
        AttemptResult::Lost | AttemptResult::NeverHappened => view::AttemptEnd::Lost,
    }
}

fn remark(run: &Run, record: &TaskRecord) -> String {
    match &record.state {
        TaskState::Skipped { reason } => reason.to_string(),
        TaskState::Failed | TaskState::Waiting { .. } => {
            record.error.as_ref().map(|error| one_line(&error.message)).unwrap_or_default()
        }
        TaskState::Cancelled => run.cancel_reason().unwrap_or_default().to_owned(),
        TaskState::Unknown => "its outcome was lost, and it must not happen twice".into(),
        _ => record.outcome.as_ref().and_then(|outcome| outcome.summary.clone()).unwrap_or_default(),
    }
}

/// A task in one row.
pub(super) fn task_row(
    run: &Run,
    idx: TaskIdx,
    task: &Task,
    record: &TaskRecord,
    attempts: Vec<view::AttemptSpan>,
) -> view::RunTask {
    let ready_at = if run.item(idx).is_some() || task.hook.is_some() {
        None
    } else {
        let inputs = task.inputs.values().map(|input| input.task);
        let before = inputs.chain(task.needs.iter().copied()).chain(task.mentions.iter().copied());
        let ends: Option<Vec<i64>> = before.map(|up| run.record(up).ended_at.map(|at| at.0)).collect();
        ends.map(|ends| ends.into_iter().max().unwrap_or(run.created_at().0))
    };
    view::RunTask {
        name: task.name.clone(),
        kind: task.kind.clone(),
        state: task_state(record),
        remark: remark(run, record),
        ready_at,
        started_at: record.started_at.map(|at| at.0),
        ended_at: record.ended_at.map(|at| at.0),
        retry_at: match record.state {
            TaskState::Waiting { until } => Some(until.0),
            _ => None,
        },
        attempts,
        item_of: run.item(idx).map(|(of, _)| of.0 as usize),
        is_hook: task.hook.is_some(),
        child: record.child.map(|child| child.to_string()),
    }
}

fn page(state: &ServerState, id: RunId, query: &RunQuery) -> Result<view::RunPage, ApiError> {
    let told = Told::load(state, id)?;
    let run = &told.run;
    let mut spans = told.spans();
    let tasks = run
        .tasks()
        .map(|(idx, task, record)| task_row(run, idx, task, record, spans.remove(&idx).unwrap_or_default()))
        .collect();
    let verdicts = run.tasks().filter_map(|(_, task, record)| {
        Some((task.name.clone(), verdict(record.outcome.as_ref()?.verdict.as_ref()?)))
    });
    let selected = match &query.task {
        Some(task) => Some(detail(state, &told, task)?),
        None => None,
    };
    let previous = previous(state, &run.row())?;
    let changed_params = match previous {
        Some(previous) => RunDiff::params(&state.load(previous)?, run).iter().map(change).collect(),
        None => Vec::new(),
    };
    Ok(view::RunPage {
        row: run_row(&run.row()),
        file: run.file().display().to_string(),
        definition: run.workflow().hash.chars().take(12).collect(),
        params: params(run),
        cancel_reason: run.cancel_reason().unwrap_or_default().to_owned(),
        tasks,
        edges: edges(run.workflow()),
        verdicts: verdicts.collect(),
        failed: failed(state, run)?,
        events: events(&told),
        n_events: run.n_events(),
        selected,
        group: query.group.clone().unwrap_or_default(),
        group_page: query.rows.unwrap_or_default(),
        previous: previous.map(|previous| previous.to_string()),
        changed_params,
    })
}

/// The first tasks that failed, with how their logs end.
fn failed(state: &ServerState, run: &Run) -> Result<Vec<view::FailedTask>, ApiError> {
    let broken = run.tasks().filter(|(_, _, record)| matches!(record.state, TaskState::Failed));
    let told = |(_, task, record): (TaskIdx, &Task, &TaskRecord)| {
        let log = if record.n_attempts > 0 {
            end_of_log(state, run, &task.name, record.n_attempts)?.text
        } else {
            String::new()
        };
        Ok(view::FailedTask {
            task: task.name.clone(),
            hints: record.error.as_ref().map(|error| error.hints.clone()).unwrap_or_default(),
            log: last_lines(&log),
        })
    };
    broken.take(N_FAILED).map(told).collect()
}

/// The last lines of a log that say something, those that are very long cut.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(N_LINES)..];
    last.iter().map(|line| line.chars().take(MAX_LINE).chain(['\n']).collect::<String>()).collect()
}

fn events(told: &Told) -> Vec<view::EventRow> {
    let newest = told.records.iter().rev().take(N_EVENTS);
    let row = |record: &EventRecord| {
        let name = record.event.task().map(|task| told.run.task(task).name.clone());
        let seen = EventView::of(record, name);
        let detail = match (seen.status, seen.text.as_str()) {
            (Some(status), "") => status.replace('_', " "),
            (Some(status), text) => format!("{}: {}", status.replace('_', " "), one_line(text)),
            (None, text) => one_line(text),
        };
        view::EventRow {
            seq: record.seq,
            at: record.at.0,
            what: seen.kind.replace('_', " "),
            task: seen.task.unwrap_or_default(),
            detail,
        }
    };
    newest.map(row).collect()
}

/// The run of the same workflow before this one.
fn previous(state: &ServerState, row: &RunRow) -> Result<Option<RunId>, ApiError> {
    let filter =
        PageFilter { workflow: Some(&row.workflow), before: Some(row.id), limit: 1, ..PageFilter::default() };
    Ok(state.parts.store.page(&filter)?.rows.first().map(|row| row.id))
}
