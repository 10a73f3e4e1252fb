//! Running what stands in any file, and following a run in the store's own form.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::super::start::{cannot_run, launch};
use crate::{
    engine::{News, RunFeed},
    run::{Event, EventRecord, RunId, RunStatus},
    server::{
        error::ApiError,
        extract::{Body, RunPath, S, Who},
        sse::{self, Source, frame},
        state::{ServerState, no_run},
    },
    world::new_run_id,
};

/// A file to run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocalRun {
    /// Its path, absolute.
    pub(super) path: PathBuf,
    pub(super) params: BTreeMap<String, String>,
    pub(super) use_cache: bool,
    /// True to start a new run even when one of the same workflow was interrupted.
    pub(super) fresh: bool,
}

/// The run that was begun, or that goes on.
#[derive(Debug, Serialize)]
pub(super) struct LocalStarted {
    id: String,
    resumed: bool,
    /// Events that the run had before.
    known: u64,
    gave_up: Vec<String>,
}

pub(super) async fn start(
    State(state): S,
    Who(who): Who,
    Body { value, .. }: Body<LocalRun>,
) -> Result<(StatusCode, Json<LocalStarted>), ApiError> {
    let LocalRun { path, params, use_cache, fresh } = value;
    let check = move |state: &ServerState| {
        let checked = state.parts.workflows.check_file(&path, &params)?;
        if checked.workflow.is_none() {
            return Err(cannot_run(&checked));
        }
        let (resumable, given_up) = interrupted(state, &checked, fresh)?;
        Ok((checked, resumable, given_up))
    };
    let (checked, resumable, given_up) = state.blocking(check).await?;
    let mut gave_up = Vec::new();
    for run in given_up {
        state.parts.engine.abandon(run, "a new run of the workflow took its place").await?;
        gave_up.push(run.to_string());
    }
    if let Some((id, known)) = resumable {
        state.blocking(move |state| state.parts.engine.resume(id).map(drop).map_err(ApiError::from)).await?;
        return Ok((
            StatusCode::OK,
            Json(LocalStarted { id: id.to_string(), resumed: true, known, gave_up }),
        ));
    }
    let id = new_run_id(state.parts.world.as_ref());
    launch(&state, id, checked, use_cache, &who).await?;
    Ok((StatusCode::CREATED, Json(LocalStarted { id: id.to_string(), resumed: false, known: 0, gave_up })))
}

/// A run that can go on, with the number of its events; and those that are given up.
type Interrupted = (Option<(RunId, u64)>, Vec<RunId>);

/// The interrupted run of the same definition and parameters, which goes on, and those of another one, which are given up.
fn interrupted(
    state: &ServerState,
    checked: &crate::server::facade::CheckedWorkflow,
    fresh: bool,
) -> Result<Interrupted, ApiError> {
    let (mut resumable, mut given_up) = (None, Vec::new());
    let Some(workflow) = &checked.workflow else { return Ok((None, Vec::new())) };
    for row in state.parts.store.open_runs()? {
        let is_one = row.status == RunStatus::Interrupted && !state.parts.engine.drives(row.id);
        if !is_one || row.workflow != workflow.name || row.parent.is_some() {
            continue;
        }
        let run = state.load(row.id)?;
        let same = run.workflow().hash == workflow.hash
            && run.workflow().params == workflow.params
            && run.base_dir() == checked.base_dir;
        if same && !fresh && resumable.is_none() {
            resumable = Some((row.id, row.n_events));
        } else {
            given_up.push(row.id);
        }
    }
    Ok((resumable, given_up))
}

pub(super) async fn records(State(state): S, RunPath(run): RunPath) -> Result<Response, ApiError> {
    let mut source = Records {
        feed: state.parts.engine.follow(run),
        state: Arc::clone(&state),
        run,
        next: 0,
        ready: VecDeque::new(),
        behind: false,
        over: false,
    };
    source.catch_up().await?;
    Ok(sse::reply(&state, source))
}

/// Follows one run in the store's own form.
struct Records {
    state: Arc<ServerState>,
    run: RunId,
    feed: RunFeed,
    next: u64,
    ready: VecDeque<Bytes>,
    behind: bool,
    over: bool,
}

impl Records {
    async fn catch_up(&mut self) -> Result<(), ApiError> {
        let run = self.run;
        let records = self.state.blocking(move |state| Ok(state.parts.store.events(run)?)).await?;
        if records.is_empty() {
            return Err(no_run(&run.to_string()));
        }
        // A run that ended and is about to go on again is followed through that: its driver has it by now.
        let goes_on = self.state.parts.engine.drives(run);
        let ended = matches!(records.last().map(|record| &record.event), Some(Event::RunFinished { .. }));
        for record in &records {
            self.take(record);
        }
        if ended && !goes_on {
            self.end();
        }
        Ok(())
    }

    fn take(&mut self, record: &EventRecord) {
        if record.seq == self.next {
            self.next += 1;
            self.ready.push_back(frame(Some(record.seq), "record", record));
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.ready.push_back(frame(None, "end", &json!({})));
    }
}

impl Source for Records {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.over {
                return None;
            }
            if self.behind {
                self.catch_up().await.ok()?;
                self.behind = false;
                continue;
            }
            match self.feed.recv().await {
                Ok(news) => match &*news {
                    News::Event { record, .. } if record.seq > self.next => self.behind = true,
                    News::Event { record, .. } => {
                        self.take(record);
                        if matches!(record.event, Event::RunFinished { .. }) {
                            self.end();
                        }
                    }
                    News::Progress { idx, fraction, note, .. } => {
                        let data = json!({ "task": idx, "fraction": fraction, "note": note });
                        self.ready.push_back(frame(None, "progress", &data));
                    }
                },
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
