//! The page for Prometheus.

use axum::{extract::State, http::header, response::IntoResponse};

use crate::server::{
    endpoint::Endpoints,
    error::ApiError,
    extract::S,
    metrics::{CONTENT_TYPE, Moment},
    state::ServerState,
};

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints.get("/metrics", "metrics.show").about("Metrics for Prometheus").other(CONTENT_TYPE).to(show);
}

async fn show(State(state): S) -> Result<impl IntoResponse, ApiError> {
    let page = |state: &ServerState| {
        let engine = &state.parts.engine;
        let moment = Moment {
            n_driven: engine.n_driven(),
            load: engine.load_of_workers(),
            database: state.parts.store.size()?,
        };
        state.metrics.page(&moment).map_err(|error| ApiError::internal(&error))
    };
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], state.blocking(page).await?))
}
