//! A run: a frozen plan and what became of it so far.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    CacheEntry, Cause, Origin, Owner, RunId, RunRow, RunStatus, TaskRecord, TaskState, Timestamp,
    expand::{Expansion, ItemTask},
    queue::TaskQueue,
};
use crate::workflow::{Task, TaskIdx, Workflow};

/// Why a run is to end early.
#[derive(Clone, Debug)]
pub(super) struct CancelRequest {
    pub(super) reason: String,
    pub(super) timed_out: bool,
}

/// One execution of a workflow with fixed parameters.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) id: RunId,
    pub(super) workflow: Arc<Workflow>,
    pub(super) base_dir: PathBuf,
    pub(super) file: PathBuf,
    pub(super) use_cache: bool,
    pub(super) owner: Owner,
    pub(super) parent: Option<RunId>,
    pub(super) cause: Option<Cause>,
    pub(super) started_by: String,
    pub(super) status: RunStatus,
    pub(super) created_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) cancel: Option<CancelRequest>,
    /// Since when a process drives it: a run's time does not go on while nobody does.
    pub(super) driven_since: Timestamp,
    /// How its tasks ended, once they did and hooks are left.
    pub(super) verdict: Option<RunStatus>,
    pub(super) tasks: Vec<TaskRecord>,
    /// Tasks that stand for an item, in the order of their numbers, behind those of the workflow.
    pub(super) items: Vec<ItemTask>,
    pub(super) expansions: BTreeMap<TaskIdx, Expansion>,
    pub(super) queue: TaskQueue,
    pub(super) n_events: u64,
}

impl Run {
    /// Its id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The frozen plan.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The frozen plan, for those who outlive the run.
    pub fn shared_workflow(&self) -> Arc<Workflow> {
        Arc::clone(&self.workflow)
    }

    /// The workflow's folder.
    pub fn base_dir(&self) -> &std::path::Path {
        &self.base_dir
    }

    /// The workflow's file, as the caller named it.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// False when the caller refused the cache.
    pub fn uses_cache(&self) -> bool {
        self.use_cache
    }

    /// How it is.
    pub fn status(&self) -> RunStatus {
        self.status
    }

    /// When it was recorded.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// The run whose task started it.
    pub fn parent(&self) -> Option<RunId> {
        self.parent
    }

    /// The schedule or trigger that it belongs to.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Who started it; empty when it is not known, or nobody did.
    pub fn started_by(&self) -> &str {
        &self.started_by
    }

    /// Why it was ended early.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.cancel.as_ref().map(|cancel| cancel.reason.as_str())
    }

    /// How its tasks ended, once they did and only hooks are left.
    pub fn verdict(&self) -> Option<RunStatus> {
        self.verdict
    }

    /// The number of stored events; the next one's `seq`.
    pub fn n_events(&self) -> u64 {
        self.n_events
    }

    /// What the workflow says of a task, or of the one that it stands for an item of.
    pub fn task(&self, task: TaskIdx) -> &Task {
        let at = task.0 as usize;
        self.workflow.tasks.get(at).unwrap_or_else(|| &self.items[at - self.workflow.tasks.len()].task)
    }

    /// What happened to a task.
    pub fn record(&self, task: TaskIdx) -> &TaskRecord {
        &self.tasks[task.0 as usize]
    }

    /// Every task with its record, in the order of the file; behind them those that stand for items.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskIdx, &Task, &TaskRecord)> {
        (0u32..)
            .map(TaskIdx)
            .zip(self.workflow.tasks.iter().chain(self.items.iter().map(|item| &item.task)))
            .zip(&self.tasks)
            .map(|((idx, task), r)| (idx, task, r))
    }

    /// Every task with its record, in the order of the file, each followed by those that stand for its items.
    pub fn tasks_with_items(&self) -> impl Iterator<Item = (TaskIdx, &Task, &TaskRecord)> {
        let of_file = (0u32..).map(TaskIdx).take(self.workflow.tasks.len());
        of_file
            .flat_map(|task| std::iter::once(task).chain(self.items_of(task)))
            .map(|idx| (idx, self.task(idx), self.record(idx)))
    }

    /// The run in one row.
    pub fn row(&self) -> RunRow {
        RunRow {
            id: self.id,
            workflow: self.workflow.name.clone(),
            workflow_hash: self.workflow.hash.clone(),
            status: self.status,
            created_at: self.created_at,
            ended_at: self.ended_at,
            n_tasks: u32::try_from(self.tasks.len()).unwrap_or(u32::MAX),
            n_ended: self.queue.n_ended(),
            owner: self.owner.clone(),
            n_events: self.n_events,
            parent: self.parent,
            story: self.story(),
        }
    }

    /// Outcomes made in this run that may be used again.
    pub fn cache_entries(&self) -> impl Iterator<Item = CacheEntry> {
        self.tasks().filter_map(|(idx, task, _)| self.cache_entry(idx).filter(|_| task.cache))
    }

    /// The outcome that a task made in this run, when it may be used again.
    pub fn cache_entry(&self, idx: TaskIdx) -> Option<CacheEntry> {
        let (task, record) = (self.task(idx), self.record(idx));
        let TaskState::Succeeded { origin: None } = record.state else { return None };
        let (key, outcome) = (record.key.clone()?, record.outcome.clone()?);
        let origin = Origin { run: self.id, task: task.name.clone() };
        task.cache.then(|| CacheEntry { origin, workflow: self.workflow.name.clone(), key, outcome })
    }
}
