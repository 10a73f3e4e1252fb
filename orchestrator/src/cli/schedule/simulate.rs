//! `schedule simulate`.

use serde_json::{Value, json};

use super::SimulateArgs;
use crate::{
    app::{App, AppError, SimulateRequest},
    cli::{
        args::Format,
        exit::Exit,
        out::{Out, Style},
        table::{TextTable, duration, local, rfc3339},
    },
    scheduler::{Decision, Step},
};

pub(super) fn simulate(app: &App, args: SimulateArgs, out: &mut Out) -> Result<Exit, AppError> {
    let request = SimulateRequest {
        paths: args.paths.paths,
        schedule: args.schedule,
        from: args.from,
        to: args.to,
        down: args.down,
        seconds: args.duration,
        limit: args.limit,
    };
    let simulated = app.simulate(&request)?;
    if args.format.format == Format::Json {
        out.json(&simulated.steps.iter().map(to_json).collect::<Vec<_>>());
        return Ok(Exit::Succeeded);
    }
    for (workflow, seconds) in &simulated.seconds {
        out.note(&match seconds {
            Some(seconds) => format!("a run of {workflow} is taken to last {}", duration(*seconds)),
            None => format!("nothing is known of how long a run of {workflow} lasts; `--duration` says it"),
        });
    }
    if simulated.steps.is_empty() {
        out.line("nothing would happen");
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["AT", "SCHEDULE", "FOR", "WHAT"]);
    for step in &simulated.steps {
        let (style, text) = what(step);
        table.row(vec![
            (Style::Plain, local(step.at)),
            (Style::Plain, step.schedule.to_string()),
            (Style::Plain, local(step.cause.scheduled_at)),
            (style, text),
        ]);
    }
    table.print(out);
    if !simulated.is_whole {
        out.note(&format!("there is more; `--limit` shows more than {} lines", request.limit));
    }
    Ok(Exit::Succeeded)
}

fn what(step: &Step) -> (Style, String) {
    let number = step.run.map(|run| format!("run {run}")).unwrap_or_default();
    let Some(decision) = &step.decision else { return (Style::Dim, format!("{number} ends")) };
    let how = if step.cause.trigger == crate::run::Trigger::CatchUp { ", caught up" } else { "" };
    match decision {
        Decision::Started { .. } => (Style::Good, format!("{number} starts{how}")),
        Decision::Queued { .. } => (Style::Warn, format!("{number} waits{how}")),
        Decision::Overlapped { .. } => (Style::Warn, format!("skipped: {number} goes on")),
        Decision::QueueFull => (Style::Warn, "skipped: too many wait".into()),
        Decision::Replaced { .. } => (Style::Warn, format!("{number} is replaced by a later one")),
        Decision::Cancelled { .. } => (Style::Warn, format!("{number} is cancelled for a later one")),
        Decision::Missed { n: Some(1) } => (Style::Warn, "missed".into()),
        Decision::Missed { n: Some(n) } => (Style::Warn, format!("missed, with {} after it", n - 1)),
        Decision::Missed { n: None } => (Style::Warn, "missed, with very many after it".into()),
        Decision::Failed { reason, .. } => (Style::Bad, format!("{number} cannot start: {reason}")),
    }
}

fn to_json(step: &Step) -> Value {
    let decision = match &step.decision {
        None => "ended",
        Some(Decision::Started { .. }) => "started",
        Some(Decision::Queued { .. }) => "queued",
        Some(Decision::Overlapped { .. }) => "overlapped",
        Some(Decision::QueueFull) => "queue_full",
        Some(Decision::Replaced { .. }) => "replaced",
        Some(Decision::Cancelled { .. }) => "cancelled",
        Some(Decision::Missed { .. }) => "missed",
        Some(Decision::Failed { .. }) => "failed",
    };
    let n_missed = match step.decision {
        Some(Decision::Missed { n }) => n,
        _ => None,
    };
    json!({
        "at": rfc3339(step.at),
        "id": step.schedule.to_string(),
        "scheduled_at": rfc3339(step.cause.scheduled_at),
        "trigger": step.cause.trigger.word(),
        "decision": decision,
        "run": step.run,
        "n_missed": n_missed,
    })
}
