//! `runs list|show|logs`: what happened.

use serde_json::json;

use super::{
    args::{Format, LogsArgs, ResolutionArg, ResolveArgs, RunArg, RunsCommand, RunsListArgs},
    diff,
    exit::Exit,
    out::{Out, Style},
    progress::Progress,
    rerun, story,
    table::{TextTable, duration, local, rfc3339},
    why::no_task,
};
use crate::{
    app::{App, AppError, Cancelled, Running},
    run::{Resolution, Run, RunId, RunRow, RunStatus, TaskState, Timestamp},
};

pub(super) fn runs(app: &App, command: RunsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        RunsCommand::List(args) => list(app, &args, out),
        RunsCommand::Show(args) => show(app, &args, out),
        RunsCommand::Logs(args) => logs(app, &args, out),
        RunsCommand::Pause(args) => pause(app, &args, out),
        RunsCommand::Resume(args) => resume(app, &args, out),
        RunsCommand::Rerun(args) => rerun::rerun(app, &args, out),
        RunsCommand::Retry(args) => retry(app, &args, out),
        RunsCommand::Diff(args) => diff::diff(app, &args, out),
        RunsCommand::Resolve(args) => resolve(app, &args, out),
        RunsCommand::Cancel(args) => cancel(app, &args, out),
    }
}

/// The colour of a run's state.
pub(super) fn status_style(status: RunStatus) -> Style {
    match status {
        RunStatus::Succeeded => Style::Good,
        RunStatus::Failed => Style::Bad,
        RunStatus::Rejected | RunStatus::Interrupted | RunStatus::Cancelled => Style::Warn,
        RunStatus::Running | RunStatus::Paused => Style::Bold,
    }
}

const STATUSES: [RunStatus; 7] = [
    RunStatus::Running,
    RunStatus::Paused,
    RunStatus::Interrupted,
    RunStatus::Succeeded,
    RunStatus::Rejected,
    RunStatus::Failed,
    RunStatus::Cancelled,
];

fn parse_status(text: &str) -> Result<RunStatus, AppError> {
    STATUSES.into_iter().find(|status| status.word() == text).ok_or_else(|| AppError::Invalid {
        message: format!("`{text}` is not a state of a run"),
        hint: format!("use one of {}", STATUSES.map(RunStatus::word).join(", ")),
    })
}

