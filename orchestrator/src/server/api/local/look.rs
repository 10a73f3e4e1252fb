//! Looking, in the store's own form: the registry, the deployments, what a run would do, and whether the disk is in order.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{super::start::startable, runs::LocalRun};
use crate::{
    engine::PlannedTask,
    server::{
        error::ApiError,
        extract::{Body, S, Who},
        state::ServerState,
    },
    store::{self, CheckReport},
};

/// The registry.
pub(super) async fn models(State(state): S) -> Result<Json<Value>, ApiError> {
    let read = |state: &ServerState| {
        let store = &state.parts.store;
        let mut all = Vec::new();
        for model in store.models()? {
            let (versions, history) = (store.versions(&model.name)?, store.alias_history(&model.name)?);
            all.push(json!({ "summary": model, "versions": versions, "history": history }));
        }
        Ok(Value::from(all))
    };
    state.blocking(read).await.map(Json)
}

/// The deployments.
pub(super) async fn deployments(State(state): S) -> Result<Json<Value>, ApiError> {
    state.blocking(|state| Ok(json!(state.parts.store.deployments(None)?))).await.map(Json)
}

/// What a run of a file would do; starts and records nothing.
pub(super) async fn plan(
    State(state): S,
    Who(who): Who,
    Body { value, .. }: Body<LocalRun>,
) -> Result<Json<Vec<PlannedTask>>, ApiError> {
    let LocalRun { path, params, use_cache, .. } = value;
    let plan = move |state: &ServerState| {
        let request = startable(state.parts.workflows.check_file(&path, &params)?, use_cache, &who)?;
        Ok(state.parts.engine.plan(request))
    };
    state.blocking(plan).await.map(Json)
}

/// Reads everything on the disk again, also while runs go on.
pub(super) async fn doctor(State(state): S) -> Result<Json<CheckReport>, ApiError> {
    state.blocking(|state| Ok(store::check_open(&state.parts.store)?)).await.map(Json)
}
