//! `/system`: how the daemon is, and who did what.

use axum::{extract::State, response::Response};
use serde_json::Value;
use sluicegate_web::{self as web, view};

use super::frame::Frame;
use crate::{
    server::{
        access::Role,
        error::ApiError,
        extract::S,
        metrics::resident,
        sizes::{PARTS, Sizes},
        state::ServerState,
        views::PackList,
    },
    store::PageFilter,
};

/// Lines of the audit trail that are shown.
const N_AUDIT: usize = 100;

/// Bytes at the end of the audit trail that are looked at.
const AUDIT_END: u64 = 64 << 10;

/// A disk with less than this is about to be full.
const LITTLE_SPACE: u64 = 1 << 30;

pub(super) async fn show(State(state): S, frame: Frame) -> Response {
    let may_see = frame.identity.as_ref().is_some_and(|identity| identity.role == Role::Admin);
    let sizes = state.sizes.sizes(state.now()).await;
    frame.answer(state.blocking(move |state| system(state, sizes, may_see)).await, web::system)
}

fn system(state: &ServerState, sizes: Option<Sizes>, may_see_audit: bool) -> Result<view::System, ApiError> {
    let home = &state.parts.home;
    let engine = &state.parts.engine;
    let (used, slots) = engine.load_of_workers();
    let store = sizes.into_iter().flat_map(|sizes| PARTS.into_iter().zip(sizes.bytes));
    let store = store.map(|((name, detail), bytes)| view::StorePart {
        name: name.into(),
        bytes,
        detail: detail.into(),
    });
    let disk_free = free_space(home);
    let pools = engine.pools().into_iter().map(|pool| view::PoolRow {
        name: pool.name,
        used: pool.used,
        slots: pool.slots,
    });
    Ok(view::System {
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: state.since.0,
        folder: home.display().to_string(),
        addresses: state.options.addresses.clone(),
        pid: std::process::id(),
        memory: resident(),
        store: store.collect(),
        counted_at: sizes.map(|sizes| sizes.at.0),
        disk_free,
        slots: view::PoolRow { name: "workers".into(), used: small(used), slots: small(slots) },
        pools: pools.collect(),
        workers: workers(state)?,
        plugins: PackList::of(&state.parts.catalog).plugins.into_iter().map(plugin).collect(),
        n_driven: engine.n_driven(),
        n_streams: state.metrics.n_streams(),
        warnings: warnings(state, disk_free)?,
        audit: if may_see_audit { audit(state) } else { Vec::new() },
    })
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn workers(state: &ServerState) -> Result<Vec<view::WorkerRow>, ApiError> {
    let rows = state.parts.engine.workers()?.into_iter().map(|worker| {
        let (run, task) = worker.work.map(|work| (work.run, work.task)).unwrap_or_default();
        view::WorkerRow {
            pid: worker.process.pid,
            run,
            task,
            since: worker.since.map(|since| since.0),
            memory: worker.memory,
        }
    });
    Ok(rows.collect())
}

pub(super) fn plugin(pack: crate::server::views::PackView) -> view::PluginRow {
    view::PluginRow {
        name: pack.name,
        version: pack.version,
        form: pack.form.into(),
        path: pack.path.unwrap_or_default(),
        n_kinds: pack.kinds.len(),
        error: pack.error.unwrap_or_default(),
    }
}

/// What an operator should know of.
fn warnings(state: &ServerState, disk_free: u64) -> Result<Vec<String>, ApiError> {
    let mut warnings = Vec::new();
    if disk_free > 0 && disk_free < LITTLE_SPACE {
        let free = disk_free / (1 << 20);
        warnings.push(format!(
            "the disk of the state has {free} MiB left; `sluice gc` removes what nothing needs"
        ));
    }
    let interrupted =
        PageFilter { status: Some(crate::run::RunStatus::Interrupted), limit: 1000, ..PageFilter::default() };
    let left = state.parts.store.page(&interrupted)?.rows.len();
    if left > 0 {
        warnings.push(format!(
            "nobody drives {left} interrupted runs; `sluice runs resume RUN` or the button on a run's page lets one go on"
        ));
    }
    Ok(warnings)
}

fn free_space(home: &std::path::Path) -> u64 {
    rustix::fs::statvfs(home).map_or(0, |about| about.f_bavail * about.f_frsize)
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
