//! `why`: for which reason a task ran, came from the cache, or did not run.

use serde_json::json;

use super::{
    args::{Format, WhyArgs},
    exit::Exit,
    out::Out,
};
use crate::{
    app::{App, AppError},
    run::{CacheMiss, PartChange, Run, TaskRecord, TaskState},
    workflow::Task,
};

pub(super) fn why(app: &App, args: &WhyArgs, out: &mut Out) -> Result<Exit, AppError> {
    let history = app.history()?;
    let run = history.load(history.find(&args.run)?)?;
    let Some((_, task, record)) = run.tasks().find(|(_, task, _)| task.name == args.task) else {
        return Err(no_task(&run, &args.task));
    };
    if args.format.format == Format::Json {
        out.json(&json!({
            "run": run.id(), "name": task.name, "kind": task.kind, "state": record.state.word(),
            "detail": record.state, "miss": record.miss, "key": record.key, "error": record.error,
        }));
        return Ok(Exit::Succeeded);
    }
    for line in explain(&run, task, record) {
        out.line(&line);
    }
    Ok(Exit::Succeeded)
}

/// The error for a task that a run does not have.
pub(super) fn no_task(run: &Run, name: &str) -> AppError {
    let near = sluicegate_plugin::nearest(name, run.workflow().tasks.iter().map(|task| task.name.as_str()));
    AppError::NotFound {
        message: format!("run {} has no task `{name}`", run.id()),
        hint: match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`sluice runs show {}` lists its tasks", run.id()),
        },
    }
}

fn explain(run: &Run, task: &Task, record: &TaskRecord) -> Vec<String> {
    let name = &task.name;
    let mut lines = match &record.state {
        TaskState::Succeeded { origin: Some(origin) } => vec![format!(
            "`{name}` was not run: nothing it depends on changed since run {}, whose outcome was used",
            origin.run
        )],
        TaskState::Skipped { reason } => vec![format!("`{name}` was skipped: {reason}")],
        TaskState::Cancelled if record.n_attempts == 0 => {
            vec![format!(
                "`{name}` did not start: {}",
                run.cancel_reason().unwrap_or("the run was cancelled")
            )]
        }
        TaskState::Blocked => vec![format!("`{name}` has not run: it waits for tasks before it")],
        TaskState::Ready | TaskState::Claimed => {
            vec![format!("`{name}` has not run: it waits for a free slot")]
        }
        TaskState::Unknown => vec![format!(
            "`{name}` started, but the orchestrator died before its outcome was known; it must not happen twice"
        )],
        _ => match &record.miss {
            Some(miss) => vec![format!("`{name}` ran: {}", miss_text(miss))],
            None => vec![format!("`{name}` did not start")],
        },
    };
    if let Some(CacheMiss::Changed { changes }) = &record.miss {
        lines.extend(changes.iter().map(|change| format!("  {}", change_text(change))));
    }
    if record.n_attempts > 1 {
        lines.push(format!("  it took {} attempts", record.n_attempts));
    }
    if let (Some(error), TaskState::Failed) = (&record.error, &record.state) {
        lines.push(format!("it failed: {error}"));
        lines.extend(error.hints.iter().map(|hint| format!("hint: {hint}")));
    }
    if let Some(key) = &record.key {
        lines.push(format!("its cache key {} is made of", &key.hash[..key.hash.len().min(12)]));
        lines.extend(key.parts.iter().map(|(part, value)| format!("  {part} = {}", shortened(value))));
    }
    lines
}

/// Why the cache did not serve a task, as one fragment.
pub(super) fn miss_text(miss: &CacheMiss) -> String {
    match miss {
        CacheMiss::NotCached => "tasks of its kind are not cached".into(),
        CacheMiss::Refused => "the cache was refused".into(),
        CacheMiss::FirstTime => "it never succeeded in this workflow before".into(),
        CacheMiss::ArtifactGone { port } => format!("the cached output `{port}` is gone"),
        CacheMiss::Changed { changes } => match changes.as_slice() {
            [] => "its earlier outcome is no longer known".into(),
            [one] => format!("`{}` changed", one.part),
            [first, rest @ ..] => format!("`{}` and {} more changed", first.part, rest.len()),
        },
    }
}

pub(super) fn change_text(change: &PartChange) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            format!("{}: {} -> {}", change.part, shortened(before), shortened(after))
        }
        (None, Some(after)) => format!("{}: new, {}", change.part, shortened(after)),
        (Some(before), None) => format!("{}: gone, was {}", change.part, shortened(before)),
        (None, None) => change.part.clone(),
    }
}

/// Hashes are shown by their beginning; other values as they are.
fn shortened(value: &str) -> String {
    let is_hash = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { format!("{}…", &value[..12]) } else { value.to_owned() }
}
