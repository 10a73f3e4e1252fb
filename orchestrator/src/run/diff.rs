//! What differs between two runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{CacheKey, PartChange, Run, RunId, RunStatus, TaskRecord};

/// What differs between two runs: the earlier one is *before*, the other one *after*.
#[derive(Clone, Debug, Serialize)]
pub struct RunDiff {
    /// The run that is compared with.
    pub before: RunId,
    /// The run that is compared.
    pub after: RunId,
    /// How each of them is.
    pub status: [RunStatus; 2],
    /// Whether the workflow's file differs.
    pub definition_changed: bool,
    /// Parameters that differ.
    pub params: Vec<PartChange>,
    /// Every task of either run, in the order of the second one's file.
    pub tasks: Vec<TaskDiff>,
}

/// What differs between two runs of a task.
#[derive(Clone, Debug, Serialize)]
pub struct TaskDiff {
    /// Its name.
    pub name: String,
    /// Its state in each run; `None` where the run does not have it.
    pub state: [Option<&'static str>; 2],
    /// How long it took in each run, in seconds; `None` where it did not run.
    pub seconds: [Option<f64>; 2],
    /// Parts of its cache key that differ: parameters, inputs, files.
    pub key: Vec<PartChange>,
    /// Metrics that both or one of them have, also those that are equal.
    pub metrics: Vec<MetricDiff>,
}

/// A metric of a task in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricDiff {
    /// Its name.
    pub metric: String,
    /// Its value before.
    pub before: Option<f64>,
    /// Its value after.
    pub after: Option<f64>,
    /// After minus before, where both are known.
    pub difference: Option<f64>,
}

impl RunDiff {
    /// Compares two runs.
    pub fn of(before: &Run, after: &Run) -> Self {
        let names: Vec<&str> = {
            let mut seen = BTreeSet::new();
            let all = after.workflow().tasks.iter().chain(&before.workflow().tasks);
            all.map(|task| task.name.as_str()).filter(|name| seen.insert(*name)).collect()
        };
        let (old, new) = (records(before), records(after));
        Self {
            before: before.id(),
            after: after.id(),
            status: [before.status(), after.status()],
            definition_changed: before.workflow().hash != after.workflow().hash,
            params: Self::params(before, after),
            tasks: names
                .into_iter()
                .map(|name| TaskDiff::of(name, old.get(name).copied(), new.get(name).copied()))
                .collect(),
        }
    }

    /// Parameters that differ.
    pub fn params(before: &Run, after: &Run) -> Vec<PartChange> {
        params_of(after).changes_since(&params_of(before))
    }

    /// Differences of metrics by name, for conditions: `TASK.METRIC` under `tasks`, and the bare name where only one task has it.
    pub fn differences(&self) -> BTreeMap<String, Value> {
        let mut by_name: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut by_task: serde_json::Map<String, Value> = serde_json::Map::new();
        for task in &self.tasks {
            let known =
                task.metrics.iter().filter_map(|metric| Some((metric.metric.as_str(), metric.difference?)));
            let known: Vec<_> = known.collect();
            for (name, difference) in &known {
                by_name.entry(name).or_default().push(*difference);
            }
            by_task.insert(task.name.clone(), known.into_iter().collect());
        }
        let single = by_name.into_iter().filter(|(_, values)| values.len() == 1);
        let mut scope: BTreeMap<String, Value> =
            single.map(|(name, values)| (name.to_owned(), Value::from(values[0]))).collect();
        scope.insert("tasks".into(), Value::Object(by_task));
        scope
    }
}

impl TaskDiff {
    fn of(name: &str, before: Option<&TaskRecord>, after: Option<&TaskRecord>) -> Self {
        let key = |record: Option<&TaskRecord>| record.and_then(|record| record.key.clone());
        let changes = match (key(before), key(after)) {
            (Some(before), Some(after)) => after.changes_since(&before),
            _ => Vec::new(),
        };
        Self {
            name: name.to_owned(),
            state: [before, after].map(|record| record.map(|record| record.state.word())),
            seconds: [before, after].map(seconds),
            key: changes,
            metrics: metrics(before, after),
        }
    }

    /// Tells whether anything but the time differs.
    pub fn is_same(&self) -> bool {
        self.state[0] == self.state[1]
            && self.key.is_empty()
            && self.metrics.iter().all(|metric| metric.before == metric.after)
    }
}

/// The tasks of a run by name.
fn records(run: &Run) -> BTreeMap<&str, &TaskRecord> {
    run.tasks().map(|(_, task, record)| (task.name.as_str(), record)).collect()
}

fn params_of(run: &Run) -> CacheKey {
    CacheKey::new(
        run.workflow().params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
    )
}

fn seconds(record: Option<&TaskRecord>) -> Option<f64> {
    let record = record.filter(|record| record.n_attempts > 0)?;
    record.seconds(record.ended_at?)
}

fn metrics(before: Option<&TaskRecord>, after: Option<&TaskRecord>) -> Vec<MetricDiff> {
    let values = |record: Option<&TaskRecord>| {
        record
            .and_then(|record| record.outcome.as_ref())
            .map(|outcome| outcome.metrics.clone())
            .unwrap_or_default()
    };
    let (before, after) = (values(before), values(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let diff = |name: &String| {
        let (before, after) = (before.get(name).copied(), after.get(name).copied());
        let difference = before.zip(after).map(|(before, after)| after - before);
        MetricDiff { metric: name.clone(), before, after, difference }
    };
    names.into_iter().map(diff).collect()
}
