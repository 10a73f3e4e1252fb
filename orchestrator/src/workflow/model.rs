//! A checked workflow.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::{Effect, Placement, PortType, Resources};

use super::{Schedule, TaskGraph, graph};

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
    /// After how many seconds the run is ended; its hooks still run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
    /// Slots of the pools that the runs of this workflow share, by the pool's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, u32>,
    /// What a workflow that runs this one gets, by the output's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, InputRef>,
    /// The times and events that start it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// Its tasks, in the order of the file; the hooks come last.
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
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The kind's parameters; strings may hold expressions.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub with: Value,
    /// Connected inputs, by port.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, InputRef>,
    /// Tasks that must have succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<TaskIdx>,
    /// Tasks that its expressions name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<TaskIdx>,
    /// The condition under which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What must have become of the tasks before it.
    #[serde(default, skip_serializing_if = "RunIf::is_default")]
    pub run_if: RunIf,
    /// How often it is tried.
    #[serde(default, skip_serializing_if = "RetryPolicy::is_default")]
    pub retry: RetryPolicy,
    /// After how many seconds an attempt is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
    /// What may be assumed about running it again.
    pub effect: Effect,
    /// Whether earlier outcomes may be used.
    pub cache: bool,
    /// Where it runs.
    pub placement: Placement,
    /// Environment variables for programs; values may hold expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The end of the run that it belongs to: a hook runs once all tasks are at their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// Runs once for each item: a list, an expression that gives one, or a table of lists, of which every combination is an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    /// Whether the run may succeed although this task failed, and what needs it may run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub continue_on_failure: bool,
    /// The pool whose slots it holds while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolUse>,
    /// The name of which only one task of all runs may be running at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutex: Option<String>,
    /// Ready tasks with a higher number go first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What it may use at most.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Where its secrets come from, by the name under which it sees them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// The workflow that it runs, when its kind is `workflow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<Box<Nested>>,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

fn is_nothing(with: &Value) -> bool {
    with.as_object().is_some_and(serde_json::Map::is_empty)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(truth: &bool) -> bool {
    !truth
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// The end of a run that a hook waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// The run succeeded.
    Success,
    /// A task failed.
    Failure,
    /// A gate did not pass.
    Rejection,
    /// Someone ended the run.
    Cancellation,
    /// Any end.
    Always,
}

impl Hook {
    /// Every value with its word.
    pub const ALL: [(&str, Self); 5] = [
        ("success", Self::Success),
        ("failure", Self::Failure),
        ("rejection", Self::Rejection),
        ("cancellation", Self::Cancellation),
        ("always", Self::Always),
    ];
}

/// Slots of a pool that a task holds while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolUse {
    /// The pool's name.
    pub name: String,
    /// How many, at least one.
    pub slots: u32,
}

/// Where a secret comes from. The secret itself is never part of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of the orchestrator.
    Env(String),
    /// A file, relative to the workflow's folder; one line break at its end is left out.
    File(PathBuf),
    /// A program and its arguments, whose standard output is the secret; one line break at its end is left out.
    Command(Vec<String>),
}

/// A workflow that a task runs, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nested {
    /// The file, as the task names it.
    pub file: PathBuf,
    /// The folder that its relative paths start from.
    pub base_dir: PathBuf,
    /// The file's text.
    pub source: String,
    /// The texts of the workflows that it runs in turn, by their absolute paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<PathBuf, String>,
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
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

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
    /// Which failures are tried again; without it, all that may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<RetryOn>,
}

/// Failures that are worth another attempt: those that fit any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryOn {
    /// A program ended with one of these codes.
    pub exit_codes: Vec<i32>,
    /// A program, or the worker, was killed by a signal.
    pub signal: bool,
    /// The attempt took too long.
    pub timeout: bool,
    /// Memory ran out.
    pub out_of_memory: bool,
    /// A regular expression that is found in the error's text.
    pub text: Option<String>,
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
            on: None,
        }
    }
}

impl RetryPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

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
