//! Workflow files, and checking.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{Body, P, S},
        facade::WorkflowFile,
        state::ServerState,
        views::{CheckView, WorkflowList, WorkflowSummary, WorkflowView},
    },
    workflow::draw,
};

/// Parameters by name; text and plain values both do.
pub(in crate::server) type Params = BTreeMap<String, Value>;

/// What [`Params`] may hold.
pub(in crate::server) fn plain_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
}

/// A workflow to check that is no file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckRequest {
    /// The file's text.
    text: String,
    /// The name of the file that it could be.
    #[serde(default = "unnamed")]
    name: String,
    #[serde(default)]
    #[schemars(schema_with = "plain_values")]
    params: Params,
}

fn unnamed() -> String {
    "workflow.toml".into()
}

/// Parameters to check a workflow with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckParams {
    #[serde(default)]
    #[schemars(schema_with = "plain_values")]
    params: Params,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/workflows", "workflows.list")
        .about("List the workflows of the daemon's folder")
        .json::<WorkflowList>()
        .to(list);
    endpoints
        .get("/api/v1/workflows/{workflow}", "workflows.show")
        .about("Show a workflow: its parameters, tasks, text and problems")
        .json::<WorkflowView>()
        .to(show);
    endpoints
        .get("/api/v1/workflows/{workflow}/graph", "workflows.graph")
        .about("Draw a workflow's graph")
        .other("image/svg+xml")
        .refuses(&[StatusCode::CONFLICT])
        .to(graph);
    endpoints
        .post("/api/v1/workflows/{workflow}/check", "workflows.check")
        .about("Check a workflow with parameters; runs nothing")
        .body::<CheckParams>()
        .json::<CheckView>()
        .to(check);
    endpoints
        .post("/api/v1/check", "check")
        .about("Check a text as if it were a workflow file of the folder; writes nothing")
        .body::<CheckRequest>()
        .json::<CheckView>()
        .to(check_text);
}

/// Parameters as text, which is how a workflow takes them.
pub(in crate::server) fn as_text(params: &Params) -> Result<BTreeMap<String, String>, ApiError> {
    params
        .iter()
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => {
                    let shown: String = name.chars().take(60).collect();
                    let message = format!("parameter `{shown}` is no plain value");
                    return Err(ApiError::invalid(message).hint("give a string, a number or a truth"));
                }
            };
            Ok((name.clone(), text))
        })
        .collect()
}

/// A workflow by its name.
pub(in crate::server) fn find(
    state: &ServerState,
    name: &str,
) -> Result<std::sync::Arc<WorkflowFile>, ApiError> {
    let all = state.parts.workflows.list()?;
    if let Some(found) = all.iter().find(|file| file.name == name) {
        return Ok(found.clone());
    }
    let shown: String = name.chars().take(60).collect();
    let near = sluicegate_plugin::nearest(&shown, all.iter().map(|file| file.name.as_str()));
    let error = ApiError::not_found(format!("no workflow is named `{shown}`"));
    Err(match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`GET /api/v1/workflows` lists them"),
    })
}

async fn list(State(state): S) -> Result<Json<WorkflowList>, ApiError> {
    let read = |state: &ServerState| {
        let all = state.parts.workflows.list()?;
        Ok(WorkflowList { workflows: all.iter().map(|file| WorkflowSummary::of(file)).collect() })
    };
    state.blocking(read).await.map(Json)
}

async fn show(State(state): S, P(name): P<String>) -> Result<Json<WorkflowView>, ApiError> {
    state.blocking(move |state| Ok(WorkflowView::of(&*find(state, &name)?))).await.map(Json)
}

async fn graph(State(state): S, P(name): P<String>) -> Result<impl IntoResponse, ApiError> {
    let draw = move |state: &ServerState| {
        let file = find(state, &name)?;
        let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
        let workflow =
            good.ok_or_else(|| ApiError::conflict(format!("`{name}` has no state without problems")))?;
        Ok(draw::svg(workflow))
    };
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], state.blocking(draw).await?))
}

async fn check(
    State(state): S,
    P(name): P<String>,
    Body { value, .. }: Body<CheckParams>,
) -> Result<Json<CheckView>, ApiError> {
    let params = as_text(&value.params)?;
    let check = move |state: &ServerState| {
        find(state, &name)?;
        Ok(CheckView::of(&state.parts.workflows.check(&name, &params)?))
    };
    state.blocking(check).await.map(Json)
}

async fn check_text(
    State(state): S,
    Body { value, .. }: Body<CheckRequest>,
) -> Result<Json<CheckView>, ApiError> {
    let params = as_text(&value.params)?;
    let check = move |state: &ServerState| {
        Ok(CheckView::of(&state.parts.workflows.check_text(&value.name, &value.text, &params)?))
    };
    state.blocking(check).await.map(Json)
}
