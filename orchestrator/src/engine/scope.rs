//! The names that expressions see, taken from a run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    run::{Run, TaskRecord},
    workflow::{Task, TaskIdx},
};

/// `params`, `run`, those `tasks` that the task mentions, and the `item` that it stands for.
pub(super) fn scope(run: &Run, task: TaskIdx) -> Value {
    let mut tasks = Map::new();
    for &mentioned in &run.task(task).mentions {
        let definition = run.task(mentioned);
        tasks.insert(definition.name.clone(), task_scope(definition, run.record(mentioned)));
    }
    let about = json!({
        "id": run.id().to_string(),
        "workflow": run.workflow().name,
        "status": run.verdict().unwrap_or(run.status()).word(),
        "trigger": run.cause().map_or("hand", |cause| cause.trigger.word()),
        "schedule": run.cause().map(|cause| &cause.schedule),
        "scheduled_at": run.cause().map(|cause| cause.scheduled_at.to_rfc3339()),
    });
    let mut scope = json!({ "params": run.workflow().params, "run": about, "tasks": tasks });
    if let Some((_, item)) = run.item(task) {
        scope["item"] = item.clone();
    }
    scope
}

fn task_scope(task: &Task, record: &TaskRecord) -> Value {
    let mut outputs = Map::new();
    let mut metrics = Map::new();
    let mut verdict = Value::Null;
    if let Some(outcome) = &record.outcome {
        for (port, artifact) in &outcome.outputs {
            let value = artifact
                .value
                .clone()
                .unwrap_or_else(|| json!({ "hash": artifact.hash, "size": artifact.size }));
            outputs.insert(port.clone(), value);
        }
        metrics.extend(outcome.metrics.iter().map(|(name, value)| (name.clone(), json!(value))));
        if task.for_each.is_some() {
            metrics = lists(&outcome.metrics);
        }
        if let Some(found) = &outcome.verdict {
            verdict = json!(found.decision);
        }
    }
    json!({ "status": record.state.word(), "outputs": outputs, "metrics": metrics, "verdict": verdict })
}

/// Metrics of items, `NAME_0`, `NAME_1`, as one list a name.
fn lists(metrics: &BTreeMap<String, f64>) -> Map<String, Value> {
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, value) in metrics {
        let Some((name, number)) = name.rsplit_once('_') else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        let list = lists.entry(name).or_default();
        if list.len() <= number {
            list.resize(number + 1, Value::Null);
        }
        list[number] = json!(value);
    }
    lists.into_iter().map(|(name, list)| (name.to_owned(), Value::Array(list))).collect()
}
