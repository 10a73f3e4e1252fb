//! A checked workflow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{Effect, Placement, PortType};

use super::{TaskGraph, graph};

/// A task's place in its workflow, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskIdx(pub u32);

/// A checked workflow with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub labels: Vec<String>,
    /// Parameters with the values of this run.
    pub params: BTreeMap<String, Value>,
    /// Tasks at a time.
    pub max_parallel: Option<usize>,
    /// Its tasks, in the order of the file.
    pub tasks: Vec<Task>,
    /// BLAKE3 of the file.
    pub hash: String,
    /// The file's text.
    pub source: String,
}

impl Workflow {
    /// The graph of its tasks.
    pub fn graph(&self) -> TaskGraph {
        graph::TaskGraph::new(self)
    }

    /// A task by its place.
    pub fn task(&self, idx: TaskIdx) -> &Task {
        &self.tasks[idx.0 as usize]
    }
}

/// One node of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The kind's name.
    pub kind: String,
    /// The kind's version.
    pub kind_version: String,
    /// What it is for.
    pub description: String,
    /// The kind's parameters; strings may hold expressions.
    pub with: Value,
    /// Connected inputs, by port.
    pub inputs: BTreeMap<String, InputRef>,
    /// Tasks that must have succeeded.
    pub needs: Vec<TaskIdx>,
    /// Tasks that its expressions name.
    pub mentions: Vec<TaskIdx>,
    /// The condition under which it runs.
    pub when: Option<String>,
    /// What must have become of the tasks before it.
    #[serde(default)]
    pub run_if: RunIf,
    /// How often it is tried.
    pub retry: RetryPolicy,
    /// After how many seconds an attempt is stopped.
    pub timeout: Option<f64>,
    /// What may be assumed about running it again.
    pub effect: Effect,
    /// Whether earlier outcomes may be used.
    pub cache: bool,
    /// Where it runs.
    pub placement: Placement,
    /// Environment variables for programs; values may hold expressions.
    pub env: BTreeMap<String, String>,
}

/// The output that feeds an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRef {
    /// The task.
    pub task: TaskIdx,
    /// Its output.
    pub port: String,
    /// The output's type.
    pub port_type: PortType,
}

/// What must have become of the tasks before a task, so that it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunIf {
    /// All succeeded, and no gate among them said no.
    #[default]
    AllSucceeded,
    /// All are at their end, whatever it is.
    AllDone,
    /// All are at their end, and one of them failed.
    AnyFailed,
}

impl RunIf {
    /// Every value with its word.
    pub(super) const ALL: [(&str, Self); 3] =
        [("all_succeeded", Self::AllSucceeded), ("all_done", Self::AllDone), ("any_failed", Self::AnyFailed)];
}

/// How the time between attempts grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// It does not.
    Constant,
    /// By a factor each time.
    Exponential,
}

/// How often a task is tried, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// At most so many attempts.
    pub attempts: u32,
    /// How the time between them grows.
    pub backoff: Backoff,
    /// The time before the second attempt, in seconds.
    pub initial: f64,
    /// The longest time, in seconds.
    pub max: f64,
    /// By what it grows.
    pub factor: f64,
    /// Whether chance shortens it.
    pub jitter: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 1,
            backoff: Backoff::Exponential,
            initial: 1.0,
            max: 300.0,
            factor: 2.0,
            jitter: true,
        }
    }
}

impl RetryPolicy {
    /// Seconds to wait after `failed_attempts` failures (1 or more): `initial · factor^(failed_attempts − 1)`, or `initial` when the backoff
    /// is constant, at most `max`. With jitter, a `random` from 0 to 1 picks a point in the upper half of that time, so that tasks that
    /// failed together do not come back together, and none comes back at once.
    pub fn delay(&self, failed_attempts: u32, random: f64) -> f64 {
        let exponent = failed_attempts.saturating_sub(1).min(1000);
        let full = match self.backoff {
            Backoff::Constant => self.initial,
            Backoff::Exponential => self.initial * self.factor.powi(exponent.cast_signed()),
        };
        let full = full.min(self.max);
        if self.jitter { full * (0.5 + 0.5 * random.clamp(0.0, 1.0)) } else { full }
    }
}

#[cfg(test)]
mod model_tests {
    use super::RetryPolicy;

    #[test]
    fn delays_double_up_to_their_maximum_and_jitter_keeps_half() {
        let policy = RetryPolicy { max: 5.0, jitter: false, ..RetryPolicy::default() };
        let delays: Vec<f64> = (1..=5).map(|n| policy.delay(n, 0.0)).collect();
        assert_eq!(delays, [1.0, 2.0, 4.0, 5.0, 5.0]);
        let policy = RetryPolicy { jitter: true, ..policy };
        assert_eq!((policy.delay(2, 0.0), policy.delay(2, 1.0)), (1.0, 2.0));
    }
}
