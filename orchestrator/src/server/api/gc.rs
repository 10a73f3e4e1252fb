//! Clearing away. Nothing is cleared away while the daemon drives a run, and runs that are to start wait meanwhile.

use std::sync::PoisonError;

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    run::Timestamp,
    server::{
        access::Role,
        endpoint::Endpoints,
        error::ApiError,
        extract::{Body, S},
        state::ServerState,
        views::rfc3339,
    },
    store::{GcOptions, GcReport},
};

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;

/// What is kept. Without limits only what nothing names is removed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct GcRequest {
    /// Runs that ended within so many days.
    #[serde(default)]
    pub(in crate::server) keep_days: Option<u32>,
    /// So many of the newest finished runs.
    #[serde(default)]
    pub(in crate::server) keep_runs: Option<usize>,
    /// As many of the newest runs as fit into so many bytes.
    #[serde(default)]
    pub(in crate::server) max_bytes: Option<u64>,
    /// True to say only what would be removed.
    #[serde(default)]
    pub(in crate::server) dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct GcView {
    pub(in crate::server) at: String,
    pub(in crate::server) dry_run: bool,
    pub(in crate::server) n_runs: usize,
    pub(in crate::server) n_cache_entries: usize,
    pub(in crate::server) n_artifacts: usize,
    pub(in crate::server) n_values: usize,
    pub(in crate::server) n_leftovers: usize,
    /// Bytes of all these.
    pub(in crate::server) bytes: u64,
}

/// What the latest clearing away did, and whether one could begin now.
#[derive(Debug, Serialize, JsonSchema)]
struct GcStatus {
    latest: Option<GcView>,
    /// Runs that go on, and keep it from beginning.
    n_driven: usize,
}

impl GcView {
    fn of(at: Timestamp, report: &GcReport) -> Self {
        Self {
            at: rfc3339(at),
            dry_run: report.dry_run,
            n_runs: report.n_runs,
            n_cache_entries: report.n_cache_entries,
            n_artifacts: report.n_artifacts,
            n_values: report.n_values,
            n_leftovers: report.n_leftovers,
            bytes: report.bytes,
        }
    }
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/gc", "gc.show")
        .about("Say what the latest clearing away did since the daemon started")
        .json::<GcStatus>()
        .to(show);
    endpoints
        .post("/api/v1/gc", "gc.run")
        .about("Remove old runs, and whatever nothing names any more; refused while a run goes on")
        .role(Some(Role::Admin))
        .body::<GcRequest>()
        .refuses(&[StatusCode::CONFLICT])
        .json::<GcView>()
        .to(run);
}

async fn show(State(state): S) -> Json<GcStatus> {
    let latest = state.cleared.lock().unwrap_or_else(PoisonError::into_inner);
    Json(GcStatus {
        latest: latest.as_ref().map(|(at, report)| GcView::of(*at, report)),
        n_driven: state.parts.engine.n_driven(),
    })
}

async fn run(State(state): S, Body { value, .. }: Body<GcRequest>) -> Result<Json<GcView>, ApiError> {
    let rest = state
        .parts
        .engine
        .rest()
        .map_err(|error| ApiError::from(error).hint("try again when no run goes on"))?;
    let clear = move |state: &ServerState| {
        let _rest = rest;
        let now = state.now();
        let ended_before = value.keep_days.map(|days| Timestamp(now.0 - i64::from(days) * DAY));
        let GcRequest { keep_runs, max_bytes, dry_run, .. } = value;
        let options = GcOptions { ended_before, keep_runs, max_bytes, dry_run, now };
        let report = state.parts.store.gc(&state.parts.artifacts, &options)?;
        let view = GcView::of(now, &report);
        *state.cleared.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, report));
        Ok(view)
    };
    state.blocking(clear).await.map(Json)
}
