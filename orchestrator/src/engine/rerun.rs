//! A new run that begins with what an earlier one left, from a task on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, EngineError, RunHandle, StartRequest};
use crate::{
    run::{CacheKey, Cause, Event, Origin, Run, SkipReason, TaskState, Trigger, gate_reason},
    workflow::{RunIf, Task, TaskIdx, Workflow},
    world::new_run_id,
};

/// Where a rerun begins.
pub struct RerunFrom {
    /// The earlier run.
    pub run: Run,
    /// The task that runs again, by name.
    pub task: String,
    /// True to run that task alone; otherwise everything behind it runs too.
    pub only: bool,
}

impl Engine {
    /// Records a new run of a workflow that takes over what tasks of an earlier run left, and runs a task with what stands behind it. Tasks that
    /// the earlier run did not finish run too.
    pub async fn rerun(&self, request: StartRequest, from: &RerunFrom) -> Result<RunHandle, EngineError> {
        let known = known(&request.workflow, from)?;
        let id = new_run_id(self.options.world.as_ref());
        // It runs for the same time as the earlier one, but because someone wants it.
        let cause = from.run.cause().map(|cause| Cause { trigger: Trigger::Hand, ..cause.clone() });
        self.start_because(id, cause, request, &known).await
    }
}

/// What is known of a rerun from the beginning.
fn known(workflow: &Workflow, from: &RerunFrom) -> Result<Vec<Event>, EngineError> {
    let begin = index(workflow, &from.task)
        .ok_or_else(|| EngineError::NoTask { run: from.run.id(), task: from.task.clone() })?;
    let again = behind(workflow, begin);
    let before: BTreeMap<&str, TaskIdx> =
        from.run.tasks().map(|(idx, task, _)| (task.name.as_str(), idx)).collect();
    let graph = workflow.graph();
    let mut kept = BTreeSet::new();
    let mut held: BTreeMap<TaskIdx, SkipReason> = BTreeMap::new();
    let mut events = Vec::new();
    for task in graph.order() {
        let definition = workflow.task(task);
        if definition.hook.is_some() {
            continue;
        }
        // What a gate or a skipped task held back stays held back: a rerun is no way around them.
        let holder = graph.upstream(task).into_iter().find_map(|up| held.get(&up).cloned());
        if let Some(reason) = holder.filter(|_| definition.run_if == RunIf::AllSucceeded) {
            if task == begin {
                let (run, task) = (from.run.id(), from.task.clone());
                return Err(EngineError::HeldBack { run, task, reason: reason.to_string() });
            }
            held.insert(task, reason.clone());
            kept.insert(task);
            events.push(Event::TaskSkipped { task, reason });
            continue;
        }
        if task == begin || (again.contains(&task) && !from.only) {
            continue;
        }
        // An outcome is taken over only together with those it was made from.
        let whole = graph.upstream(task).iter().all(|up| kept.contains(up));
        let earlier = before.get(definition.name.as_str()).filter(|_| whole && !again.contains(&task));
        match earlier.and_then(|earlier| taken_over(&from.run, *earlier, task)) {
            Some(event) => {
                kept.insert(task);
                if let Some(reason) = holds_back(definition, &event) {
                    held.insert(task, reason);
                }
                events.push(event);
            }
            None if from.only => events.push(Event::TaskSkipped { task, reason: SkipReason::NotChosen }),
            None => {}
        }
    }
    if from.only && !graph.upstream(begin).iter().all(|up| kept.contains(up)) {
        return Err(EngineError::NothingBefore { run: from.run.id(), task: from.task.clone() });
    }
    Ok(events)
}

/// Why what stands behind a task that is taken over does not run, if it does not.
fn holds_back(task: &Task, event: &Event) -> Option<SkipReason> {
    match event {
        Event::CacheHit { outcome, .. } => gate_reason(task, outcome),
        _ => Some(SkipReason::Upstream { task: task.name.clone(), state: "skipped".into() }),
    }
}

fn index(workflow: &Workflow, name: &str) -> Option<TaskIdx> {
    let at = workflow.tasks.iter().position(|task| task.name == name)?;
    u32::try_from(at).ok().map(TaskIdx)
}

/// A task with everything that stands behind it.
fn behind(workflow: &Workflow, task: TaskIdx) -> BTreeSet<TaskIdx> {
    let graph = workflow.graph();
    let mut found = BTreeSet::from([task]);
    for next in graph.order() {
        if graph.upstream(next).iter().any(|up| found.contains(up)) {
            found.insert(next);
        }
    }
    found
}

/// The event that takes over what a task of an earlier run left, when it left something.
fn taken_over(run: &Run, earlier: TaskIdx, task: TaskIdx) -> Option<Event> {
    let record = run.record(earlier);
    let origin = match &record.state {
        TaskState::Succeeded { origin: Some(origin) } => origin.clone(),
        TaskState::Succeeded { origin: None } => {
            Origin { run: run.id(), task: run.task(earlier).name.clone() }
        }
        TaskState::Skipped { reason: SkipReason::NotChosen } => return None,
        TaskState::Skipped { reason } => return Some(Event::TaskSkipped { task, reason: reason.clone() }),
        _ => return None,
    };
    let key = record.key.clone().unwrap_or_else(|| CacheKey::new(BTreeMap::new()));
    let outcome = record.outcome.clone()?;
    Some(Event::CacheHit { task, key, origin, outcome })
}
