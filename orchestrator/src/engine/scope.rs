//! The names that expressions see, taken from a run.

use serde_json::{Map, Value, json};

use crate::{
    run::{Run, TaskRecord},
    workflow::TaskIdx,
};

/// `params`, `run` and those `tasks` that the task mentions.
pub(super) fn scope(run: &Run, task: TaskIdx) -> Value {
    let mut tasks = Map::new();
    for &mentioned in &run.task(task).mentions {
        tasks.insert(run.task(mentioned).name.clone(), task_scope(run.record(mentioned)));
    }
    json!({
        "params": run.workflow().params,
        "run": { "id": run.id().to_string(), "workflow": run.workflow().name },
        "tasks": tasks,
    })
}

fn task_scope(record: &TaskRecord) -> Value {
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
        if let Some(found) = &outcome.verdict {
            verdict = json!(found.decision);
        }
    }
    json!({ "status": record.state.word(), "outputs": outputs, "metrics": metrics, "verdict": verdict })
}
