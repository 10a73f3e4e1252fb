//! Two runs side by side.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    run::RunDiff,
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{Q, S, run_id},
        state::ServerState,
        views::DiffView,
    },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DiffQuery {
    /// The run to compare with.
    before: String,
    /// The run to compare.
    after: String,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/diff", "runs.diff")
        .about("Compare two runs: definition, parameters, inputs, metrics, durations")
        .query::<DiffQuery>()
        .json::<DiffView>()
        .to(show);
}

async fn show(State(state): S, Q(query): Q<DiffQuery>) -> Result<Json<DiffView>, ApiError> {
    let (before, after) = (run_id(&query.before)?, run_id(&query.after)?);
    let read =
        move |state: &ServerState| Ok(DiffView::of(&RunDiff::of(&state.load(before)?, &state.load(after)?)));
    state.blocking(read).await.map(Json)
}
