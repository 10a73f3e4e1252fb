//! For commands on this machine, which reach the daemon by its socket: running, planning and checking what stands in any file, and what the
//! store has in its own form. That form is the command's own too: it is the same program, and refuses events of a newer one.

mod backfill;
mod look;
mod runs;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::server::{
    access::{Identity, Role, Via},
    endpoint::Endpoints,
    error::ApiError,
    guard::unauthorized,
    right::{Right, allow},
};

pub(super) fn add(endpoints: &mut Endpoints) {
    let state = &endpoints.state;
    let noted = |name: &'static str| {
        let right = Right { state: Arc::clone(state), role: Some(Role::Admin), name, changes: true };
        middleware::from_fn_with_state(right, allow)
    };
    let router = Router::new()
        .route("/api/v1/local/runs", post(runs::start).layer(noted("runs.start")))
        .route("/api/v1/local/runs/{run}/records", get(runs::records))
        .route("/api/v1/local/backfill", post(backfill::start).layer(noted("schedules.backfill")))
        .route("/api/v1/local/plan", post(look::plan))
        .route("/api/v1/local/doctor", get(look::doctor))
        .route("/api/v1/local/models", get(look::models))
        .route("/api/v1/local/deployments", get(look::deployments))
        .layer(middleware::from_fn(only_socket));
    endpoints.router = std::mem::take(&mut endpoints.router).merge(router);
}

/// Lets commands of this machine through; for everyone else there is nothing here.
async fn only_socket(request: Request, next: Next) -> Response {
    let comes_by_it =
        request.extensions().get::<Identity>().is_some_and(|identity| identity.via == Via::Socket);
    if comes_by_it {
        next.run(request).await
    } else if request.extensions().get::<Identity>().is_some() {
        ApiError::not_found("there is no such path")
            .hint("`/api/openapi.json` lists what there is")
            .into_response()
    } else {
        unauthorized("this needs a token").into_response()
    }
}
