//! Starting runs.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workflows::{Params, as_text, find, plain_values};
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
    #[schemars(schema_with = "plain_values")]
    pub(in crate::server) params: Params,
    /// False to run every task anew.
    #[serde(default = "yes")]
    pub(in crate::server) use_cache: bool,
}

/// With what a start may be refused: what is named does not exist, the daemon clears away, or the workflow has problems.
pub(super) const STARTING: &[StatusCode] =
    &[StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY];

/// How often a run that is about to be recorded is looked for.
const A_MOMENT: Duration = Duration::from_millis(2);

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
        .header("Idempotency-Key", "Makes the request one that starts a single run")
        .body::<RunRequest>()
        .also(StatusCode::OK, "an earlier request with the same key has started it")
        .refuses(STARTING)
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
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let key = key.ok_or_else(|| {
        ApiError::invalid("an idempotency key has 1 to 200 plain characters, and no blank")
            .hint("a UUID is a good one; make a new one for each run")
    })?;
    let key = key.to_owned();
    // What cannot be started takes no key.
    let checked = checked(&state, &value).await?;
    let offered = new_run_id(state.parts.world.as_ref());
    let by = who.clone();
    let claim = move |state: &ServerState| {
        let claimed = state.starts.claim(&who.name, &key, &bytes, offered, state.now());
        claimed.map_err(|error| ApiError::internal(&error))
    };
    let id = match state.blocking(claim).await? {
        Claim::New => offered,
        Claim::Known(id) => {
            if is_there(&state, id).await? {
                return Ok((StatusCode::OK, Json(Started { id: id.to_string(), repeated: true })));
            }
            // The daemon died between the two: the run that was promised is made now.
            id
        }
        Claim::Other => {
            return Err(ApiError::conflict("the idempotency key belongs to another request")
                .hint("make a new key for each run"));
        }
    };
    match launch(&state, id, checked, value.use_cache, &by).await {
        // The same request, sent twice at once, has started it in this moment.
        Err(error) if error.status == StatusCode::CONFLICT && is_there(&state, id).await? => {
            Ok((StatusCode::OK, Json(Started { id: id.to_string(), repeated: true })))
        }
        started => {
            started?;
            Ok((StatusCode::CREATED, Json(Started { id: id.to_string(), repeated: false })))
        }
    }
}

/// Tells whether a run is recorded; waits for one that is about to be.
async fn is_there(state: &Arc<ServerState>, id: RunId) -> Result<bool, ApiError> {
    loop {
        let is_about_to = state.parts.engine.drives(id);
        let row = state.blocking(move |state| Ok(state.parts.store.row(id)?)).await?;
        if row.is_some() || !is_about_to {
            return Ok(row.is_some());
        }
        tokio::time::sleep(A_MOMENT).await;
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
    match checked {
        CheckedWorkflow { file, base_dir, workflow: Some(workflow), .. } => {
            // Whoever did not have to say who they are is known by the way they came.
            let started_by = if who.via == Via::Loopback && who.name == "local" { "API" } else { &who.name };
            Ok(StartRequest { workflow, base_dir, file, use_cache, started_by: started_by.to_owned() })
        }
        broken => Err(cannot_run(&broken)),
    }
}

/// The refusal of a workflow with problems.
pub(super) fn cannot_run(checked: &CheckedWorkflow) -> ApiError {
    let message = format!("`{}` cannot be run like this", checked.source.name);
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_workflow", message)
        .hint("`diagnostics` says what is wrong, and where")
        .diagnostics(workflow::to_json(&checked.source, &checked.diagnostics))
}
