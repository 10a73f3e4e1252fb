//! `/deployments`, `/schedules`, `/kinds` and the API's documentation.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use sluicegate_plugin::{Deployment, Effect, Placement, Port};
use sluicegate_web::{self as web, view};

use super::{
    convert::{deployment, schedule, upcoming},
    frame::Frame,
    system::plugin,
    workflows::{all, schedules as every_schedule},
};
use crate::{
    catalog::CatalogEntry,
    server::{
        api::deployments::in_service,
        error::ApiError,
        extract::{P, S},
        state::ServerState,
        views::PackList,
    },
};

pub(super) async fn deployments(State(state): S, frame: Frame) -> Response {
    let read = |state: &ServerState| {
        let mut latest: BTreeMap<String, Deployment> = BTreeMap::new();
        let mut earlier = Vec::new();
        for one in state.parts.store.deployments(None)? {
            if let Some(before) = latest.insert(one.name.clone(), one) {
                earlier.push(before);
            }
        }
        let row = |one: &Deployment| {
            let health = in_service(one).then(|| state.parts.deployments.health(one).ok()).flatten();
            deployment(one, health)
        };
        earlier.sort_by_key(|one| std::cmp::Reverse(one.updated_at));
        Ok(view::Deployments {
            rows: latest.values().map(row).collect(),
            earlier: earlier.iter().map(row).collect(),
        })
    };
    frame.answer(state.blocking(read).await, web::deployments)
}

pub(super) async fn schedules(State(state): S, frame: Frame) -> Response {
    let read = |state: &ServerState| {
        let mut all = every_schedule(state)?;
        all.sort_by_key(|info| (info.paused, info.next.first().copied()));
        Ok(view::Schedules { rows: all.iter().map(schedule).collect(), upcoming: upcoming(&all, 50) })
    };
    frame.answer(state.blocking(read).await, web::schedules)
}

fn kind_row(entry: &CatalogEntry) -> view::KindRow {
    view::KindRow {
        name: entry.description.name.clone(),
        pack: entry.pack.to_string(),
        summary: entry.description.summary.clone(),
    }
}

pub(super) async fn kinds(State(state): S, frame: Frame) -> Response {
    let read = |state: &ServerState| {
        let mut rows: Vec<_> = state.parts.catalog.entries().map(kind_row).collect();
        rows.sort_by(|a, b| (&a.pack, &a.name).cmp(&(&b.pack, &b.name)));
        let plugins = PackList::of(&state.parts.catalog).plugins.into_iter().map(plugin);
        Ok(view::Kinds { plugins: plugins.collect(), rows })
    };
    frame.answer(state.blocking(read).await, web::kinds)
}

pub(super) async fn kind(State(state): S, frame: Frame, P(name): P<String>) -> Response {
    let read = move |state: &ServerState| {
        let entry = state.parts.catalog.entry(&name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            ApiError::not_found(format!("no kind is named `{shown}`")).hint("`/kinds` lists them")
        })?;
        let about = &entry.description;
        let ports = |ports: &[Port]| {
            let port = |port: &Port| view::KindPort {
                name: port.name.clone(),
                port_type: port.port_type.to_string(),
                is_optional: port.optional,
                doc: port.doc.clone(),
            };
            ports.iter().map(port).collect()
        };
        let uses = |file: &&std::sync::Arc<crate::server::WorkflowFile>| {
            let good = file.good.as_ref().and_then(|good| good.workflow.as_ref());
            good.is_some_and(|workflow| workflow.tasks.iter().any(|task| task.kind == name))
        };
        let more = about.ports.more_inputs.map(|port_type| format!("any other name ({port_type})"));
        Ok(view::KindPage {
            row: kind_row(entry),
            version: about.version.clone(),
            effect: match about.effect {
                Effect::Pure => "pure",
                Effect::Idempotent => "idempotent",
                Effect::Once => "once",
            }
            .into(),
            placement: match about.placement {
                Placement::Worker => "worker",
                Placement::Inline => "inline",
            }
            .into(),
            doc: about.doc.clone(),
            inputs: ports(&about.ports.inputs),
            more_inputs: more.unwrap_or_default(),
            outputs: ports(&about.ports.outputs),
            more_outputs: if about.ports.more_outputs {
                "further outputs, named by the parameters".into()
            } else {
                String::new()
            },
            schema: entry.schema().clone(),
            errors: about
                .errors
                .iter()
                .map(|error| view::KindError { code: error.code.clone(), doc: error.doc.clone() })
                .collect(),
            used_by: all(state)?.iter().filter(uses).map(|file| file.name.clone()).collect(),
        })
    };
    frame.answer(state.blocking(read).await, web::kind)
}

pub(super) fn api_docs(frame: &Frame, document: Value) -> Response {
    frame.html(StatusCode::OK, web::api_docs(&frame.page, &view::ApiDocs { document }))
}
