//! `/compare`: two runs side by side.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sluicegate_web::{self as web, view};

use super::{
    convert::{change, run_row, task_state},
    frame::Frame,
    plots::report_of,
};
use crate::{
    run::{Run, RunDiff, TaskDiff, TaskRecord},
    server::{
        error::ApiError,
        extract::{Q, S},
        state::ServerState,
    },
    store::{FindError, PageFilter},
};

#[derive(Default, Deserialize)]
pub(super) struct CompareQuery {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

pub(super) async fn show(State(state): S, frame: Frame, Q(query): Q<CompareQuery>) -> Response {
    frame.answer(state.blocking(move |state| compare(state, &query)).await, web::compare)
}

/// A run by its id or a part of it; what is wrong when there is none.
fn find(state: &ServerState, text: &str) -> Result<Result<Option<Run>, String>, ApiError> {
    if text.trim().is_empty() {
        return Ok(Ok(None));
    }
    match state.parts.store.find_run(text.trim()) {
        Ok(id) => state.load(id).map(|run| Ok(Some(run))),
        Err(FindError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn compare(state: &ServerState, query: &CompareQuery) -> Result<view::Compare, ApiError> {
    let choices = state.parts.store.page(&PageFilter { limit: 50, ..PageFilter::default() })?.rows;
    let mut page = view::Compare {
        typed: [query.a.clone(), query.b.clone()],
        choices: choices.iter().map(run_row).collect(),
        ..view::Compare::default()
    };
    let (before, after) = match (find(state, &query.a)?, find(state, &query.b)?) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(problem), _) | (_, Err(problem)) => {
            page.problem = problem;
            return Ok(page);
        }
    };
    page.before = before.as_ref().map(|run| run_row(&run.row()));
    page.after = after.as_ref().map(|run| run_row(&run.row()));
    let (Some(before), Some(after)) = (before, after) else { return Ok(page) };
    let diff = RunDiff::of(&before, &after);
    page.definition_changed = diff.definition_changed;
    page.sources =
        diff.definition_changed.then(|| [before.workflow().source.clone(), after.workflow().source.clone()]);
    page.params = diff.params.iter().map(change).collect();
    let (old, new) = (records(&before), records(&after));
    page.tasks = diff.tasks.iter().map(|task| compared(state, task, &old, &new)).collect();
    Ok(page)
}

/// The tasks of a run by name.
type Records<'r> = BTreeMap<&'r str, &'r TaskRecord>;

fn records(run: &Run) -> Records<'_> {
    run.tasks().map(|(_, task, record)| (task.name.as_str(), record)).collect()
}

fn compared(
    state: &ServerState,
    task: &TaskDiff,
    before: &Records<'_>,
    after: &Records<'_>,
) -> view::CompareTask {
    let (old, new) = (before.get(task.name.as_str()).copied(), after.get(task.name.as_str()).copied());
    // Only a report knows what is better. The newer one says it; the older one, where the task is gone.
    let report = |record: Option<&TaskRecord>| record.and_then(|record| report_of(state, record));
    let has_moved = task.metrics.iter().any(|metric| metric.before != metric.after);
    let report = if has_moved { report(new).or_else(|| report(old)) } else { None };
    let metrics = task.metrics.iter().map(|metric| view::CompareMetric {
        name: metric.metric.clone(),
        before: metric.before,
        after: metric.after,
        champion: report.as_ref().and_then(|report| report.of_champion(&metric.metric)),
        higher_is_better: report.as_ref().and_then(|report| report.higher_is_better(&metric.metric)),
    });
    view::CompareTask {
        name: task.name.clone(),
        state_before: old.map(task_state),
        state_after: new.map(task_state),
        seconds_before: task.seconds[0],
        seconds_after: task.seconds[1],
        changes: task.key.iter().map(change).collect(),
        metrics: metrics.collect(),
        champion: report
            .and_then(|report| report.champion)
            .map(|champion| champion.name())
            .unwrap_or_default(),
    }
}
