//! Schedules; only when the daemon has a scheduler.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::workflows::{Params, as_text, plain_values};
use crate::server::{
    endpoint::Endpoints,
    error::ApiError,
    extract::{Body, P, S, Who, read_body},
    facade::{BackfillRange, ScheduleInfo, Schedules},
    state::ServerState,
    views::{parse_time, rfc3339},
};

/// Every schedule.
#[derive(Debug, Serialize, JsonSchema)]
struct ScheduleList {
    schedules: Vec<ScheduleView>,
}

/// A schedule.
#[derive(Debug, Serialize, JsonSchema)]
struct ScheduleView {
    id: String,
    workflow: String,
    trigger: String,
    /// A cron line in words; empty for others, and where words would not help.
    words: String,
    timezone: String,
    paused: bool,
    /// The next times at which it fires.
    next: Vec<String>,
    overlap: String,
    catch_up: String,
    /// The latest fires, newest first.
    recent: Vec<FireView>,
}

/// A fire of a schedule.
#[derive(Debug, Serialize, JsonSchema)]
struct FireView {
    at: String,
    run: Option<String>,
    decision: String,
    reason: String,
}

impl From<ScheduleInfo> for ScheduleView {
    fn from(info: ScheduleInfo) -> Self {
        Self {
            id: info.id,
            workflow: info.workflow,
            trigger: info.trigger,
            words: info.words,
            timezone: info.timezone,
            paused: info.paused,
            next: info.next.into_iter().map(rfc3339).collect(),
            overlap: info.overlap,
            catch_up: info.catch_up,
            recent: info
                .recent
                .into_iter()
                .map(|fire| FireView {
                    at: rfc3339(fire.at),
                    run: fire.run.map(|run| run.to_string()),
                    decision: fire.decision,
                    reason: fire.reason,
                })
                .collect(),
        }
    }
}

/// A schedule, by its id; ids may hold a `/`, and so stand in the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleRequest {
    id: String,
    /// Why; for a pause.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    reason: String,
}

/// A range of times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackfillRequest {
    id: String,
    /// RFC 3339, included.
    #[schemars(extend("format" = "date-time"))]
    from: String,
    /// RFC 3339, not included.
    #[schemars(extend("format" = "date-time"))]
    to: String,
    /// At most so many runs at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    parallel: u32,
    /// Parameters for the runs; the others are as the schedule has them.
    #[serde(default)]
    #[schemars(schema_with = "plain_values")]
    params: Params,
}

fn one() -> u32 {
    1
}

impl BackfillRequest {
    /// What the scheduler is asked for.
    pub(super) fn range(self) -> Result<BackfillRange, ApiError> {
        let time = |name: &str, text: &str| {
            parse_time(text).ok_or_else(|| {
                ApiError::invalid(format!("`{name}` is no time")).hint("write `2026-01-31T12:00:00Z`")
            })
        };
        if !(1..=100).contains(&self.parallel) {
            return Err(ApiError::invalid("`parallel` is not between 1 and 100"));
        }
        let (from, to) = (time("from", &self.from)?, time("to", &self.to)?);
        let params = as_text(&self.params)?;
        Ok(BackfillRange { id: self.id, from, to, parallel: self.parallel, params })
    }
}

/// That it was done.
#[derive(Debug, Serialize, JsonSchema)]
struct Done {
    id: String,
    /// The run, or how many there will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_runs: Option<usize>,
}

/// What became of a wish to stop.
#[derive(Debug, Serialize, JsonSchema)]
struct Stopped {
    id: String,
    /// False when nothing was left to stop.
    stopped: bool,
}

/// No schedule has the id, or it is of a kind that does not do this.
const UNKNOWN: &[StatusCode] = &[StatusCode::NOT_FOUND, StatusCode::CONFLICT];

/// Who wants a pause, and why.
pub(in crate::server) fn because(who: &str, reason: &str) -> String {
    if reason.trim().is_empty() { who.to_owned() } else { format!("{who}: {}", reason.trim()) }
}

