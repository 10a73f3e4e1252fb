//! Models: versions, aliases and their moves.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_plugin::AliasMove;

use crate::server::{
    endpoint::Endpoints,
    error::ApiError,
    extract::{Body, P, S, Who},
    state::ServerState,
    views::{AliasMoveView, ModelList, ModelView},
};

/// Which version an alias shall stand for, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PromoteRequest {
    version: u64,
    #[serde(default = "champion")]
    #[schemars(length(min = 1, max = 64), regex(pattern = ALIAS))]
    alias: String,
    #[schemars(length(min = 1, max = 1000), regex(pattern = r"\S"))]
    reason: String,
}

/// Which alias goes back, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RollbackRequest {
    #[serde(default = "champion")]
    #[schemars(length(min = 1, max = 64), regex(pattern = ALIAS))]
    alias: String,
    #[schemars(length(min = 1, max = 1000), regex(pattern = r"\S"))]
    reason: String,
}

/// What the name of an alias looks like; it must not read as a number, either.
const ALIAS: &str = "^[A-Za-z0-9_-]*[A-Za-uw-z_-][A-Za-z0-9_-]*$";

fn champion() -> String {
    "champion".into()
}

/// What an alias stands for now.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Moved {
    pub(in crate::server) model: String,
    pub(in crate::server) alias: String,
    pub(in crate::server) version: u64,
    /// False when it stood for that version already.
    #[serde(rename = "moved")]
    pub(in crate::server) is_news: bool,
}

/// The moves of a model's aliases, latest first.
#[derive(Debug, Serialize, JsonSchema)]
struct History {
    history: Vec<AliasMoveView>,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/models", "models.list")
        .about("List registered models")
        .json::<ModelList>()
        .to(list);
    endpoints
        .get("/api/v1/models/{model}", "models.show")
        .about("Show a model: versions, aliases and their history")
        .json::<ModelView>()
        .to(show);
    endpoints
        .get("/api/v1/models/{model}/history", "models.history")
        .about("List the moves of a model's aliases")
        .json::<History>()
        .to(history);
    endpoints
        .post("/api/v1/models/{model}/promote", "models.promote")
        .about("Let an alias stand for a version")
        .body::<PromoteRequest>()
        .json::<Moved>()
        .to(promote);
    endpoints
        .post("/api/v1/models/{model}/rollback", "models.rollback")
        .about("Let an alias stand for what it stood for before")
        .refuses(&[StatusCode::CONFLICT])
        .body::<RollbackRequest>()
        .json::<Moved>()
        .to(rollback);
}

/// A model with all that is known of it.
pub(in crate::server) fn model(state: &ServerState, name: &str) -> Result<ModelView, ApiError> {
    let store = &state.parts.store;
    let versions = if name.contains('\0') { Vec::new() } else { store.versions(name)? };
    if versions.is_empty() {
        let all = store.models()?;
        let shown: String = name.chars().take(60).collect();
        let near = sluicegate_plugin::nearest(&shown, all.iter().map(|model| model.name.as_str()));
        let error = ApiError::not_found(format!("no model is named `{shown}`"));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("a `register` task makes them"),
        });
    }
    Ok(ModelView::of(name.to_owned(), &versions, store.aliases(name)?, &store.alias_history(name)?))
}

async fn list(State(state): S) -> Result<Json<ModelList>, ApiError> {
    let read = |state: &ServerState| {
        let models = state.parts.store.models()?.into_iter().map(Into::into).collect();
        Ok(ModelList { models })
    };
    state.blocking(read).await.map(Json)
}

async fn show(State(state): S, P(name): P<String>) -> Result<Json<ModelView>, ApiError> {
    state.blocking(move |state| model(state, &name)).await.map(Json)
}

async fn history(State(state): S, P(name): P<String>) -> Result<Json<History>, ApiError> {
    state.blocking(move |state| Ok(History { history: model(state, &name)?.history })).await.map(Json)
}

fn check_alias(alias: &str) -> Result<(), ApiError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_number = alias.trim_start_matches('v').parse::<u64>().is_ok();
    if alias.is_empty() || alias.len() > 64 || !alias.chars().all(fits) || is_number {
        return Err(ApiError::invalid("`alias` is no name of an alias")
            .hint("use letters, digits, `-` and `_`, and no number"));
    }
    Ok(())
}

fn check_reason(reason: &str) -> Result<(), ApiError> {
    if reason.trim().is_empty() || reason.chars().count() > 1000 {
        return Err(ApiError::invalid("`reason` must say why, in at most 1000 characters")
            .hint("it is kept in the history of the model"));
    }
    Ok(())
}

/// Lets an alias stand for a version, or, without one, for what it stood for before.
pub(in crate::server) async fn move_alias(
    state: &Arc<ServerState>,
    name: String,
    alias: String,
    version: Option<u64>,
    reason: String,
    who: String,
) -> Result<Moved, ApiError> {
    check_alias(&alias)?;
    check_reason(&reason)?;
    let change = move |state: &ServerState| {
        let known = model(state, &name)?;
        let version = match version {
            Some(version) => version,
            None => before(&known, &alias)?,
        };
        let step = AliasMove { model: name.clone(), alias: alias.clone(), version, reason, actor: who };
        let moved = state.parts.store.move_alias(step, state.now())?;
        Ok(Moved { model: name, alias, version, is_news: moved })
    };
    state.blocking(change).await
}

/// What an alias stood for before its latest move.
fn before(model: &ModelView, alias: &str) -> Result<u64, ApiError> {
    let latest = model.history.iter().find(|step| step.alias == alias);
    let latest = latest.ok_or_else(|| {
        ApiError::not_found(format!("model `{}` has no alias `{alias}`", model.name))
            .hint("`GET /api/v1/models/NAME` shows its aliases")
    })?;
    latest.from.ok_or_else(|| {
        ApiError::conflict(format!("`{alias}` has stood for version {} from the beginning", latest.to))
            .hint("there is nothing to go back to")
    })
}

async fn promote(
    State(state): S,
    P(name): P<String>,
    Who(who): Who,
    Body { value, .. }: Body<PromoteRequest>,
) -> Result<Json<Moved>, ApiError> {
    let PromoteRequest { version, alias, reason } = value;
    move_alias(&state, name, alias, Some(version), reason, who.name).await.map(Json)
}

async fn rollback(
    State(state): S,
    P(name): P<String>,
    Who(who): Who,
    Body { value, .. }: Body<RollbackRequest>,
) -> Result<Json<Moved>, ApiError> {
    move_alias(&state, name, value.alias, None, value.reason, who.name).await.map(Json)
}
