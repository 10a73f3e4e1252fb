//! Whether the daemon works: the one thing that everyone may ask.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

use crate::server::endpoint::Endpoints;

/// That the daemon answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct HealthView {
    /// Always `ok`.
    status: &'static str,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/health", "health.show")
        .about("Say that the daemon works; needs no token")
        .role(None)
        .json::<HealthView>()
        .to(show);
}

pub(in crate::server) async fn show() -> Json<HealthView> {
    Json(HealthView { status: "ok" })
}
