//! Kinds, and the packs they come in.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde_json::Value;

use crate::{
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{P, S},
        state::ServerState,
        views::{KindList, KindView, PackList, PackView},
    },
    workflow,
};

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/kinds", "kinds.list")
        .about("List the kinds that tasks can use")
        .json::<KindList>()
        .to(list);
    endpoints
        .get("/api/v1/kinds/{kind}", "kinds.show")
        .about("Show a kind: its documentation, parameters, ports and errors")
        .json::<KindView>()
        .to(show);
    endpoints
        .get("/api/v1/plugins", "plugins.list")
        .about("List the packs that kinds come in")
        .json::<PackList>()
        .to(plugins);
    endpoints
        .get("/api/v1/schema", "schema.show")
        .about("The JSON Schema of workflow files, for editors")
        .json::<Value>()
        .to(schema);
}

async fn list(State(state): S) -> Json<KindList> {
    let entries = state.parts.catalog.entries();
    Json(KindList { kinds: entries.map(|entry| KindView::of(entry, false)).collect() })
}

async fn show(State(state): S, P(name): P<String>) -> Result<Json<KindView>, ApiError> {
    if let Some(entry) = state.parts.catalog.entry(&name) {
        return Ok(Json(KindView::of(entry, true)));
    }
    let shown: String = name.chars().take(60).collect();
    let names = state.parts.catalog.entries().map(|entry| entry.description.name.as_str());
    let near = sluicegate_plugin::nearest(&shown, names);
    let error = ApiError::not_found(format!("no kind is named `{shown}`"));
    Err(match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`GET /api/v1/kinds` lists them"),
    })
}

async fn plugins(State(state): S) -> Json<PackList> {
    let mut packs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in state.parts.catalog.entries() {
        packs.entry(entry.pack.to_string()).or_default().push(entry.description.name.clone());
    }
    Json(PackList { plugins: packs.into_iter().map(|(name, kinds)| PackView { name, kinds }).collect() })
}

async fn schema(State(state): S) -> Result<Json<Value>, ApiError> {
    let make = |state: &ServerState| Ok(workflow::editor_schema(state.parts.catalog.as_ref()));
    state.blocking(make).await.map(Json)
}
