//! The paths of the model server.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;

use super::{metrics, model::Served, predict::predict, reply::Refusal};

/// Every path; whatever else is asked for is refused in JSON.
pub(super) fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/", get(describe))
        .route("/predict", post(predict))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(page))
        .method_not_allowed_fallback(wrong_method)
        .fallback(wrong_path)
        .with_state(served)
}

async fn describe(State(served): State<Arc<Served>>) -> Json<Value> {
    Json(served.describe())
}

async fn live(State(served): State<Arc<Served>>) -> Json<Value> {
    Json(served.identity("live"))
}

async fn ready(State(served): State<Arc<Served>>) -> (StatusCode, Json<Value>) {
    match served.bundle() {
        Some(_) => (StatusCode::OK, Json(served.identity("ready"))),
        None => (StatusCode::SERVICE_UNAVAILABLE, Json(served.identity("loading"))),
    }
}

async fn page(State(served): State<Arc<Served>>) -> Response {
    match served.metrics.page() {
        Ok(page) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(_) => Refusal::internal().into_response(),
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let wanted = if uri.path() == "/predict" { "POST" } else { "GET" };
    let message = format!("`{}` takes {wanted}, not {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

async fn wrong_path(uri: Uri) -> Refusal {
    let message = format!("there is no `{}`; `GET /` lists what there is", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "not_found", message)
}
