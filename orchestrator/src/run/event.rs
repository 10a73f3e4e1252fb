//! Durable facts in the life of a run.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::ProcessId;

use super::{
    AttemptResult, CacheKey, CacheMiss, Cause, Origin, Outcome, RunId, RunStatus, SkipReason, Timestamp,
};
use crate::workflow::{TaskIdx, Workflow};

/// The version of the event format. Readers refuse newer versions.
pub const EVENT_VERSION: u16 = 2;

/// The orchestrator process that drives a run.
pub type Owner = ProcessId;

/// What a person says of a task whose outcome was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened.
    Succeeded,
    /// It happened and broke, or shall count as broken.
    Failed,
    /// It did not happen, and may be tried again.
    Retry,
}

/// An event with its place in the run and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The format's version, [`EVENT_VERSION`] when written by this program.
    pub v: u16,
    /// Its number in the run, from 0 without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// One fact in the life of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run exists; its plan is frozen here.
    RunCreated {
        /// The checked workflow with its parameters.
        #[serde(with = "shared")]
        workflow: Arc<Workflow>,
        /// The workflow's folder.
        base_dir: PathBuf,
        /// The workflow's file, as the caller named it.
        file: PathBuf,
        /// False when the caller refused the cache.
        use_cache: bool,
        /// The process that drives the run.
        owner: Owner,
        /// The run whose task started this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<RunId>,
        /// The schedule or trigger that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
        /// Who started it; empty when it is not known, or nobody did.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        started_by: String,
    },
    /// Nothing new starts until someone lets the run go on.
    RunPaused,
    /// Someone let it go on.
    RunUnpaused,
    /// Every task is at its end; hooks are left.
    RunSettled {
        /// How it ended.
        status: RunStatus,
    },
    /// Its orchestrator was found dead.
    RunInterrupted,
    /// Another process drives it on.
    RunResumed {
        /// That process.
        owner: Owner,
    },
    /// A run that had ended goes on: these tasks start over.
    RunReopened {
        /// The process that drives it.
        owner: Owner,
        /// Every task that did not succeed, but for those that a gate holds back.
        tasks: Vec<TaskIdx>,
    },
    /// A person said how a task ended whose outcome was lost.
    TaskResolved {
        /// The task.
        task: TaskIdx,
        /// What the person said.
        resolution: Resolution,
    },
    /// A slot was given to a task. Not stored: after a restart the task is ready again.
    TaskClaimed {
        /// The task.
        task: TaskIdx,
    },
    /// The time between two attempts is over. Not stored.
    TaskWoken {
        /// The task.
        task: TaskIdx,
    },
    /// The task will not run.
    TaskSkipped {
        /// The task.
        task: TaskIdx,
        /// Why.
        reason: SkipReason,
    },
    /// The task was cancelled before it started, or between attempts.
    TaskCancelled {
        /// The task.
        task: TaskIdx,
    },
    /// A task has items: each is a task of its own from now on, numbered behind all that there are.
    TaskExpanded {
        /// The task.
        task: TaskIdx,
        /// Its items.
        items: Vec<Value>,
    },
    /// The items of a task are at their end, and what they left is joined.
    TaskJoined {
        /// The task.
        task: TaskIdx,
        /// What they left.
        outcome: Outcome,
    },
    /// An earlier outcome is used.
    CacheHit {
        /// The task.
        task: TaskIdx,
        /// What the outcome depends on.
        key: CacheKey,
        /// Where it was made.
        origin: Origin,
        /// The outcome.
        outcome: Outcome,
    },
    /// The task could not be started: an expression failed, a declared file is missing.
    TaskUnprepared {
        /// The task.
        task: TaskIdx,
        /// Why.
        error: sluicegate_plugin::TaskError,
    },
    /// An attempt is about to start.
    AttemptStarted {
        /// The task.
        task: TaskIdx,
        /// The attempt's number, from 1.
        attempt: u32,
        /// Its id, unlike any other's.
        attempt_id: String,
        /// The parameters, expressions evaluated.
        params: Value,
        /// What the outcome will depend on.
        key: CacheKey,
        /// Why the cache did not serve it.
        miss: CacheMiss,
        /// The run that the attempt starts, when it runs a workflow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        child: Option<RunId>,
    },
    /// An attempt ended.
    AttemptFinished {
        /// The task.
        task: TaskIdx,
        /// The attempt's number.
        attempt: u32,
        /// How.
        result: AttemptResult,
        /// When the next attempt may start, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// Someone asked for the run's end.
    CancelRequested {
        /// Who or why, for people.
        reason: String,
        /// True when the run took too long; it then counts as failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        timed_out: bool,
    },
    /// Nothing is left to do.
    RunFinished {
        /// How it ended.
        status: RunStatus,
    },
}

impl Event {
    /// Tells whether the event must be on the disk before its effects happen.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Self::TaskClaimed { .. } | Self::TaskWoken { .. })
    }

    /// The task that the event is about.
    pub fn task(&self) -> Option<TaskIdx> {
        match self {
            Self::TaskClaimed { task }
            | Self::TaskWoken { task }
            | Self::TaskSkipped { task, .. }
            | Self::TaskCancelled { task }
            | Self::TaskUnprepared { task, .. }
            | Self::CacheHit { task, .. }
            | Self::TaskExpanded { task, .. }
            | Self::TaskJoined { task, .. }
            | Self::AttemptStarted { task, .. }
            | Self::AttemptFinished { task, .. }
            | Self::TaskResolved { task, .. } => Some(*task),
            Self::RunCreated { .. }
            | Self::RunPaused
            | Self::RunUnpaused
            | Self::RunSettled { .. }
            | Self::RunInterrupted
            | Self::RunResumed { .. }
            | Self::RunReopened { .. }
            | Self::CancelRequested { .. }
            | Self::RunFinished { .. } => None,
        }
    }

    /// The last of all tasks that the event names.
    pub(super) fn last_task(&self) -> Option<TaskIdx> {
        match self {
            Self::RunReopened { tasks, .. } => tasks.iter().max().copied(),
            event => event.task(),
        }
    }
}

/// Workflows are large, and shared between a run, its events and its readers.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Workflow;

    pub(super) fn serialize<S: Serializer>(
        workflow: &Arc<Workflow>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        workflow.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Workflow>, D::Error> {
        Workflow::deserialize(deserializer).map(Arc::new)
    }
}