pub(super) fn add(endpoints: &mut Endpoints, schedules: &Arc<dyn Schedules>) {
    endpoints
        .get("/api/v1/schedules", "schedules.list")
        .about("List schedules with their next and latest fires")
        .json::<ScheduleList>()
        .to({
            let schedules = Arc::clone(schedules);
            async move |State(state): S| {
                let read = move |_: &ServerState| Ok(schedules.list()?);
                let all = state.blocking(read).await?;
                Ok::<_, ApiError>(Json(ScheduleList { schedules: all.into_iter().map(Into::into).collect() }))
            }
        });
    for (path, name, about, paused) in [
        ("/api/v1/schedules/pause", "schedules.pause", "Let a schedule rest", true),
        ("/api/v1/schedules/resume", "schedules.resume", "Let a schedule go on", false),
    ] {
        let schedules = Arc::clone(schedules);
        endpoints.post(path, name).about(about).body::<ScheduleRequest>().json::<Done>().refuses(UNKNOWN).to(
            async move |State(state): S, Who(who): Who, Body { value, .. }: Body<ScheduleRequest>| {
                if value.reason.chars().count() > 1000 {
                    return Err(ApiError::invalid("`reason` has more than 1000 characters"));
                }
                let change = move |_: &ServerState| {
                    if paused {
                        schedules.pause(&value.id, &because(&who.name, &value.reason))?;
                    } else {
                        schedules.resume(&value.id, &who.name)?;
                    }
                    Ok(Done { id: value.id, run: None, n_runs: None })
                };
                state.blocking(change).await.map(Json)
            },
        );
    }
    add_fires(endpoints, schedules);
    add_stop(endpoints, schedules);
    add_webhook(endpoints, schedules);
}

fn add_fires(endpoints: &mut Endpoints, schedules: &Arc<dyn Schedules>) {
    let of = Arc::clone(schedules);
    endpoints
        .post("/api/v1/schedules/fire", "schedules.fire")
        .about("Fire a schedule now")
        .body::<ScheduleRequest>()
        .refuses(UNKNOWN)
        .json::<Done>()
        .to(async move |State(state): S, Who(who): Who, Body { value, .. }: Body<ScheduleRequest>| {
            let fire = move |_: &ServerState| {
                let run = of.fire(&value.id, &who.name)?;
                Ok(Done { id: value.id, run: Some(run.to_string()), n_runs: None })
            };
            state.blocking(fire).await.map(Json)
        });
    let of = Arc::clone(schedules);
    endpoints
        .post("/api/v1/schedules/backfill", "schedules.backfill")
        .about("Fire a schedule for every time of a range")
        .body::<BackfillRequest>()
        .refuses(UNKNOWN)
        .json::<Done>()
        .to(async move |State(state): S, Who(who): Who, Body { value, .. }: Body<BackfillRequest>| {
            let range = value.range()?;
            let fire = move |_: &ServerState| {
                let n_runs = of.backfill(&range, &who.name)?;
                Ok(Done { id: range.id, run: None, n_runs: Some(n_runs) })
            };
            state.blocking(fire).await.map(Json)
        });
}

fn add_stop(endpoints: &mut Endpoints, schedules: &Arc<dyn Schedules>) {
    let of = Arc::clone(schedules);
    endpoints
        .post("/api/v1/schedules/stop-backfills", "schedules.stop_backfills")
        .about("Drop what is left of a schedule's backfills; runs that go on are left alone")
        .body::<ScheduleRequest>()
        .refuses(UNKNOWN)
        .json::<Stopped>()
        .to(async move |State(state): S, Body { value, .. }: Body<ScheduleRequest>| {
            let stop = move |_: &ServerState| {
                let stopped = of.stop_backfills(&value.id)?;
                Ok(Stopped { id: value.id, stopped })
            };
            state.blocking(stop).await.map(Json)
        });
}

/// A webhook carries its own proof, which the scheduler verifies over the body as it came.
fn add_webhook(endpoints: &mut Endpoints, schedules: &Arc<dyn Schedules>) {
    let of = Arc::clone(schedules);
    endpoints
        .post("/api/v1/hooks/{workflow}/{name}", "hooks.receive")
        .about("Take a webhook's request; its signature is the proof")
        .role(None)
        .bytes()
        .header(
            "X-Sluice-Signature",
            "HMAC-SHA256 of the body in hexadecimal; `X-Hub-Signature-256` does as well",
        )
        .header("X-Sluice-Delivery", "The sender's own id of the request; one that came before does nothing")
        .status(StatusCode::ACCEPTED)
        .json::<Value>()
        .to(
            async move |State(state): S,
                        P((workflow, name)): P<(String, String)>,
                        headers: HeaderMap,
                        body: axum::body::Body| {
                let body = read_body(body).await?;
                let headers: BTreeMap<String, String> = headers
                    .iter()
                    .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
                    .collect();
                let take = move |_: &ServerState| Ok(of.webhook(&workflow, &name, &headers, &body)?);
                let reply = state.blocking(take).await?;
                Ok::<_, ApiError>((StatusCode::ACCEPTED, Json(reply)))
            },
        );
}
