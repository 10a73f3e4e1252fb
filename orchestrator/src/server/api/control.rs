//! Steering runs: cancel, pause, resume, retry, rerun, resolve.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    runs::find_task,
    start::{STARTING, Started, startable},
    workflows::{Params, as_text, plain_values},
};
use crate::{
    engine::RerunFrom,
    run::{Resolution, Run, RunId, RunRow, RunStatus, TaskState},
    server::{
        access::Identity,
        endpoint::Endpoints,
        error::ApiError,
        extract::{Body, RunPath, S, Who},
        state::{ServerState, no_run},
    },
    world::new_run_id,
};

/// That something was asked of a run, which does it in its own time.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Asked {
    /// The run.
    pub(in crate::server) id: String,
    /// How it is now.
    pub(in crate::server) status: &'static str,
}

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Where a rerun begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct RerunRequest {
    /// The task that runs again, with everything behind it.
    pub(in crate::server) from: String,
    /// Run that task alone.
    #[serde(default)]
    pub(in crate::server) only: bool,
    /// Take the workflow's file as it is now, instead of as it was recorded.
    #[serde(default)]
    pub(in crate::server) current: bool,
    /// Parameters; the others are as in the earlier run.
    #[serde(default)]
    #[schemars(schema_with = "plain_values")]
    pub(in crate::server) params: Params,
}

/// How a task ended whose outcome was lost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResolveRequest {
    task: String,
    #[serde(rename = "as")]
    resolution: ResolutionView,
}

/// What a person says of a task.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum ResolutionView {
    /// It happened.
    Succeeded,
    /// It shall count as failed.
    Failed,
    /// It did not happen, and may be tried again.
    Retry,
}

impl From<ResolutionView> for Resolution {
    fn from(view: ResolutionView) -> Self {
        match view {
            ResolutionView::Succeeded => Self::Succeeded,
            ResolutionView::Failed => Self::Failed,
            ResolutionView::Retry => Self::Retry,
        }
    }
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .post("/api/v1/runs/{run}/cancel", "runs.cancel")
        .about("Ask a run to end, with everything it started")
        .body::<Nothing>()
        .refuses(&[StatusCode::CONFLICT])
        .status(StatusCode::ACCEPTED)
        .json::<Asked>()
        .to(cancel);
    endpoints
        .post("/api/v1/runs/{run}/pause", "runs.pause")
        .about("Ask a run to start nothing new; tasks that run go on")
        .body::<Nothing>()
        .refuses(&[StatusCode::CONFLICT])
        .status(StatusCode::ACCEPTED)
        .json::<Asked>()
        .to(pause);
    endpoints
        .post("/api/v1/runs/{run}/resume", "runs.resume")
        .about("Let a paused run go on, or drive on one that was interrupted")
        .body::<Nothing>()
        .refuses(&[StatusCode::CONFLICT])
        .status(StatusCode::ACCEPTED)
        .json::<Asked>()
        .to(resume);
    endpoints
        .post("/api/v1/runs/{run}/retry", "runs.retry")
        .about("Repeat what did not succeed in a run that ended, and what stands behind it, with the recorded workflow")
        .body::<Nothing>()
        .refuses(&[StatusCode::CONFLICT])
        .status(StatusCode::ACCEPTED)
        .json::<Asked>()
        .to(retry);
    endpoints
        .post("/api/v1/runs/{run}/rerun", "runs.rerun")
        .about("Start a new run from a task on; what stands before it is taken over from an earlier run")
        .body::<RerunRequest>()
        .refuses(STARTING)
        .status(StatusCode::CREATED)
        .json::<Started>()
        .to(rerun);
    endpoints
        .post("/api/v1/runs/{run}/resolve", "runs.resolve")
        .about("Say how a task ended whose outcome was lost and that must not happen twice")
        .body::<ResolveRequest>()
        .refuses(&[StatusCode::CONFLICT])
        .json::<Asked>()
        .to(resolve);
}

async fn row(state: &Arc<ServerState>, run: RunId) -> Result<RunRow, ApiError> {
    let row = state.blocking(move |state| Ok(state.parts.store.row(run)?)).await?;
    row.ok_or_else(|| no_run(&run.to_string()))
}

fn asked(run: RunId, status: RunStatus) -> (StatusCode, Json<Asked>) {
    (StatusCode::ACCEPTED, Json(Asked { id: run.to_string(), status: status.word() }))
}

/// A run that a task of another run started is steered through that one.
fn refuse_nested(row: &RunRow) -> Result<(), ApiError> {
    match row.parent {
        None => Ok(()),
        Some(parent) => {
            let message = format!("run {} was started by a task of run {parent}", row.id);
            Err(ApiError::conflict(message)
                .hint(format!("do it to run {parent}, which takes this one along")))
        }
    }
}

fn has_ended(row: &RunRow) -> ApiError {
    ApiError::conflict(format!("run {} has ended: it {}", row.id, row.status.word()))
        .hint("`retry` repeats what did not succeed")
}

type Reply = Result<(StatusCode, Json<Asked>), ApiError>;

/// Ends a run, whoever drives it.
pub(in crate::server) async fn end(state: &Arc<ServerState>, run: RunId, who: &str) -> Reply {
    let row = row(state, run).await?;
    refuse_nested(&row)?;
    if row.status.is_final() {
        return Err(has_ended(&row));
    }
    let reason = format!("cancelled by {who}");
    if !state.parts.engine.cancel(run, &reason) {
        let engine = state.parts.engine.clone();
        // In the background: workers that are left get their time to stop.
        tokio::spawn(async move {
            if let Err(error) = engine.abandon(run, &reason).await {
                tracing::error!("run {run} could not be cancelled: {error}");
            }
        });
    }
    Ok(asked(run, row.status))
}

