//! `/compare`: two runs side by side.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sluicegate_web::{self as web, view};

use super::{
    convert::{change, run_row, task_state},
    frame::Frame,
};
use crate::{
    run::{Run, RunDiff, TaskDiff},
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
    page.tasks = diff.tasks.iter().map(|task| compared(task, &before, &after)).collect();
    Ok(page)
}

fn compared(task: &TaskDiff, before: &Run, after: &Run) -> view::CompareTask {
    let state = |run: &Run| {
        run.tasks().find(|(_, other, _)| other.name == task.name).map(|(_, _, record)| task_state(record))
    };
    let metrics = task.metrics.iter().map(|metric| view::CompareMetric {
        name: metric.metric.clone(),
        before: metric.before,
        after: metric.after,
        higher_is_better: None,
    });
    view::CompareTask {
        name: task.name.clone(),
        state_before: state(before),
        state_after: state(after),
        seconds_before: task.seconds[0],
        seconds_after: task.seconds[1],
        changes: task.key.iter().map(change).collect(),
        metrics: metrics.collect(),
    }
}
