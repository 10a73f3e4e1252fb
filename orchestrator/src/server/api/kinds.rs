//! Kinds, and the packs they come in.

use axum::{Json, extract::State};
use serde_json::Value;

use crate::{
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{P, S},
        state::ServerState,
        views::{KindList, KindView, PackList},
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
        .about("List the built-in packs and the plugins of the project, with why one is not used")
        .json::<PackList>()
        .to(plugins);
    endpoints
        .get("/api/v1/schema", "schema.show")
        .about("The JSON Schema of workflow files, for editors")
        .json::<Value>()
        .to(schema);
}

/// The first look at a plugin asks a process of its own, which takes a moment.
async fn list(State(state): S) -> Result<Json<KindList>, ApiError> {
    let read = |state: &ServerState| {
        let entries = state.parts.catalog.entries();
        Ok(KindList { kinds: entries.map(|entry| KindView::of(entry, false)).collect() })
    };
    state.blocking(read).await.map(Json)
}

async fn show(State(state): S, P(name): P<String>) -> Result<Json<KindView>, ApiError> {
    let read = move |state: &ServerState| {
        if let Some(entry) = state.parts.catalog.entry(&name) {
            return Ok(KindView::of(entry, true));
        }
        let shown: String = name.chars().take(60).collect();
        let names = state.parts.catalog.entries().map(|entry| entry.description.name.as_str());
        let near = sluicegate_plugin::nearest(&shown, names);
        let error = ApiError::not_found(format!("no kind is named `{shown}`"));
        Err(match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`GET /api/v1/kinds` lists them"),
        })
    };
    state.blocking(read).await.map(Json)
}

async fn plugins(State(state): S) -> Result<Json<PackList>, ApiError> {
    state.blocking(|state: &ServerState| Ok(PackList::of(&state.parts.catalog))).await.map(Json)
}

async fn schema(State(state): S) -> Result<Json<Value>, ApiError> {
    let make = |state: &ServerState| Ok(workflow::editor_schema(state.parts.catalog.as_ref()));
    state.blocking(make).await.map(Json)
}