async fn cancel(State(state): S, RunPath(run): RunPath, Who(who): Who, _: Body<Nothing>) -> Reply {
    end(&state, run, &who.name).await
}

async fn pause(State(state): S, RunPath(run): RunPath, _: Body<Nothing>) -> Reply {
    rest(&state, run).await
}

/// Lets a run start nothing new.
pub(in crate::server) async fn rest(state: &Arc<ServerState>, run: RunId) -> Reply {
    let row = row(state, run).await?;
    refuse_nested(&row)?;
    if row.status.is_final() {
        return Err(has_ended(&row));
    }
    if !state.parts.engine.pause(run, true) {
        return Err(ApiError::conflict(format!("nobody drives run {run}, so that nothing of it starts"))
            .hint("`resume` goes on with it"));
    }
    Ok(asked(run, row.status))
}

async fn resume(State(state): S, RunPath(run): RunPath, _: Body<Nothing>) -> Reply {
    go_on(&state, run).await
}

/// Lets a run go on that is paused or was interrupted.
pub(in crate::server) async fn go_on(state: &Arc<ServerState>, run: RunId) -> Reply {
    let row = row(state, run).await?;
    refuse_nested(&row)?;
    if row.status.is_final() {
        return Err(has_ended(&row));
    }
    if state.parts.engine.pause(run, false) {
        return Ok(asked(run, row.status));
    }
    state.blocking(move |state| state.parts.engine.resume(run).map(drop).map_err(ApiError::from)).await?;
    Ok(asked(run, RunStatus::Running))
}

async fn retry(State(state): S, RunPath(run): RunPath, _: Body<Nothing>) -> Reply {
    repeat(&state, run).await
}

/// Repeats what did not succeed.
pub(in crate::server) async fn repeat(state: &Arc<ServerState>, run: RunId) -> Reply {
    let row = row(state, run).await?;
    refuse_nested(&row)?;
    if state.parts.engine.drives(run) {
        return Err(ApiError::conflict(format!("run {run} goes on"))
            .hint("`cancel` ends it, `GET …?wait=60` waits for its end"));
    }
    state.blocking(move |state| state.parts.engine.retry(run).map(drop).map_err(ApiError::from)).await?;
    Ok(asked(run, RunStatus::Running))
}

async fn rerun(
    State(state): S,
    Who(who): Who,
    RunPath(run): RunPath,
    Body { value, .. }: Body<RerunRequest>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let id = begin_again(&state, run, value, who).await?;
    Ok((StatusCode::CREATED, Json(Started { id: id.to_string(), repeated: false })))
}

/// Starts a new run from a task of an earlier one on.
pub(in crate::server) async fn begin_again(
    state: &Arc<ServerState>,
    run: RunId,
    value: RerunRequest,
    who: Identity,
) -> Result<RunId, ApiError> {
    let given = as_text(&value.params)?;
    let RerunRequest { from, only, current, .. } = value;
    let prepare = move |state: &ServerState| {
        let run = state.load(run)?;
        if !run.status().is_final() {
            return Err(ApiError::conflict(format!("run {} has not ended", run.id()))
                .hint("`GET …?wait=60` waits for its end"));
        }
        let params = params(&run, given);
        let checked = state.parts.workflows.check_again(&run, &params, current)?;
        let request = startable(checked, run.uses_cache(), &who)?;
        if !request.workflow.tasks.iter().any(|task| task.name == from) {
            find_task(&run, &from)?;
        }
        Ok((request, RerunFrom { run, task: from, only }))
    };
    let (request, from) = state.blocking(prepare).await?;
    Ok(state.parts.engine.rerun(request, &from).await?.id)
}

/// Starts a new run of what an earlier one recorded.
pub(in crate::server) async fn once_more(
    state: &Arc<ServerState>,
    run: RunId,
    who: Identity,
) -> Result<RunId, ApiError> {
    let prepare = move |state: &ServerState| {
        let run = state.load(run)?;
        let params = params(&run, BTreeMap::new());
        startable(state.parts.workflows.check_again(&run, &params, false)?, run.uses_cache(), &who)
    };
    let request = state.blocking(prepare).await?;
    let id = new_run_id(state.parts.world.as_ref());
    drop(state.parts.engine.start_with(id, request).await?);
    Ok(id)
}

/// The parameters of the earlier run with those that are given now in their place.
fn params(run: &Run, given: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let recorded = run.workflow().params.iter().map(|(name, value)| (name.clone(), text(value)));
    recorded.chain(given).collect()
}

async fn resolve(
    State(state): S,
    RunPath(run): RunPath,
    Body { value, .. }: Body<ResolveRequest>,
) -> Result<Json<Asked>, ApiError> {
    settle(&state, run, value.task, value.resolution.into()).await.map(Json)
}

/// Records what a person says of a task.
pub(in crate::server) async fn settle(
    state: &Arc<ServerState>,
    run: RunId,
    task: String,
    resolution: Resolution,
) -> Result<Asked, ApiError> {
    let find = move |state: &ServerState| {
        let run = state.load(run)?;
        let (idx, task, record) = find_task(&run, &task)?;
        if record.state != TaskState::Unknown {
            let message = format!("task `{}` is {}, not unknown", task.name, record.state.word());
            return Err(
                ApiError::conflict(message).hint("only a task whose outcome was lost can be resolved")
            );
        }
        Ok(idx)
    };
    let task = state.blocking(find).await?;
    let run = state.parts.engine.resolve(run, task, resolution).await?;
    Ok(Asked { id: run.id().to_string(), status: run.status().word() })
}
