//! `/`: what runs now, what went wrong lately, what comes next.

use axum::{extract::State, response::Response};
use sluicegate_web::{self as web, view};

use super::{
    convert::{deployment, run_row, upcoming},
    frame::Frame,
    workflows::{all, rows},
};
use crate::{
    run::{RunRow, RunStatus},
    server::{api::deployments::in_service, error::ApiError, extract::S, state::ServerState},
    store::PageFilter,
};

/// Runs that are looked at for what happened lately.
const LATELY: usize = 500;

/// Different troubles that are shown.
const N_TROUBLED: usize = 10;

/// Spans of activity, and the length of each in seconds.
const N_SPANS: i64 = 24;
const SPAN: u32 = 3600;

pub(super) async fn show(State(state): S, frame: Frame) -> Response {
    frame.answer(state.blocking(overview).await, web::overview)
}

fn overview(state: &ServerState) -> Result<view::Overview, ApiError> {
    let lately = state.parts.store.page(&PageFilter { limit: LATELY, ..PageFilter::default() })?.rows;
    let running = state.parts.store.open_runs()?;
    let ended = || lately.iter().filter(|row| row.status.is_final());
    let troubled = ended().filter(|row| matches!(row.status, RunStatus::Failed | RunStatus::Rejected));
    let files = all(state)?;
    let schedules = state.parts.schedules.as_ref().map(|all| all.list()).transpose()?.unwrap_or_default();
    let deployments = state.parts.store.deployments(None)?;
    let in_service = deployments.iter().filter(|one| in_service(one));
    Ok(view::Overview {
        n_workflows: files.len(),
        n_runs: lately.len() as u64,
        running: running.iter().rev().take(40).map(run_row).collect(),
        troubled: alike_once(troubled.map(run_row)),
        recent: ended().take(10).map(run_row).collect(),
        fires: upcoming(&schedules, 8),
        deployments: in_service
            .map(|one| deployment(one, state.parts.deployments.health(one).ok()))
            .collect(),
        broken: rows(state, files.iter().filter(|file| file.is_broken()), &schedules, 0)?,
        activity: activity(&lately, state.now().0),
        activity_seconds: SPAN,
    })
}

/// The latest of all runs that went wrong in the same way, with how many were before it: one schedule that fails every minute must
/// not hide what else went wrong.
fn alike_once(troubled: impl Iterator<Item = view::RunRow>) -> Vec<view::RunRow> {
    let mut shown: Vec<view::RunRow> = Vec::new();
    for row in troubled {
        let alike = shown
            .iter_mut()
            .find(|one| (&one.workflow, one.state, &one.remark) == (&row.workflow, row.state, &row.remark));
        match alike {
            Some(one) => one.n_alike += 1,
            None => shown.push(row),
        }
    }
    shown.truncate(N_TROUBLED);
    shown
}

/// How runs of the last day ended, by hour; nothing when there were more than are looked at.
fn activity(lately: &[RunRow], now: i64) -> Vec<view::Activity> {
    let length = i64::from(SPAN) * 1000;
    let begin = now - N_SPANS * length;
    if lately.len() == LATELY && lately.last().is_some_and(|oldest| oldest.created_at.0 > begin) {
        return Vec::new();
    }
    let mut spans: Vec<_> = (0..N_SPANS)
        .map(|n| view::Activity { at: begin + n * length, ..view::Activity::default() })
        .collect();
    for row in lately {
        let span = usize::try_from((row.created_at.0 - begin).div_euclid(length)).ok();
        let Some(span) = span.and_then(|at| spans.get_mut(at)) else { continue };
        match row.status {
            RunStatus::Succeeded => span.n_succeeded += 1,
            RunStatus::Rejected => span.n_rejected += 1,
            RunStatus::Failed => span.n_failed += 1,
            RunStatus::Cancelled => span.n_cancelled += 1,
            _ => {}
        }
    }
    spans
}
