//! Starting runs.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workflows::{Params, as_text, find};
use crate::{
    engine::StartRequest,
    run::RunId,
    server::{
        access::{Identity, Via},
        endpoint::Endpoints,
        error::ApiError,
        extract::{Body, S, Who},
        facade::CheckedWorkflow,
        starts::Claim,
        state::ServerState,
    },
    workflow,
    world::new_run_id,
};

/// What to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct RunRequest {
    /// The workflow's name.
    pub(in crate::server) workflow: String,
    /// Parameters; the others have their defaults.
    #[serde(default)]
    pub(in crate::server) params: Params,
    /// False to run every task anew.
    #[serde(default = "yes")]
    pub(in crate::server) use_cache: bool,
}

fn yes() -> bool {
    true
}

/// A run that was started.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Started {
    /// The run's id.
    pub(in crate::server) id: String,
    /// True when an earlier request with the same idempotency key has started it.
    pub(in crate::server) repeated: bool,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .post("/api/v1/runs", "runs.start")
        .about("Start a run. With an `Idempotency-Key` header the same request starts one run, however often it is sent within a day")
        .body::<RunRequest>()
        .status(StatusCode::CREATED)
        .json::<Started>()
        .to(start);
}

async fn start(
    State(state): S,
    Who(who): Who,
    headers: HeaderMap,
    Body { value, bytes }: Body<RunRequest>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    let Some(key) = headers.get("idempotency-key") else {
        let id = new_run_id(state.parts.world.as_ref());
        begin(&state, id, value, &who).await?;
        return Ok((StatusCode::CREATED, Json(Started { id: id.to_string(), repeated: false })));
    };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 200);
    let key =
        key.ok_or_else(|| ApiError::invalid("an idempotency key has 1 to 200 plain characters"))?.to_owned();
    // What cannot be started takes no key.
    let checked = checked(&state, &value).await?;
    let offered = new_run_id(state.parts.world.as_ref());
    let by = who.clone();
    let claim = move |state: &ServerState| {
        let claimed = state.starts.claim(&who.name, &key, &bytes, offered, state.now());
        claimed.map_err(|error| ApiError::internal(&error))
    };
    let (id, repeated) = match state.blocking(claim).await? {
        Claim::New => (offered, false),
        Claim::Known(id) => {
            let known = state.blocking(move |state| Ok(state.parts.store.row(id)?)).await?;
            if known.is_some() || state.parts.engine.drives(id) {
                return Ok((StatusCode::OK, Json(Started { id: id.to_string(), repeated: true })));
            }
            // The daemon died between the two: the run that was promised is made now.
            (id, true)
        }
        Claim::Other => {
            return Err(ApiError::conflict("the idempotency key belongs to another request")
                .hint("make a new key for each run"));
        }
    };
    match launch(&state, id, checked, value.use_cache, &by).await {
        // The same request has started it in this moment.
        Err(error) if repeated && error.status == StatusCode::CONFLICT => {
            Ok((StatusCode::OK, Json(Started { id: id.to_string(), repeated })))
        }
        started => {
            started?;
            Ok((StatusCode::CREATED, Json(Started { id: id.to_string(), repeated })))
        }
    }
}

/// Checks and starts.
pub(in crate::server) async fn begin(
    state: &Arc<ServerState>,
    id: RunId,
    request: RunRequest,
    who: &Identity,
) -> Result<(), ApiError> {
    let checked = checked(state, &request).await?;
    launch(state, id, checked, request.use_cache, who).await
}

async fn checked(state: &Arc<ServerState>, request: &RunRequest) -> Result<CheckedWorkflow, ApiError> {
    let params = as_text(&request.params)?;
    let name = request.workflow.clone();
    let check = move |state: &ServerState| {
        find(state, &name)?;
        Ok(state.parts.workflows.check(&name, &params)?)
    };
    state.blocking(check).await
}

/// Starts what was checked; refuses what has problems.
pub(in crate::server) async fn launch(
    state: &Arc<ServerState>,
    id: RunId,
    checked: CheckedWorkflow,
    use_cache: bool,
    who: &Identity,
) -> Result<(), ApiError> {
    let request = startable(checked, use_cache, who)?;
    // Nobody in this process holds the run: who wants to know follows it.
    drop(state.parts.engine.start_with(id, request).await?);
    Ok(())
}

pub(in crate::server) fn startable(
    checked: CheckedWorkflow,
    use_cache: bool,
    who: &Identity,
) -> Result<StartRequest, ApiError> {
    let CheckedWorkflow { file, base_dir, source, workflow, diagnostics } = checked;
    match workflow {
        Some(workflow) => {
            // Whoever did not have to say who they are is known by the way they came.
            let started_by = if who.via == Via::Loopback && who.name == "local" { "API" } else { &who.name };
            Ok(StartRequest { workflow, base_dir, file, use_cache, started_by: started_by.to_owned() })
        }
        None => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_workflow",
            format!("`{}` cannot be run like this", source.name),
        )
        .diagnostics(workflow::to_json(&source, &diagnostics))),
    }
}
