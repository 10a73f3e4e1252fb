//! The story of a run: what each task did, what gates said, what went wrong and what to do next.

use serde_json::{Value, json};
use sluicegate_plugin::{Decision, Verdict};

use super::{
    out::{Out, Style},
    runs::status_style,
    table::{TextTable, duration, local, rfc3339},
};
use crate::{
    run::{Run, RunStatus, TaskRecord, TaskState, Timestamp},
    workflow::Task,
};

/// What a task's line says: a style, a word and a remark.
pub(super) fn task_words(record: &TaskRecord) -> (Style, &'static str, String) {
    let summary = || record.outcome.as_ref().and_then(|outcome| outcome.summary.clone()).unwrap_or_default();
    let error = || record.error.as_ref().map(|error| first_line(&error.message)).unwrap_or_default();
    match &record.state {
        TaskState::Succeeded { origin } => {
            let decision =
                record.outcome.as_ref().and_then(|outcome| outcome.verdict.as_ref()).map(|v| v.decision);
            match (decision, origin) {
                (Some(Decision::Reject), _) => (Style::Warn, "rejected", summary()),
                (Some(Decision::Insufficient), _) => (Style::Warn, "insufficient", summary()),
                (Some(Decision::Pass), None) => (Style::Good, "passed", summary()),
                (_, Some(_)) => (Style::Dim, "cached", summary()),
                (None, None) => (Style::Good, "done", summary()),
            }
        }
        TaskState::Failed => (Style::Bad, "failed", error()),
        TaskState::Skipped { reason } => (Style::Dim, "skipped", reason.to_string()),
        TaskState::Cancelled => (Style::Warn, "cancelled", String::new()),
        TaskState::Unknown => {
            (Style::Bad, "unknown", "its outcome was lost, and it must not happen twice".into())
        }
        TaskState::Waiting { .. } => (Style::Warn, "waiting", error()),
        TaskState::Running { .. } | TaskState::Expanded => (Style::Bold, "running", String::new()),
        TaskState::Ready | TaskState::Claimed => (Style::Dim, "ready", String::new()),
        TaskState::Blocked => (Style::Dim, "blocked", String::new()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Prints the whole story.
pub(super) fn print(run: &Run, now: Timestamp, out: &mut Out) {
    let took = run.ended_at().unwrap_or(now).seconds_since(run.created_at());
    out.line(&format!(
        "{} {} {}",
        out.paint(Style::Bold, &run.workflow().name),
        out.paint(status_style(run.status()), run.status().word()),
        out.paint(Style::Dim, &format!("run {}", run.id())),
    ));
    let took = if run.status() == RunStatus::Interrupted {
        String::new()
    } else {
        format!(", took {}", duration(took))
    };
    out.line(&format!("started {}{took}, from {}", local(run.created_at()), run.file().display()));
    if !run.workflow().params.is_empty() {
        let params: Vec<_> =
            run.workflow().params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        out.line(&format!("with {}", params.join(", ")));
    }
    if let Some(reason) = run.cancel_reason() {
        out.line(&format!("cancelled: {reason}"));
    }
    out.line("");
    let mut table = TextTable::new(&["TASK", "KIND", "STATE", "TOOK", ""]);
    for (_, task, record) in run.tasks_with_items() {
        let (style, word, remark) = task_words(record);
        let ran = record.n_attempts > 0;
        let took = record.seconds(now).filter(|_| ran).map(duration).unwrap_or_default();
        let attempts = match record.n_attempts {
            0 | 1 => String::new(),
            n if remark.is_empty() => format!("{n} attempts"),
            n => format!("{n} attempts; "),
        };
        table.row(vec![
            (Style::Plain, task.name.clone()),
            (Style::Dim, task.kind.clone()),
            (style, word.into()),
            (Style::Plain, took),
            (Style::Plain, format!("{attempts}{remark}")),
        ]);
    }
    table.print(out);
    print_verdicts(run, out);
    print_failures(run, out);
    print_next(run, out);
}

/// Prints what is left to say when a run that was watched ends.
pub(super) fn print_end(run: &Run, out: &mut Out) {
    print_failures(run, out);
    let took = run.ended_at().map_or(0.0, |end| end.seconds_since(run.created_at()));
    let word = out.paint(status_style(run.status()), run.status().word());
    let detail = match run.status() {
        RunStatus::Rejected => rejected_by(run),
        RunStatus::Cancelled => run.cancel_reason().unwrap_or_default().to_owned(),
        _ => counts(run),
    };
    out.line(&format!("{word} in {}: {detail}", duration(took)));
    print_next(run, out);
}

fn counts(run: &Run) -> String {
    let count =
        |wanted: fn(&TaskState) -> bool| run.tasks().filter(|(_, _, record)| wanted(&record.state)).count();
    let parts = [
        (count(|state| matches!(state, TaskState::Succeeded { origin: None })), "ran"),
        (count(|state| matches!(state, TaskState::Succeeded { origin: Some(_) })), "cached"),
        (count(|state| matches!(state, TaskState::Failed)), "failed"),
        (count(|state| matches!(state, TaskState::Unknown)), "unknown"),
        (count(|state| matches!(state, TaskState::Skipped { .. })), "skipped"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    parts.join(", ")
}

fn rejected_by(run: &Run) -> String {
    let gates: Vec<_> = verdicts(run)
        .filter(|(_, verdict)| verdict.decision != Decision::Pass)
        .map(|(task, verdict)| {
            let unmet: Vec<_> = verdict
                .requirements
                .iter()
                .filter(|r| r.decision != Decision::Pass)
                .map(|r| r.reason.as_str())
                .collect();
            format!("gate `{}`: {}", task.name, unmet.join("; "))
        })
        .collect();
    gates.join("; ")
}

fn verdicts(run: &Run) -> impl Iterator<Item = (&Task, &Verdict)> {
    run.tasks().filter_map(|(_, task, record)| Some((task, record.outcome.as_ref()?.verdict.as_ref()?)))
}

fn print_verdicts(run: &Run, out: &mut Out) {
    for (task, verdict) in verdicts(run) {
        out.line("");
        out.line(&format!("gate `{}`: {}", task.name, verdict.decision));
        for requirement in &verdict.requirements {
            let (style, mark) = match requirement.decision {
                Decision::Pass => (Style::Good, "pass"),
                Decision::Reject => (Style::Warn, "reject"),
                Decision::Insufficient => (Style::Warn, "insufficient"),
            };
            out.line(&format!("  {} {}", out.paint(style, mark), requirement.reason));
        }
    }
}

fn print_failures(run: &Run, out: &mut Out) {
    // What went wrong with an item is told by the task that has the items.
    for (_, task, record) in run.tasks().filter(|(idx, ..)| run.item(*idx).is_none()) {
        if let (TaskState::Failed, Some(error)) = (&record.state, &record.error) {
            out.line("");
            let label = out.paint(Style::Bad, "error:");
            out.line(&format!("{label} `{}` failed: {}", task.name, error.message));
            for hint in &error.hints {
                out.line(&format!("{} {hint}", out.paint(Style::Good, "hint:")));
            }
        }
    }
}

fn print_next(run: &Run, out: &mut Out) {
    let id = run.id();
    let next = match run.status() {
        RunStatus::Failed => format!(
            "`sluice runs logs {id}` prints the tasks' logs, `sluice runs retry {id}` repeats what failed"
        ),
        RunStatus::Interrupted => format!("`sluice run {}` goes on where it stopped", run.file().display()),
        RunStatus::Rejected => format!("`sluice runs show {id}` tells the whole story"),
        _ => return,
    };
    out.line(&out.paint(Style::Dim, &next));
}

/// The whole story for programs.
pub(super) fn to_json(run: &Run, now: Timestamp) -> Value {
    let tasks: Vec<_> = run
        .tasks()
        .map(|(_, task, record)| {
            json!({
                "name": task.name, "kind": task.kind, "state": record.state.word(), "detail": record.state,
                "attempts": record.n_attempts, "run": record.child, "started_at": record.started_at.map(rfc3339),
                "ended_at": record.ended_at.map(rfc3339), "duration": record.seconds(now),
                "cached": matches!(record.state, TaskState::Succeeded { origin: Some(_) }),
                "miss": record.miss, "params": record.params, "error": record.error,
                "outputs": record.outcome.as_ref().map(|outcome| &outcome.outputs),
                "metrics": record.outcome.as_ref().map(|outcome| &outcome.metrics),
                "verdict": record.outcome.as_ref().and_then(|outcome| outcome.verdict.as_ref()),
                "summary": record.outcome.as_ref().and_then(|outcome| outcome.summary.as_ref()),
            })
        })
        .collect();
    json!({
        "id": run.id(), "workflow": run.workflow().name, "workflow_hash": run.workflow().hash,
        "file": run.file(), "status": run.status(), "params": run.workflow().params,
        "parent": run.parent(), "trigger": run.cause().map_or("hand", |cause| cause.trigger.word()),
        "schedule": run.cause().map(|cause| &cause.schedule),
        "scheduled_at": run.cause().map(|cause| rfc3339(cause.scheduled_at)), "created_at": rfc3339(run.created_at()), "ended_at": run.ended_at().map(rfc3339),
        "duration": run.ended_at().map(|end| end.seconds_since(run.created_at())),
        "cancelled_because": run.cancel_reason(), "tasks": tasks,
    })
}