fn list(app: &App, args: &RunsListArgs, out: &mut Out) -> Result<Exit, AppError> {
    let status = args.status.as_deref().map(parse_status).transpose()?;
    let rows = app.history()?.runs(args.workflow.as_deref(), status, args.limit)?;
    let now = app.now();
    if args.format.format == Format::Json {
        out.json(&rows.iter().map(|row| row_json(row, now)).collect::<Vec<_>>());
        return Ok(Exit::Succeeded);
    }
    if rows.is_empty() {
        out.line("no runs yet; start one with `sluice run FILE`");
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["RUN", "WORKFLOW", "STATUS", "TASKS", "STARTED", "TOOK"]);
    for row in &rows {
        table.row(vec![
            (Style::Plain, row.id.to_string()),
            (Style::Plain, row.workflow.clone()),
            (status_style(row.status), row.status.to_string()),
            (Style::Plain, format!("{}/{}", row.n_ended, row.n_tasks)),
            (Style::Dim, local(row.created_at)),
            (Style::Plain, took(row, now).map(duration).unwrap_or_default()),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

/// Seconds from start to end, or so far; unknown for an interrupted run.
fn took(row: &RunRow, now: Timestamp) -> Option<f64> {
    match (row.ended_at, row.status) {
        (Some(end), _) => Some(end.seconds_since(row.created_at)),
        (None, RunStatus::Interrupted) => None,
        (None, _) => Some(now.seconds_since(row.created_at)),
    }
}

fn row_json(row: &RunRow, now: Timestamp) -> serde_json::Value {
    json!({
        "id": row.id, "workflow": row.workflow, "workflow_hash": row.workflow_hash, "status": row.status,
        "created_at": rfc3339(row.created_at), "ended_at": row.ended_at.map(rfc3339),
        "duration": took(row, now), "n_tasks": row.n_tasks, "n_ended": row.n_ended,
    })
}

fn show(app: &App, args: &RunArg, out: &mut Out) -> Result<Exit, AppError> {
    let history = app.history()?;
    let run = history.load(history.find(&args.run)?)?;
    if args.format.format == Format::Json {
        out.json(&story::to_json(&run, app.now()));
    } else {
        story::print(&run, app.now(), out);
    }
    Ok(Exit::Succeeded)
}

fn logs(app: &App, args: &LogsArgs, out: &mut Out) -> Result<Exit, AppError> {
    let history = app.history()?;
    let run = history.load(history.find(&args.run)?)?;
    if let Some(task) = &args.task
        && !run.workflow().tasks.iter().any(|other| other.name == *task)
    {
        return Err(no_task(&run, task));
    }
    let logs = history.logs(&run);
    let wanted: Vec<_> =
        logs.iter().filter(|log| args.task.as_ref().is_none_or(|task| *task == log.task)).collect();
    for log in &wanted {
        let content = std::fs::read(&log.log)
            .map_err(|source| AppError::Unreadable { path: log.log.clone(), source })?;
        if wanted.len() > 1 {
            let title = format!("── {} · attempt {} ", log.task, log.attempt);
            out.line(&out.paint(Style::Dim, &title));
        }
        out.bytes(&content);
    }
    if wanted.is_empty() {
        out.note("no attempt wrote to its log");
    }
    Ok(Exit::Succeeded)
}

fn row(app: &App, run: &str) -> Result<RunRow, AppError> {
    let history = app.history()?;
    Ok(history.load(history.find(run)?)?.row())
}

fn pause(app: &App, args: &RunArg, out: &mut Out) -> Result<Exit, AppError> {
    let row = row(app, &args.run)?;
    if row.status.is_final() {
        return Err(AppError::Invalid {
            message: format!("run {} has ended: it {}", row.id, row.status.word()),
            hint: "only a run that goes on can be paused".into(),
        });
    }
    let process = app.pause(&row, true)?;
    if args.format.format == Format::Json {
        out.json(&json!({ "id": row.id.to_string(), "asked_process": process }));
    } else {
        out.line(&format!("asked process {process} to pause run {}; tasks that run go on", row.id));
    }
    Ok(Exit::Succeeded)
}

/// Goes on with a run: one that nobody drives is driven from here, one that is paused is let go on where it is.
pub(super) fn resume(app: &App, args: &RunArg, out: &mut Out) -> Result<Exit, AppError> {
    let row = row(app, &args.run)?;
    if row.status.is_final() {
        return Err(AppError::Invalid {
            message: format!("run {} has ended: it {}", row.id, row.status.word()),
            hint: format!("`sluice runs retry {}` repeats what did not succeed", row.id),
        });
    }
    if row.status != RunStatus::Paused {
        return go_on(app, args, App::resume, out);
    }
    let process = app.pause(&row, false)?;
    if args.format.format == Format::Json {
        out.json(&json!({ "id": row.id.to_string(), "asked_process": process }));
    } else {
        out.line(&format!("asked process {process} to go on with run {}", row.id));
    }
    Ok(Exit::Succeeded)
}

/// Repeats what did not succeed in a run that ended.
fn retry(app: &App, args: &RunArg, out: &mut Out) -> Result<Exit, AppError> {
    let run = {
        let history = app.history()?;
        history.load(history.find(&args.run)?)?
    };
    if run.status().is_final() && !run.can_go_on() {
        return Err(AppError::Invalid {
            message: format!("run {} has nothing to repeat: it {}", run.id(), run.status().word()),
            hint: format!("`sluice runs rerun {} --from TASK` starts a new run from a task on", run.id()),
        });
    }
    go_on(app, args, App::retry, out)
}

type GoOn = fn(&App, RunId, &mut dyn Running) -> Result<Run, AppError>;

fn go_on(app: &App, args: &RunArg, go_on: GoOn, out: &mut Out) -> Result<Exit, AppError> {
    let id = app.history()?.find(&args.run)?;
    let json = args.format.format == Format::Json;
    let mut progress = Progress::new(out, json);
    let run = go_on(app, id, &mut progress)?;
    progress.finish();
    if json {
        out.json(&story::to_json(&run, app.now()));
    } else {
        story::print_end(&run, out);
    }
    Ok(Exit::of_run(run.status()))
}

fn cancel(app: &App, args: &RunArg, out: &mut Out) -> Result<Exit, AppError> {
    let row = row(app, &args.run)?;
    if row.status.is_final() {
        return Err(AppError::Invalid {
            message: format!("run {} has ended: it {}", row.id, row.status.word()),
            hint: "only a run that goes on or was interrupted can be cancelled".into(),
        });
    }
    let cancelled = app.cancel(&row)?;
    if args.format.format == Format::Json {
        let asked = if let Cancelled::Asked(pid) = cancelled { Some(pid) } else { None };
        out.json(&json!({ "id": row.id.to_string(), "ended": asked.is_none(), "asked_process": asked }));
        return Ok(Exit::Succeeded);
    }
    match cancelled {
        Cancelled::Ended => out.line(&format!("cancelled run {}", row.id)),
        Cancelled::Asked(pid) => out.line(&format!("asked process {pid} to cancel run {}", row.id)),
    }
    Ok(Exit::Succeeded)
}

fn resolve(app: &App, args: &ResolveArgs, out: &mut Out) -> Result<Exit, AppError> {
    let run = {
        let history = app.history()?;
        history.load(history.find(&args.run)?)?
    };
    let Some((task, _, record)) = run.tasks().find(|(_, task, _)| task.name == args.task) else {
        return Err(no_task(&run, &args.task));
    };
    if record.state != TaskState::Unknown {
        return Err(AppError::Invalid {
            message: format!("task `{}` is {}, not unknown", args.task, record.state.word()),
            hint: "only a task whose outcome was lost can be resolved".into(),
        });
    }
    let resolution = match args.resolution {
        ResolutionArg::Succeeded => Resolution::Succeeded,
        ResolutionArg::Failed => Resolution::Failed,
        ResolutionArg::Retry => Resolution::Retry,
    };
    app.resolve(&run, task, resolution)?;
    out.line(&format!("resolved; `sluice runs retry {}` goes on with the run", run.id()));
    Ok(Exit::Succeeded)
}
