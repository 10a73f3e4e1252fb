//! Deployments: what is in service, and how it is.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_plugin::{Deployment, DeploymentState};

use crate::server::{
    endpoint::Endpoints,
    error::ApiError,
    extract::{Body, P, Q, S},
    facade::Health,
    state::ServerState,
    views::{DeploymentList, DeploymentView},
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeploymentsQuery {
    /// Also those that are stopped or failed.
    #[serde(default)]
    all: bool,
}

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Generations that were taken out of service.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct StoppedView {
    name: String,
    generations: Vec<u64>,
}

/// What a rollback has put into service.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct RolledBackView {
    name: String,
    generation: u64,
    model: String,
    version: Option<u64>,
    address: String,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/deployments", "deployments.list")
        .about("List deployments, and ask each how it is")
        .query::<DeploymentsQuery>()
        .json::<DeploymentList>()
        .to(list);
    endpoints
        .get("/api/v1/deployments/{deployment}", "deployments.show")
        .about("Show every generation of a deployment, newest first")
        .json::<DeploymentList>()
        .to(show);
    endpoints
        .post("/api/v1/deployments/{deployment}/stop", "deployments.stop")
        .about("Take a deployment out of service")
        .body::<Nothing>()
        .json::<StoppedView>()
        .to(stop);
    endpoints
        .post("/api/v1/deployments/{deployment}/rollback", "deployments.rollback")
        .about("Put the model that was in service before back into service")
        .body::<Nothing>()
        .refuses(&[StatusCode::CONFLICT])
        .json::<RolledBackView>()
        .to(roll_back);
}

async fn roll_back(
    State(state): S,
    P(name): P<String>,
    _: Body<Nothing>,
) -> Result<Json<RolledBackView>, ApiError> {
    state.blocking(move |state| back(state, &name)).await.map(Json)
}

/// Puts the model that was in service before back into service.
pub(in crate::server) fn back(state: &ServerState, name: &str) -> Result<RolledBackView, ApiError> {
    generations(state, name)?;
    let Deployment { name, generation, model, version, address, .. } =
        state.parts.deployments.roll_back(name)?;
    Ok(RolledBackView { name, generation, model, version, address })
}

pub(in crate::server) fn in_service(deployment: &Deployment) -> bool {
    matches!(deployment.state, DeploymentState::Starting | DeploymentState::Ready)
}

/// A deployment with what it says of itself.
pub(in crate::server) fn probed(state: &ServerState, deployment: &Deployment) -> DeploymentView {
    let health =
        in_service(deployment).then(|| state.parts.deployments.health(deployment).unwrap_or(Health::Gone));
    DeploymentView::of(deployment, health)
}

async fn list(State(state): S, Q(query): Q<DeploymentsQuery>) -> Result<Json<DeploymentList>, ApiError> {
    let read = move |state: &ServerState| {
        let all = state.parts.store.deployments(None)?;
        let wanted = all.iter().filter(|deployment| query.all || in_service(deployment));
        Ok(DeploymentList { deployments: wanted.map(|deployment| probed(state, deployment)).collect() })
    };
    state.blocking(read).await.map(Json)
}

fn generations(state: &ServerState, name: &str) -> Result<Vec<Deployment>, ApiError> {
    let found = if name.contains('\0') { Vec::new() } else { state.parts.store.deployments(Some(name))? };
    if found.is_empty() {
        let shown: String = name.chars().take(60).collect();
        return Err(ApiError::not_found(format!("no deployment is named `{shown}`"))
            .hint("`GET /api/v1/deployments` lists them"));
    }
    Ok(found)
}

async fn show(State(state): S, P(name): P<String>) -> Result<Json<DeploymentList>, ApiError> {
    let read = move |state: &ServerState| {
        let found = generations(state, &name)?;
        Ok(DeploymentList { deployments: found.iter().rev().map(|one| probed(state, one)).collect() })
    };
    state.blocking(read).await.map(Json)
}

async fn stop(State(state): S, P(name): P<String>, _: Body<Nothing>) -> Result<Json<StoppedView>, ApiError> {
    state.blocking(move |state| end(state, name)).await.map(Json)
}

/// Takes every generation of a deployment out of service.
pub(in crate::server) fn end(state: &ServerState, name: String) -> Result<StoppedView, ApiError> {
    let found = generations(state, &name)?;
    let mut stopped = Vec::new();
    for deployment in found.iter().filter(|deployment| in_service(deployment)) {
        state.parts.deployments.stop(deployment)?;
        stopped.push(deployment.generation);
    }
    Ok(StoppedView { name, generations: stopped })
}
