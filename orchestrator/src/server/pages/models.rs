//! `/models` and `/models/NAME`.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use sluicegate_plugin::ModelVersion;
use sluicegate_web::{self as web, view};

use super::{
    convert::{decision, deployment},
    frame::Frame,
};
use crate::{
    run::{Run, RunId},
    server::{
        api::{deployments::in_service, models::model as known},
        error::ApiError,
        extract::{P, S},
        state::ServerState,
    },
    store::AliasRecord,
};

pub(super) async fn list(State(state): S, frame: Frame) -> Response {
    frame.answer(state.blocking(models).await, web::models)
}

fn models(state: &ServerState) -> Result<view::Models, ApiError> {
    let store = &state.parts.store;
    let deployments = store.deployments(None)?;
    let mut rows = Vec::new();
    for model in store.models()? {
        let history = store.alias_history(&model.name)?;
        let latest = store.versions(&model.name)?.pop();
        let deployed = deployments.iter().filter(|one| one.model == model.name && in_service(one));
        rows.push(view::ModelRow {
            aliases: aliases(&model.aliases, &history),
            n_versions: model.n_versions,
            latest: model.latest,
            registered_at: latest.map_or(0, |latest| latest.registered_at),
            n_deployments: deployed.count(),
            name: model.name,
        });
    }
    Ok(view::Models { rows })
}

fn aliases(now: &BTreeMap<String, u64>, history: &[AliasRecord]) -> Vec<view::ModelAlias> {
    let previous = |alias: &str| {
        history.iter().rev().find(|record| record.step.alias == alias).and_then(|record| record.from)
    };
    now.iter()
        .map(|(alias, version)| view::ModelAlias {
            alias: alias.clone(),
            version: *version,
            previous: previous(alias),
        })
        .collect()
}

pub(super) async fn show(State(state): S, frame: Frame, P(name): P<String>) -> Response {
    frame.answer(state.blocking(move |state| model(state, name)).await, web::model)
}

fn model(state: &ServerState, name: String) -> Result<view::ModelPage, ApiError> {
    known(state, &name)?;
    let store = &state.parts.store;
    let history = store.alias_history(&name)?;
    let versions = store.versions(&name)?;
    let deployments = store.deployments(None)?;
    let own = deployments.iter().filter(|one| one.model == name && in_service(one));
    Ok(view::ModelPage {
        aliases: aliases(&store.aliases(&name)?, &history),
        versions: versions.iter().rev().map(|one| version(state, one)).collect(),
        history: history.iter().rev().map(step).collect(),
        deployments: own.map(|one| deployment(one, state.parts.deployments.health(one).ok())).collect(),
        name,
    })
}

fn version(state: &ServerState, version: &ModelVersion) -> view::ModelVersion {
    let run = version.run_id.parse::<RunId>().ok().and_then(|id| state.load(id).ok());
    let metrics = version.metrics.iter().map(|(name, value)| view::Metric {
        name: name.clone(),
        value: *value,
        ..view::Metric::default()
    });
    let has_bundle = state.parts.artifacts.path(&version.bundle).is_file();
    let file = format!("{}-v{}.bundle", version.model, version.version);
    view::ModelVersion {
        version: version.version,
        bundle: version.bundle.clone(),
        size: version.size,
        run: version.run_id.clone(),
        workflow: run.as_ref().map(|run| run.workflow().name.clone()).unwrap_or_default(),
        task: version.task.clone(),
        registered_at: version.registered_at,
        metrics: metrics.collect(),
        decision: version.decision.map(decision),
        lineage: run.as_ref().map(|run| lineage(run, &version.task)).unwrap_or_default(),
        url: if has_bundle {
            format!("/api/v1/artifacts/{}?name={}", version.bundle, super::frame::encoded(&file))
        } else {
            String::new()
        },
    }
}

/// The tasks that stand before the one that registered a version, with what each left; and the files that they read.
fn lineage(run: &Run, task: &str) -> Vec<view::Pair> {
    let workflow = run.workflow();
    let graph = workflow.graph();
    let Some(at) = workflow.tasks.iter().position(|other| other.name == task) else { return Vec::new() };
    let mut behind = vec![false; workflow.tasks.len()];
    behind[at] = true;
    let order = graph.order();
    for idx in order.iter().rev() {
        if behind[idx.0 as usize] {
            graph.upstream(*idx).into_iter().for_each(|up| behind[up.0 as usize] = true);
        }
    }
    let mut pairs = Vec::new();
    for idx in order.into_iter().filter(|idx| behind[idx.0 as usize] && idx.0 as usize != at) {
        let (task, record) = (run.task(idx), run.record(idx));
        let files = record.key.iter().flat_map(|key| key.parts.iter());
        let files = files.filter_map(|(part, hash)| Some((part.strip_prefix("file.")?, hash)));
        pairs.extend(files.map(|(file, hash)| view::Pair::new(file, hash)));
        let left = record.outcome.iter().flat_map(|outcome| &outcome.outputs);
        pairs.extend(left.map(|(port, left)| view::Pair::new(format!("{}.{port}", task.name), &left.hash)));
    }
    pairs
}

fn step(record: &AliasRecord) -> view::AliasMove {
    let run = record.step.actor.strip_prefix("run ").and_then(|rest| rest.split([',', ' ']).next());
    view::AliasMove {
        alias: record.step.alias.clone(),
        from: record.from,
        to: record.step.version,
        at: record.at.0,
        actor: record.step.actor.clone(),
        run: run.filter(|id| id.parse::<RunId>().is_ok()).unwrap_or_default().to_owned(),
        reason: record.step.reason.clone(),
    }
}
