//! A backfill that a command asks for, and follows to its end.

use std::{collections::VecDeque, sync::Arc};

use axum::{extract::State, response::Response};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};

use super::super::schedules::BackfillRequest;
use crate::{
    run::{Run, RunRow, Trigger},
    server::{
        error::ApiError,
        extract::{Body, S, Who},
        facade::Schedules,
        sse::{self, Source, frame},
        state::ServerState,
        views::rfc3339,
    },
};

/// Begins a backfill. Tells of each of its runs that ends as `ended`, and of the end of all as `end`.
pub(super) async fn start(
    State(state): S,
    Who(who): Who,
    Body { value, .. }: Body<BackfillRequest>,
) -> Result<Response, ApiError> {
    let schedules = state.parts.schedules.clone();
    let schedules = schedules.ok_or_else(|| ApiError::not_found("this daemon has no scheduler"))?;
    let range = value.range()?;
    // Before it begins, so that no end is missed.
    let ends = state.parts.engine.ends();
    let (id, asked) = (range.id.clone(), Arc::clone(&schedules));
    state.blocking(move |_| Ok(asked.backfill(&range, &who.name)?)).await?;
    let changes = schedules.changes();
    let source = Followed {
        state: Arc::clone(&state),
        schedules,
        id,
        ends,
        changes,
        rows: VecDeque::new(),
        over: false,
    };
    Ok(sse::reply(&state, source))
}

/// Follows the backfills of a schedule until none is left.
struct Followed {
    state: Arc<ServerState>,
    schedules: Arc<dyn Schedules>,
    id: String,
    ends: broadcast::Receiver<RunRow>,
    changes: watch::Receiver<u64>,
    /// Runs that ended, and were not looked at yet.
    rows: VecDeque<RunRow>,
    over: bool,
}

impl Followed {
    /// What is told of a run that ended, when a backfill of the schedule started it.
    async fn told(&self, row: RunRow) -> Option<Bytes> {
        if self.id.split_once('/').is_none_or(|(workflow, _)| workflow != row.workflow) {
            return None;
        }
        let id = row.id;
        let load = move |state: &ServerState| Ok(Run::replay(id, &state.parts.store.events(id)?)?);
        let run = self.state.blocking(load).await.ok()?;
        let cause = run.cause().filter(|cause| cause.trigger == Trigger::Backfill)?;
        let is_ours = format!("{}/{}", row.workflow, cause.schedule) == self.id;
        let at = rfc3339(cause.scheduled_at);
        is_ours
            .then(|| frame(None, "ended", &json!({ "id": id, "scheduled_at": at, "status": run.status() })))
    }

    async fn is_done(&self) -> bool {
        let (schedules, id) = (Arc::clone(&self.schedules), self.id.clone());
        let look = move |_: &ServerState| Ok(!schedules.is_backfilling(&id)?);
        // A schedule that went away has nothing left.
        self.state.blocking(look).await.unwrap_or(true)
    }
}

impl Source for Followed {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            while let Some(row) = self.rows.front().cloned() {
                let told = self.told(row).await;
                // Only now: this may have been dropped while it waited.
                self.rows.pop_front();
                if told.is_some() {
                    return told;
                }
            }
            if self.over {
                return None;
            }
            self.changes.borrow_and_update();
            if self.is_done().await {
                while let Ok(row) = self.ends.try_recv() {
                    self.rows.push_back(row);
                }
                if self.rows.is_empty() {
                    self.over = true;
                    return Some(frame(None, "end", &json!({})));
                }
                continue;
            }
            tokio::select! {
                end = self.ends.recv() => match end {
                    Ok(row) => self.rows.push_back(row),
                    Err(RecvError::Lagged(n)) => tracing::warn!("{n} ends of runs were not told"),
                    Err(RecvError::Closed) => return None,
                },
                // The scheduler may hear of an end later than this does.
                changed = self.changes.changed() => changed.ok()?,
            }
        }
    }
}
