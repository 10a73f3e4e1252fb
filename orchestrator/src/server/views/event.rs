//! Events of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::rfc3339;
use crate::{
    run::{AttemptResult, Event, EventRecord, Outcome, Run, RunId},
    workflow::TaskIdx,
};

/// Something that happened.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct EventView {
    /// Its number in the run, from 0.
    pub(in crate::server) seq: u64,
    pub(in crate::server) at: String,
    /// What happened, such as `attempt_started`.
    #[serde(rename = "type")]
    pub(in crate::server) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) attempt: Option<u32>,
    /// How the run, or the attempt, ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) status: Option<&'static str>,
    /// The rest in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::server) text: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::server) metrics: BTreeMap<String, f64>,
}

/// Some events of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct EventPage {
    pub(in crate::server) events: Vec<EventView>,
    /// The number after which the next page begins; absent at the end.
    pub(in crate::server) next: Option<u64>,
}

/// The names of a run's tasks, items included, in the order of their numbers.
pub(in crate::server) fn names_of(
    run: RunId,
    records: &[EventRecord],
) -> Result<Vec<String>, crate::run::ReplayError> {
    let run = Run::replay(run, records)?;
    Ok(run.tasks().map(|(_, task, _)| task.name.clone()).collect())
}

impl EventView {
    /// The view of a record, with the name of the task that it is about.
    pub(in crate::server) fn of(record: &EventRecord, task: Option<String>) -> Self {
        let mut view = Self {
            seq: record.seq,
            at: rfc3339(record.at),
            kind: "",
            task,
            attempt: None,
            status: None,
            text: String::new(),
            metrics: BTreeMap::new(),
        };
        view.tell(&record.event);
        view
    }

    /// The view of a record whose task is found by its number.
    pub(in crate::server) fn named(record: &EventRecord, names: &[String]) -> Self {
        let name = |TaskIdx(at)| names.get(at as usize).cloned();
        Self::of(record, record.event.task().and_then(name))
    }

    fn tell(&mut self, event: &Event) {
        match event {
            Event::RunCreated { workflow, .. } => {
                self.kind = "run_created";
                self.text = format!("workflow `{}`", workflow.name);
            }
            Event::RunPaused => self.kind = "run_paused",
            Event::RunUnpaused => self.kind = "run_unpaused",
            Event::RunSettled { status } => {
                self.kind = "run_settled";
                self.status = Some(status.word());
            }
            Event::RunInterrupted => self.kind = "run_interrupted",
            Event::RunResumed { owner } => {
                self.kind = "run_resumed";
                self.text = format!("by process {}", owner.pid);
            }
            Event::RunReopened { tasks, .. } => {
                self.kind = "run_reopened";
                self.text = format!("{} tasks start over", tasks.len());
            }
            Event::TaskResolved { resolution, .. } => {
                self.kind = "task_resolved";
                self.text = match resolution {
                    crate::run::Resolution::Succeeded => "a person says that it happened",
                    crate::run::Resolution::Failed => "a person says that it counts as failed",
                    crate::run::Resolution::Retry => "a person says that it did not happen",
                }
                .into();
            }
            Event::TaskClaimed { .. } => self.kind = "task_claimed",
            Event::TaskWoken { .. } => self.kind = "task_woken",
            Event::TaskSkipped { reason, .. } => {
                self.kind = "task_skipped";
                self.text = reason.to_string();
            }
            Event::TaskCancelled { .. } => self.kind = "task_cancelled",
            Event::TaskExpanded { items, .. } => {
                self.kind = "task_expanded";
                self.text = format!("{} items", items.len());
            }
            Event::TaskJoined { outcome, .. } => {
                self.kind = "task_joined";
                self.left(outcome);
            }
            Event::CacheHit { origin, outcome, .. } => {
                self.kind = "cache_hit";
                self.left(outcome);
                self.text = format!("the outcome of run {}", origin.run);
            }
            Event::TaskUnprepared { error, .. } => {
                self.kind = "task_unprepared";
                self.text.clone_from(&error.message);
            }
            Event::AttemptStarted { attempt, .. } => {
                self.kind = "attempt_started";
                self.attempt = Some(*attempt);
            }
            Event::AttemptFinished { attempt, result, retry_at, .. } => {
                self.kind = "attempt_finished";
                self.attempt = Some(*attempt);
                self.ended(result);
                if let Some(at) = retry_at {
                    self.text = format!("{}; again at {}", self.text, rfc3339(*at));
                }
            }
            Event::CancelRequested { reason, .. } => {
                self.kind = "cancel_requested";
                self.text.clone_from(reason);
            }
            Event::RunFinished { status } => {
                self.kind = "run_finished";
                self.status = Some(status.word());
            }
        }
    }

    fn left(&mut self, outcome: &Outcome) {
        self.text = outcome.summary.clone().unwrap_or_default();
        self.metrics.clone_from(&outcome.metrics);
    }

    fn ended(&mut self, result: &AttemptResult) {
        self.status = Some(match result {
            AttemptResult::Succeeded { .. } => "succeeded",
            AttemptResult::Failed { .. } => "failed",
            AttemptResult::TimedOut { .. } => "timed_out",
            AttemptResult::Cancelled => "cancelled",
            AttemptResult::Crashed { .. } => "crashed",
            AttemptResult::Lost => "lost",
            AttemptResult::NeverHappened => "never_happened",
        });
        if let AttemptResult::Succeeded { outcome } = result {
            self.left(outcome);
        }
        if let Some(error) = result.error() {
            self.text = error.message;
        }
    }
}
