//! From the domain to what pages show.

use serde_json::Value;
use sluicegate_plugin::{Deployment, DeploymentState, Target, Verdict};
use sluicegate_web::view;

use crate::{
    run::{PartChange, Run, RunRow, RunStatus, RunStory, TaskRecord, TaskState, Trigger, Trouble},
    server::facade::{Health, ScheduleFire, ScheduleInfo},
};

pub(super) fn run_state(status: RunStatus) -> view::RunState {
    match status {
        RunStatus::Running => view::RunState::Running,
        RunStatus::Paused => view::RunState::Paused,
        RunStatus::Interrupted => view::RunState::Interrupted,
        RunStatus::Succeeded => view::RunState::Succeeded,
        RunStatus::Rejected => view::RunState::Rejected,
        RunStatus::Failed => view::RunState::Failed,
        RunStatus::Cancelled => view::RunState::Cancelled,
    }
}

pub(super) fn run_row(row: &RunRow) -> view::RunRow {
    view::RunRow {
        id: row.id.to_string(),
        workflow: row.workflow.clone(),
        state: run_state(row.status),
        created_at: row.created_at.0,
        ended_at: row.ended_at.map(|at| at.0),
        started_by: started_by(&row.story),
        due_at: row
            .story
            .cause
            .as_ref()
            .filter(|cause| is_timed(cause.trigger))
            .map(|cause| cause.scheduled_at.0),
        n_tasks: row.n_tasks,
        n_ended: row.n_ended,
        remark: row.story.trouble.as_ref().map(trouble).unwrap_or_default(),
        n_alike: 0,
        decision: row.story.decision.map(decision),
        parent: row.parent.map(|parent| parent.to_string()),
    }
}

/// What started a run, in a few words; empty when another run did, or nobody knows.
fn started_by(story: &RunStory) -> String {
    let Some(cause) = &story.cause else { return story.started_by.clone() };
    let what = match cause.trigger {
        Trigger::Hand if story.started_by.is_empty() => "someone",
        Trigger::Hand => return story.started_by.clone(),
        Trigger::Schedule => "schedule",
        Trigger::CatchUp => "catch-up",
        Trigger::Backfill => "backfill",
        Trigger::Run => "a run's end",
        Trigger::Webhook => "webhook",
        Trigger::Files => "files",
    };
    // The one schedule of a workflow needs no name.
    if matches!(cause.schedule.as_str(), "" | "default") {
        what.to_owned()
    } else {
        format!("{what} `{}`", cause.schedule)
    }
}

/// Tells whether a trigger has a time that was due before the run began.
fn is_timed(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Schedule | Trigger::CatchUp | Trigger::Backfill)
}

fn trouble(trouble: &Trouble) -> String {
    match (trouble.task.as_str(), trouble.message.as_str()) {
        ("", message) => message.to_owned(),
        (task, "") => format!("`{task}` did not succeed"),
        (task, message) => format!("`{task}`: {message}"),
    }
}

pub(super) fn decision(decision: sluicegate_plugin::Decision) -> view::Decision {
    match decision {
        sluicegate_plugin::Decision::Pass => view::Decision::Pass,
        sluicegate_plugin::Decision::Reject => view::Decision::Reject,
        sluicegate_plugin::Decision::Insufficient => view::Decision::Insufficient,
    }
}

pub(super) fn verdict(verdict: &Verdict) -> view::Verdict {
    let requirements = verdict.requirements.iter().map(|requirement| view::Requirement {
        metric: requirement.metric.clone(),
        asked: requirement.asked.clone(),
        seen: requirement.seen,
        champion: requirement.champion,
        decision: decision(requirement.decision),
        reason: requirement.reason.clone(),
    });
    view::Verdict { decision: decision(verdict.decision), requirements: requirements.collect() }
}

