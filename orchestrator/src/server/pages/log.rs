//! `/runs/ID/tasks/TASK/log`: a log, piece by piece.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sluicegate_web::{self as web, view};

use super::frame::Frame;
use crate::{
    run::Run,
    server::{
        api::{
            logs::{attempt_of, read},
            runs::find_task,
        },
        error::ApiError,
        extract::{P, Q, S, run_id},
        state::ServerState,
    },
};

/// The longest piece.
const PIECE: u64 = 256 << 10;

/// The end of a log that is shown at first.
const END: u64 = 64 << 10;

#[derive(Deserialize)]
pub(super) struct LogQuery {
    attempt: Option<u32>,
    offset: Option<u64>,
}

pub(super) async fn show(
    State(state): S,
    frame: Frame,
    P((run, task)): P<(String, String)>,
    Q(query): Q<LogQuery>,
) -> Response {
    let read = move |state: &ServerState| {
        let run = state.load(run_id(&run)?)?;
        let (_, _, record) = find_task(&run, &task)?;
        let attempt = query.attempt.unwrap_or(record.n_attempts);
        piece(state, &run, &task, attempt, query.offset)
    };
    frame.answer(state.blocking(read).await, web::log)
}

/// The end of an attempt's log.
pub(super) fn end_of_log(
    state: &ServerState,
    run: &Run,
    task: &str,
    attempt: u32,
) -> Result<view::LogPage, ApiError> {
    piece(state, run, task, attempt, None)
}

fn piece(
    state: &ServerState,
    run: &Run,
    task: &str,
    attempt: u32,
    offset: Option<u64>,
) -> Result<view::LogPage, ApiError> {
    let (_, _, record) = find_task(run, task)?;
    let mut page = view::LogPage {
        run: run.id().to_string(),
        task: task.to_owned(),
        attempt,
        n_attempts: record.n_attempts,
        ..view::LogPage::default()
    };
    if record.n_attempts == 0 {
        page.is_complete = record.state.is_final();
        return Ok(page);
    }
    let found = attempt_of(state, run, task, Some(attempt))?;
    let size = std::fs::metadata(&found.path).map_or(0, |about| about.len());
    let (start, wanted) = match offset {
        Some(offset) => (offset, PIECE),
        None => (size.saturating_sub(END), END),
    };
    let (mut bytes, size) = read(&found.path, start, wanted)?;
    let mut start = start;
    if offset.is_none() && start > 0 {
        // From a line's beginning on.
        let cut = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..cut);
        start += cut as u64;
    }
    let at_end = start + bytes.len() as u64 >= size;
    if !(found.over && at_end) {
        // A last line waits until it has its end.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(if whole == 0 && bytes.len() as u64 == wanted { bytes.len() } else { whole });
    }
    page.start = start;
    page.end = start + bytes.len() as u64;
    page.is_complete = found.over && page.end >= size;
    page.text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(page)
}
