//! Runs: lists, one run, one task.

use std::time::Duration;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logs::attempts_with_logs;
use crate::{
    run::{Run, RunId, RunStatus, TaskRecord},
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{P, Q, RunPath, S, run_id},
        listen::stopped,
        openapi::RUN_ID,
        state::{ServerState, no_run},
        views::{RunPage, RunSummary, RunView, TaskDetail, parse_time},
    },
    store::PageFilter,
    workflow::{Task, TaskIdx},
};

/// The longest page.
const MAX_LIMIT: usize = 500;

/// The longest wait for a run's end, in seconds.
const MAX_WAIT: f64 = 60.0;

/// Which runs to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct RunsQuery {
    /// Only runs of this workflow.
    pub(in crate::server) workflow: Option<String>,
    /// Only runs in this state.
    #[schemars(extend("enum" = STATUSES.map(RunStatus::word)))]
    pub(in crate::server) status: Option<String>,
    /// Only runs that were made at this time (RFC 3339) or later.
    #[schemars(extend("format" = "date-time"))]
    pub(in crate::server) since: Option<String>,
    /// Only runs that were made before this time (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub(in crate::server) until: Option<String>,
    /// At most so many, 50 when nothing is said.
    pub(in crate::server) limit: Option<usize>,
    /// `next` of the page before.
    #[schemars(regex(pattern = RUN_ID))]
    pub(in crate::server) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    /// Waits so many seconds, at most 60, for the run's end before it answers.
    wait: Option<f64>,
}

/// Metrics of a run's tasks.
#[derive(Debug, Serialize, JsonSchema)]
struct MetricsView {
    /// By task, then by name.
    tasks: std::collections::BTreeMap<String, std::collections::BTreeMap<String, f64>>,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/runs", "runs.list")
        .about("List runs, newest first")
        .query::<RunsQuery>()
        .json::<RunPage>()
        .to(list);
    endpoints
        .get("/api/v1/runs/{run}", "runs.show")
        .about("Show a run with its tasks; with `wait`, once it has ended")
        .query::<ShowQuery>()
        .json::<RunView>()
        .to(show);
    endpoints
        .get("/api/v1/runs/{run}/tasks/{task}", "tasks.show")
        .about("Show a task of a run with all that is known of it")
        .json::<TaskDetail>()
        .to(task);
    endpoints
        .get("/api/v1/runs/{run}/metrics", "runs.metrics")
        .about("List the metrics of a run's tasks")
        .json::<MetricsView>()
        .to(metrics);
}

/// Every state of a run.
const STATUSES: [RunStatus; 7] = [
    RunStatus::Running,
    RunStatus::Paused,
    RunStatus::Interrupted,
    RunStatus::Succeeded,
    RunStatus::Rejected,
    RunStatus::Failed,
    RunStatus::Cancelled,
];

pub(in crate::server) fn parse_status(text: &str) -> Result<RunStatus, ApiError> {
    STATUSES.into_iter().find(|status| status.word() == text).ok_or_else(|| {
        ApiError::invalid("`status` is not a state of a run")
            .hint(format!("use one of {}", STATUSES.map(RunStatus::word).join(", ")))
    })
}

/// A page of runs.
pub(in crate::server) fn page(state: &ServerState, query: &RunsQuery) -> Result<RunPage, ApiError> {
    let time = |name: &str, text: &Option<String>| match text.as_deref().map(parse_time) {
        None => Ok(None),
        Some(Some(at)) => Ok(Some(at)),
        Some(None) => {
            Err(ApiError::invalid(format!("`{name}` is no time")).hint("write `2026-01-31T12:00:00Z`"))
        }
    };
    let filter = PageFilter {
        workflow: query.workflow.as_deref(),
        status: query.status.as_deref().map(parse_status).transpose()?,
        since: time("since", &query.since)?,
        until: time("until", &query.until)?,
        before: query
            .cursor
            .as_deref()
            .map(|text| {
                text.parse::<RunId>().map_err(|_| {
                    ApiError::invalid("`cursor` is none of a page").hint("take `next` of the page before")
                })
            })
            .transpose()?,
        limit: query.limit.unwrap_or(50).clamp(1, MAX_LIMIT),
    };
    let page = state.parts.store.page(&filter)?;
    let now = state.now();
    Ok(RunPage {
        runs: page.rows.iter().map(|row| RunSummary::of(row, now)).collect(),
        next: page.next.map(|next| next.to_string()),
    })
}

async fn list(State(state): S, Q(query): Q<RunsQuery>) -> Result<Json<RunPage>, ApiError> {
    state.blocking(move |state| page(state, &query)).await.map(Json)
}

async fn show(
    State(state): S,
    RunPath(run): RunPath,
    Q(query): Q<ShowQuery>,
) -> Result<Json<RunView>, ApiError> {
    if let Some(wait) = query.wait.filter(|wait| wait.is_finite() && *wait > 0.0) {
        let wait = Duration::from_secs_f64(wait.min(MAX_WAIT));
        let mut stopping = state.stopping.clone();
        tokio::select! {
            () = stopped(&mut stopping) => {}
            ended = tokio::time::timeout(wait, until_ended(&state, run)) => ended.unwrap_or(Ok(()))?,
        }
    }
    state.blocking(move |state| Ok(RunView::of(&state.load(run)?, state.now()))).await.map(Json)
}

/// Waits until a run is at its end.
async fn until_ended(state: &std::sync::Arc<ServerState>, run: RunId) -> Result<(), ApiError> {
    let mut feed = state.parts.engine.follow(run);
    let row = state.blocking(move |state| Ok(state.parts.store.row(run)?)).await?;
    let row = row.ok_or_else(|| no_run(&run.to_string()))?;
    if row.status.is_final() {
        return Ok(());
    }
    // The feed closes behind the run's last event.
    while !matches!(feed.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {}
    Ok(())
}

/// A task of a run by its name.
pub(in crate::server) fn find_task<'r>(
    run: &'r Run,
    name: &str,
) -> Result<(TaskIdx, &'r Task, &'r TaskRecord), ApiError> {
    let found = run.tasks().find(|(_, task, _)| task.name == name);
    found.ok_or_else(|| {
        let shown: String = name.chars().take(60).collect();
        let near = sluicegate_plugin::nearest(&shown, run.tasks().map(|(_, task, _)| task.name.as_str()));
        let error = ApiError::not_found(format!("run {} has no task `{shown}`", run.id()));
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    })
}

async fn task(State(state): S, P((run, task)): P<(String, String)>) -> Result<Json<TaskDetail>, ApiError> {
    let run = run_id(&run)?;
    let read = move |state: &ServerState| {
        let run = state.load(run)?;
        let (idx, task, record) = find_task(&run, &task)?;
        let logs = attempts_with_logs(state, &run, task, record);
        Ok(TaskDetail::of(&run, idx, task, record, state.now(), logs))
    };
    state.blocking(read).await.map(Json)
}

async fn metrics(State(state): S, RunPath(run): RunPath) -> Result<Json<MetricsView>, ApiError> {
    let read = move |state: &ServerState| {
        let run = state.load(run)?;
        let tasks = run.tasks().filter_map(|(_, task, record)| {
            let metrics = &record.outcome.as_ref()?.metrics;
            (!metrics.is_empty()).then(|| (task.name.clone(), metrics.clone()))
        });
        Ok(MetricsView { tasks: tasks.collect() })
    };
    state.blocking(read).await.map(Json)
}