/// How a task is, as a viewer tells them apart.
pub(super) fn task_state(record: &TaskRecord) -> view::TaskState {
    let said = record.outcome.as_ref().and_then(|outcome| outcome.verdict.as_ref());
    match &record.state {
        TaskState::Blocked => view::TaskState::Blocked,
        TaskState::Ready | TaskState::Claimed => view::TaskState::Ready,
        TaskState::Running { .. } | TaskState::Expanded => view::TaskState::Running,
        TaskState::Waiting { .. } => view::TaskState::Waiting,
        TaskState::Succeeded { origin } => match (said, origin) {
            (Some(verdict), _) if verdict.decision != sluicegate_plugin::Decision::Pass => {
                decision(verdict.decision).look()
            }
            (_, Some(_)) => view::TaskState::Cached,
            _ => view::TaskState::Succeeded,
        },
        TaskState::Failed => view::TaskState::Failed,
        TaskState::Skipped { .. } => view::TaskState::Skipped,
        TaskState::Cancelled => view::TaskState::Cancelled,
        TaskState::Unknown => view::TaskState::Unknown,
    }
}

pub(super) fn change(change: &PartChange) -> view::Change {
    view::Change { name: change.part.clone(), before: change.before.clone(), after: change.after.clone() }
}

/// A value as people read it: texts without their quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn params(run: &Run) -> Vec<view::Pair> {
    run.workflow().params.iter().map(|(name, value)| view::Pair::new(name, text(value))).collect()
}

pub(super) fn deployment(deployment: &Deployment, health: Option<Health>) -> view::DeploymentRow {
    let (health, remark) = match (deployment.state, health) {
        (DeploymentState::Stopped, _) => (view::DeploymentHealth::Stopped, ""),
        (DeploymentState::Failed, _) => (view::DeploymentHealth::Failed, "it did not become ready"),
        (_, Some(Health::Ready)) => (view::DeploymentHealth::Ready, ""),
        (DeploymentState::Starting, Some(Health::Alive)) => (view::DeploymentHealth::Starting, ""),
        (_, Some(Health::Alive)) => (view::DeploymentHealth::NotReady, "it says that it is not ready"),
        (DeploymentState::Starting, _) => (view::DeploymentHealth::Starting, ""),
        (DeploymentState::Ready, _) => (view::DeploymentHealth::Gone, "it does not answer"),
    };
    view::DeploymentRow {
        name: deployment.name.clone(),
        generation: deployment.generation,
        health,
        target: match deployment.target {
            Target::Process => "process",
            Target::Docker => "docker",
        }
        .into(),
        model: deployment.model.clone(),
        version: deployment.version,
        address: deployment.address.clone(),
        run: deployment.run_id.clone(),
        updated_at: deployment.updated_at,
        remark: remark.into(),
    }
}

pub(super) fn fire(info: &ScheduleInfo, fire: &ScheduleFire) -> view::Fire {
    view::Fire {
        schedule: info.id.clone(),
        workflow: info.workflow.clone(),
        at: fire.at.0,
        decision: fire.decision.clone(),
        reason: fire.reason.clone(),
        run: fire.run.map(|run| run.to_string()),
    }
}

/// What tells a schedule from the others of its workflow.
fn schedule_name(info: &ScheduleInfo) -> &str {
    let name = info.id.strip_prefix(&info.workflow).and_then(|rest| rest.strip_prefix('/'));
    name.filter(|name| *name != "default").unwrap_or_default()
}

pub(super) fn schedule(info: &ScheduleInfo) -> view::ScheduleRow {
    view::ScheduleRow {
        id: info.id.clone(),
        workflow: info.workflow.clone(),
        name: schedule_name(info).to_owned(),
        trigger: info.kind.clone(),
        expression: info.trigger.clone(),
        words: info.words.clone(),
        timezone: info.timezone.clone(),
        overlap: info.overlap.clone(),
        catch_up: info.catch_up.clone(),
        is_paused: info.paused,
        pause_reason: info.pause_reason.clone(),
        next: info.next.iter().take(5).map(|at| at.0).collect(),
        last: info.recent.iter().take(5).map(|recent| fire(info, recent)).collect(),
    }
}

/// The fires that come, of all schedules, soonest first.
pub(super) fn upcoming(schedules: &[ScheduleInfo], limit: usize) -> Vec<view::Fire> {
    let mut all: Vec<view::Fire> = schedules
        .iter()
        .filter(|info| !info.paused)
        .flat_map(|info| {
            info.next.iter().map(|at| view::Fire {
                schedule: info.id.clone(),
                workflow: info.workflow.clone(),
                at: at.0,
                ..view::Fire::default()
            })
        })
        .collect();
    all.sort_by_key(|fire| fire.at);
    all.truncate(limit);
    all
}
