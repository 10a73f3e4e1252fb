//! Every path, and what stands before all of them.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State,
    handler::Handler,
    http::{Method, StatusCode, Uri, header},
    middleware,
    response::IntoResponse,
    routing::get,
};

use super::{
    access::Identity,
    api,
    endpoint::Endpoints,
    error::ApiError,
    extract::S,
    guard::{gate, unauthorized},
    openapi, pages,
    state::ServerState,
};

/// The router of the daemon.
pub(super) fn router(state: &Arc<ServerState>) -> Router {
    let mut endpoints = Endpoints::new(Arc::clone(state));
    api::add(&mut endpoints, state);
    let document = openapi::document(&mut endpoints);
    let texts = Arc::new([document.to_string(), openapi::open(&document).to_string()]);
    endpoints.get("/api/openapi.json", "openapi.show").to(async move |State(state): S| {
        // Without tokens and reachable from here alone, nobody is asked for one.
        let is_open = state.options.loopback_only && state.tokens.is_empty().unwrap_or(false);
        ([(header::CONTENT_TYPE, "application/json")], texts[usize::from(is_open)].clone())
    });
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
    let path: String = uri.path().chars().take(100).collect();
    let method: String = method.as_str().chars().take(20).collect();
    let message = format!("`{path}` does not take {method}");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        .hint("the header `Allow` says what it takes")
}

async fn wrong_path(who: Option<Extension<Identity>>, uri: Uri) -> ApiError {
    if who.is_none() {
        return unauthorized("this needs a token");
    }
    let path: String = uri.path().chars().take(100).collect();
    ApiError::not_found(format!("there is no `{path}`")).hint("`/api/docs` says what the API has")
}
