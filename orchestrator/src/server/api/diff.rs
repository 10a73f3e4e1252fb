//! Two runs side by side.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    run::RunDiff,
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{Q, S, run_id},
        openapi::RUN_ID,
        state::ServerState,
        views::DiffView,
    },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DiffQuery {
    /// The run to compare with.
    #[schemars(regex(pattern = RUN_ID))]
    before: String,
    /// The run to compare.
    #[schemars(regex(pattern = RUN_ID))]
    after: String,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/diff", "runs.diff")
        .about("Compare two runs: definition, parameters, inputs, metrics, durations")
        .query::<DiffQuery>()
        .refuses(&[StatusCode::NOT_FOUND])
        .json::<DiffView>()
        .to(show);
}

async fn show(State(state): S, Q(query): Q<DiffQuery>) -> Result<Json<DiffView>, ApiError> {
    let (before, after) = (run_id(&query.before)?, run_id(&query.after)?);
    let read =
        move |state: &ServerState| Ok(DiffView::of(&RunDiff::of(&state.load(before)?, &state.load(after)?)));
    state.blocking(read).await.map(Json)
}
