//! Tasks with items: each item becomes a task of its own, and their results are joined. Pure.

use serde_json::Value;
use sluicegate_plugin::{Decision, PortType, TaskError, Verdict};

use super::{Outcome, OutputArtifact, Run, TaskState};
use crate::workflow::{Task, TaskIdx};

/// At most so many items has a task.
const MAX_ITEMS: usize = 10_000;

/// The tasks that stand for a task's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    pub(super) first: u32,
    pub(super) n_items: u32,
}

/// A task that stands for an item.
#[derive(Clone, Debug)]
pub(super) struct ItemTask {
    pub(super) task: Task,
    pub(super) of: TaskIdx,
    pub(super) item: Value,
}

impl ItemTask {
    /// The task for an item: named `TASK[NUMBER]`, otherwise as the task with the items.
    pub(super) fn new(of: TaskIdx, task: &Task, number: usize, item: Value) -> Self {
        let name = format!("{}[{number}]", task.name);
        Self { task: Task { name, for_each: None, ..task.clone() }, of, item }
    }
}

impl Run {
    /// The tasks that stand for a task's items; none before it was expanded.
    pub fn items_of(&self, task: TaskIdx) -> impl Iterator<Item = TaskIdx> + use<> {
        let expansion = self.expansions.get(&task).copied().unwrap_or(Expansion { first: 0, n_items: 0 });
        (expansion.first..expansion.first + expansion.n_items).map(TaskIdx)
    }

    /// Tells whether a task was expanded into tasks for its items.
    pub fn is_expanded(&self, task: TaskIdx) -> bool {
        self.expansions.contains_key(&task)
    }

    /// The item that a task stands for, with the task that has the items.
    pub fn item(&self, task: TaskIdx) -> Option<(TaskIdx, &Value)> {
        let item = self.items.get((task.0 as usize).checked_sub(self.workflow.tasks.len())?)?;
        Some((item.of, &item.item))
    }

    /// What the items of a task left behind, joined in their order: values as one list; other outputs one by one as `PORT_0`, `PORT_1`;
    /// metrics in the same way; of verdicts the worst. An item that failed makes the whole fail.
    pub fn joined(&self, task: TaskIdx) -> Result<Outcome, TaskError> {
        let failed: Vec<TaskIdx> = self
            .items_of(task)
            .filter(|item| matches!(self.record(*item).state, TaskState::Failed | TaskState::Unknown))
            .collect();
        if let Some(first) = failed.first() {
            let error = self.record(*first).error.as_ref();
            let reason = error.map_or("its outcome was lost", |error| error.message.as_str());
            let message = format!(
                "{} of {} items failed; `{}`: {reason}",
                failed.len(),
                self.items_of(task).count(),
                self.task(*first).name,
            );
            return Err(TaskError::permanent("items_failed", message));
        }
        let mut joined = Outcome::default();
        let mut lists: std::collections::BTreeMap<String, Vec<Value>> = std::collections::BTreeMap::new();
        for (number, item) in self.items_of(task).enumerate() {
            let Some(outcome) = &self.record(item).outcome else { continue };
            for (port, output) in &outcome.outputs {
                if output.port_type == PortType::Value {
                    let list = lists.entry(port.clone()).or_default();
                    list.resize(number, Value::Null);
                    list.push(output.value.clone().unwrap_or_default());
                } else {
                    joined.outputs.insert(format!("{port}_{number}"), output.clone());
                }
            }
            for (name, value) in &outcome.metrics {
                joined.metrics.insert(format!("{name}_{number}"), *value);
            }
            if let Some(verdict) = &outcome.verdict {
                joined.verdict = Some(worse(joined.verdict.take(), verdict));
            }
        }
        let n_items = self.items_of(task).count();
        for (port, mut list) in lists {
            list.resize(n_items, Value::Null);
            joined.outputs.insert(port, OutputArtifact::of_value(Value::Array(list)));
        }
        joined.summary = Some(if n_items == 1 { "1 item".into() } else { format!("{n_items} items") });
        Ok(joined)
    }
}

fn worse(before: Option<Verdict>, next: &Verdict) -> Verdict {
    let badness = |decision: Decision| match decision {
        Decision::Pass => 0,
        Decision::Insufficient => 1,
        Decision::Reject => 2,
    };
    let Some(mut verdict) = before else { return next.clone() };
    if badness(next.decision) > badness(verdict.decision) {
        verdict.decision = next.decision;
    }
    verdict.requirements.extend(next.requirements.iter().cloned());
    verdict
}

/// The items of an evaluated `for_each`: those of a list, or every combination of a table of lists, the last name changing fastest.
pub fn items(for_each: Value) -> Result<Vec<Value>, TaskError> {
    let wrong = |message: String| {
        TaskError::permanent("bad_items", message)
            .hint("`for_each` takes a list, an expression that gives one, or a table of lists")
    };
    let too_many = |n: usize| wrong(format!("`for_each` gives {n} items; at most {MAX_ITEMS} are possible"));
    let items = match for_each {
        Value::Array(items) => items,
        Value::Object(matrix) => {
            let mut items = vec![serde_json::Map::new()];
            for (name, values) in matrix {
                let Value::Array(values) = values else {
                    return Err(wrong(format!("`for_each.{name}` is {}, not a list", type_of(&values))));
                };
                if items.len().saturating_mul(values.len()) > MAX_ITEMS {
                    return Err(too_many(items.len().saturating_mul(values.len())));
                }
                let with = |item: &serde_json::Map<String, Value>, value: &Value| {
                    let mut item = item.clone();
                    item.insert(name.clone(), value.clone());
                    item
                };
                items = items
                    .iter()
                    .flat_map(|item| values.iter().map(|value| with(item, value)).collect::<Vec<_>>())
                    .collect();
            }
            items.into_iter().map(Value::Object).collect()
        }
        other => return Err(wrong(format!("`for_each` is {}, not a list", type_of(&other)))),
    };
    if items.len() > MAX_ITEMS { Err(too_many(items.len())) } else { Ok(items) }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
