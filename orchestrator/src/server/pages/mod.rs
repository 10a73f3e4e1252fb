//! The web page: views of the store for `sluicegate-web`, which makes HTML of them, and what its forms do.

mod compare;
mod convert;
mod forms;
mod frame;
mod log;
mod models;
mod overview;
mod plan;
mod plots;
mod report;
mod rest;
mod run;
mod runs;
mod system;
mod task;
mod workflows;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use serde_json::Value;

pub(super) use frame::refusals;

use super::state::ServerState;

/// Every page, and the forms.
pub(super) fn router(state: &Arc<ServerState>, document: Value) -> Router<Arc<ServerState>> {
    let pages = Router::new()
        .route("/", get(overview::show))
        .route("/workflows", get(workflows::list))
        .route("/workflows/{name}", get(workflows::show))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(run::show))
        .route("/runs/{run}/tasks/{task}", get(task::show))
        .route("/runs/{run}/tasks/{task}/log", get(log::show))
        .route("/compare", get(compare::show))
        .route("/models", get(models::list))
        .route("/models/{name}", get(models::show))
        .route("/deployments", get(rest::deployments))
        .route("/schedules", get(rest::schedules))
        .route("/kinds", get(rest::kinds))
        .route("/kinds/{name}", get(rest::kind))
        .route("/system", get(system::show))
        .route("/api/docs", get(async move |frame: frame::Frame| rest::api_docs(&frame, document)))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(state), frame::signed_in));
    let forms = Router::new()
        .route("/workflows/{name}/runs", post(forms::start))
        .route("/runs/{run}/{action}", post(forms::steer))
        .route("/runs/{run}/tasks/{task}/resolve", post(forms::resolve))
        .route("/models/{name}/{action}", post(forms::alias))
        .route("/deployments/{name}/stop", post(forms::stop))
        .route("/schedules/{id}/{action}", post(forms::schedule));
    let refusals = axum::middleware::from_fn_with_state(Arc::clone(state), frame::refusals);
    pages
        .merge(forms)
        .layer(refusals)
        .route("/login", get(frame::login).post(forms::login))
        .route("/logout", post(forms::logout))
        .route("/assets/{file}", get(frame::asset))
}
