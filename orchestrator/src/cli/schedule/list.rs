//! `schedule list`.

use serde_json::{Value, json};

use super::ListArgs;
use crate::{
    app::{App, AppError},
    cli::{
        args::Format,
        exit::Exit,
        out::{Out, Style},
        table::{TextTable, local, rfc3339},
    },
    scheduler::ScheduleView,
    workflow::{self, On},
};

pub(super) fn list(app: &App, args: &ListArgs, out: &mut Out) -> Result<Exit, AppError> {
    let found = app.schedules(&args.paths.paths, args.next.max(1))?;
    for status in &found.broken {
        out.note(&format!("`{}` cannot be used:", status.file.display()));
        out.note_text(&workflow::render(&status.source, &status.diagnostics, out.colour_err));
        if let Some(first) = &status.hidden_by {
            out.note(&format!("its workflow has the name of the one in `{}`", first.display()));
        }
    }
    if args.format.format == Format::Json {
        out.json(&found.schedules.iter().map(|view| to_json(view, args.next)).collect::<Vec<_>>());
        return Ok(Exit::Succeeded);
    }
    if found.schedules.is_empty() {
        out.line("no schedules; a workflow has one when it says `[schedule]`");
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["SCHEDULE", "WHEN", "STATE", "NEXT"]);
    for view in &found.schedules {
        let (style, state) = state(view);
        table.row(vec![
            (Style::Plain, view.id.to_string()),
            (Style::Plain, when(&view.schedule.on)),
            (style, state),
            (Style::Plain, view.next.first().map_or_else(|| "-".into(), |(_, at)| local(*at))),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

fn state(view: &ScheduleView) -> (Style, String) {
    let n_open = view.state.open.iter().filter(|fire| !fire.waits).count();
    let n_waiting = view.state.open.len() - n_open;
    match () {
        () if view.state.paused.is_some() => (Style::Warn, "paused".into()),
        () if !view.schedule.enabled => (Style::Dim, "disabled".into()),
        () if n_waiting > 0 => (Style::Good, format!("{n_open} running, {n_waiting} waiting")),
        () if n_open > 0 => (Style::Good, format!("{n_open} running")),
        () => (Style::Plain, "on".into()),
    }
}

fn when(on: &On) -> String {
    match on {
        On::Time(rule) => format!("{} {}", rule.cron, rule.timezone),
        On::Run(rule) => format!("run of {} {}", rule.workflow, rule.status.join(" or ")),
        On::Webhook(_) => "webhook".into(),
        On::Files(rule) => format!("files {}", rule.path),
    }
}

fn to_json(view: &ScheduleView, n: usize) -> Value {
    let next: Vec<_> = view
        .next
        .iter()
        .take(n)
        .map(|(at, due)| json!({ "scheduled_at": rfc3339(*at), "due_at": rfc3339(*due) }))
        .collect();
    let open: Vec<_> = view
        .state
        .open
        .iter()
        .map(|fire| json!({ "run": fire.run, "scheduled_at": rfc3339(fire.cause.scheduled_at), "trigger": fire.cause.trigger.word(), "waits": fire.waits }))
        .collect();
    json!({
        "id": view.id.to_string(),
        "workflow": view.id.workflow,
        "schedule": view.id.schedule,
        "file": view.file,
        "enabled": view.schedule.enabled,
        "paused_at": view.state.paused.as_ref().map(|pause| rfc3339(pause.at)),
        "paused_by": view.state.paused.as_ref().map(|pause| &pause.by),
        "on": view.schedule.on,
        "overlap": view.schedule.overlap,
        "params": view.schedule.params,
        "next": next,
        "open": open,
    })
}
