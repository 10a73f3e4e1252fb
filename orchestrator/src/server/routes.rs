//! Every path, and what stands before all of them.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::{
    Router,
    handler::Handler,
    http::{Method, Uri, header},
    middleware,
    response::IntoResponse,
    routing::get,
};

use super::{api, endpoint::Endpoints, error::ApiError, guard::gate, openapi, pages, state::ServerState};

/// The router of the daemon.
pub(super) fn router(state: &Arc<ServerState>) -> Router {
    let mut endpoints = Endpoints::new(Arc::clone(state));
    api::add(&mut endpoints, state);
    let document = openapi::document(&mut endpoints);
    let text = document.to_string();
    endpoints
        .get("/api/openapi.json", "openapi.show")
        .to(async move || ([(header::CONTENT_TYPE, "application/json")], text));
    let refusals = middleware::from_fn_with_state(Arc::clone(state), pages::refusals);
    endpoints
        .router
        .merge(pages::router(state, document))
        .route("/health", get(api::health::show))
        .method_not_allowed_fallback(wrong_method)
        .fallback(wrong_path.layer(refusals))
        .layer(middleware::from_fn_with_state(Arc::clone(state), gate))
        .with_state(Arc::clone(state))
}

async fn wrong_method(method: Method, uri: Uri) -> impl IntoResponse {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("`{}` does not take {method}", uri.path()),
    )
}

async fn wrong_path(uri: Uri) -> impl IntoResponse {
    let path: String = uri.path().chars().take(100).collect();
    ApiError::not_found(format!("there is no `{path}`")).hint("`/api/docs` says what the API has")
}
