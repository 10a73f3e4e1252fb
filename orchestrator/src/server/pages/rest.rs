//! `/deployments`, `/schedules`, `/kinds`, `/system` and the API's documentation.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use sluicegate_plugin::{Deployment, Effect, Placement, Port};
use sluicegate_web::{self as web, view};

use super::{
    convert::{deployment, schedule, upcoming},
    frame::Frame,
    workflows::{all, schedules as every_schedule},
};
use crate::{
    catalog::CatalogEntry,
    server::{
        access::Role,
        api::deployments::in_service,
        error::ApiError,
        extract::{P, S},
        metrics::resident,
        state::ServerState,
        views::PackList,
    },
};

/// Lines of the audit trail that are shown.
const N_AUDIT: usize = 100;

/// Bytes at the end of the audit trail that are looked at.
const AUDIT_END: u64 = 64 << 10;

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
        let plugins = PackList::of(&state.parts.catalog).plugins.into_iter().map(|pack| view::PluginRow {
            name: pack.name,
            version: pack.version,
            form: pack.form.into(),
            path: pack.path.unwrap_or_default(),
            n_kinds: pack.kinds.len(),
            error: pack.error.unwrap_or_default(),
        });
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

pub(super) async fn system(State(state): S, frame: Frame) -> Response {
    let may_see = frame.identity.as_ref().is_some_and(|identity| identity.role == Role::Admin);
    frame.answer(state.blocking(move |state| Ok(system_of(state, may_see))).await, web::system)
}

fn system_of(state: &ServerState, may_see_audit: bool) -> view::System {
    let home = &state.parts.home;
    let part = |name: &str, detail: &str| view::StorePart {
        name: name.into(),
        bytes: size_of(&home.join(name)),
        detail: detail.into(),
    };
    let (used, slots) = state.parts.engine.load_of_workers();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    view::System {
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: state.since.0,
        folder: home.display().to_string(),
        addresses: state.options.addresses.clone(),
        pid: std::process::id(),
        memory: resident(),
        store: vec![
            part("journal", "what was committed since the last checkpoint"),
            part("history", "events of finished runs, packed"),
            part("db", "rows, indexes, cache, registry"),
            part("values", "large cached outcomes"),
            part("artifacts", "outputs, by their content"),
        ],
        disk_free: free_space(home),
        slots: view::PoolRow { name: "workers".into(), used: small(used), slots: small(slots), n_waiting: 0 },
        pools: Vec::new(),
        workers: Vec::new(),
        n_streams: state.metrics.n_streams(),
        warnings: Vec::new(),
        audit: if may_see_audit { audit(state) } else { Vec::new() },
    }
}

fn free_space(home: &std::path::Path) -> u64 {
    rustix::fs::statvfs(home).map_or(0, |about| about.f_bavail * about.f_frsize)
}

/// Bytes of a folder. Artifacts are many; their folder is only two levels deep.
fn size_of(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => size_of(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The end of the audit trail, newest first; what was done, without how it went.
fn audit(state: &ServerState) -> Vec<view::AuditRow> {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(state.parts.home.join("audit.jsonl"))?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(AUDIT_END)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let lines = bytes.rsplit(|byte| *byte == b'\n');
    let values = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    values
        .filter(|line| line.get("status").is_none() || line["what"] == "refused")
        .take(N_AUDIT)
        .map(|line| view::AuditRow {
            at: crate::server::views::parse_time(line["at"].as_str().unwrap_or_default())
                .map_or(0, |at| at.0),
            actor: text(&line["who"]),
            action: text(&line["what"]),
            target: text(&line["target"]),
            origin: text(&line["address"]),
        })
        .collect()
}

pub(super) fn api_docs(frame: &Frame, document: Value) -> Response {
    frame.html(StatusCode::OK, web::api_docs(&frame.page, &view::ApiDocs { document }))
}
