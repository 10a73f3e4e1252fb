//! `schedule list|simulate|pause|resume|backfill`.

mod list;
mod simulate;

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::{
    args::{Format, FormatArg},
    exit::Exit,
    out::{Out, Style},
    table::rfc3339,
};
use crate::{
    app::{App, AppError, BackfillOrder},
    run::{RunStatus, Timestamp},
};

#[derive(Subcommand)]
pub(super) enum ScheduleCommand {
    /// List schedules and triggers with their next times
    List(ListArgs),
    /// Print what schedules would do in a stretch of time: every fire, skip and catch-up
    Simulate(SimulateArgs),
    /// Let a schedule rest: its times pass
    Pause(SteerArgs),
    /// Let a schedule that rests go on, from now
    Resume(SteerArgs),
    /// Start runs for the times of a range, in order
    Backfill(BackfillArgs),
}

#[derive(ClapArgs)]
pub(super) struct PathsArg {
    /// A folder with workflow files, or a file; may be given several times
    #[arg(long = "workflows", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(ClapArgs)]
pub(super) struct ListArgs {
    #[command(flatten)]
    paths: PathsArg,
    /// So many next times of each
    #[arg(long, default_value_t = 3)]
    next: usize,
    #[command(flatten)]
    format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct SimulateArgs {
    /// `WORKFLOW/SCHEDULE`, or all of `WORKFLOW`; without it every schedule
    schedule: Option<String>,
    /// The first moment, such as 2026-03-28 or 2026-03-28T12:00; now when it is left out
    #[arg(long)]
    from: Option<String>,
    /// The last moment; a day counts to its end
    #[arg(long)]
    to: String,
    /// A stretch in which no scheduler watches, as FROM..TO; may be given several times
    #[arg(long, value_name = "FROM..TO")]
    down: Vec<String>,
    /// How long a run takes, such as 90s or 2h; the median of earlier runs when it is left out
    #[arg(long, value_parser = seconds)]
    duration: Option<f64>,
    /// At most so many lines
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    paths: PathsArg,
    #[command(flatten)]
    format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct SteerArgs {
    /// `WORKFLOW/SCHEDULE`, or `WORKFLOW` when it has only one
    schedule: String,
    #[command(flatten)]
    paths: PathsArg,
    #[command(flatten)]
    format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct BackfillArgs {
    /// `WORKFLOW/SCHEDULE`, or `WORKFLOW` when it has only one
    schedule: String,
    /// The first time, such as 2026-03-01, in the schedule's zone
    #[arg(long, required_unless_present = "stop")]
    from: Option<String>,
    /// The last time; a day counts to its end
    #[arg(long, required_unless_present = "stop")]
    to: Option<String>,
    /// Drop what is left of earlier backfills of the schedule; runs that go on are left alone
    #[arg(long, conflicts_with_all = ["from", "to", "parallel", "params", "dry_run"])]
    stop: bool,
    /// So many runs at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    parallel: u32,
    /// Set a parameter of the runs
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Print the times, and start nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    paths: PathsArg,
    #[command(flatten)]
    format: FormatArg,
}

fn seconds(text: &str) -> Result<f64, String> {
    sluicegate_plugin::DurationParam::parse(text)
        .or_else(|| sluicegate_plugin::DurationParam::from_seconds(text.parse().ok()?))
        .map(|duration| duration.get().as_secs_f64())
        .ok_or_else(|| "write seconds as a number, or a text such as `30s`, `10m` or `2h`".into())
}

pub(super) fn schedule(app: &App, command: ScheduleCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        ScheduleCommand::List(args) => list::list(app, &args, out),
        ScheduleCommand::Simulate(args) => simulate::simulate(app, args, out),
        ScheduleCommand::Pause(args) => steer(app, &args, true, out),
        ScheduleCommand::Resume(args) => steer(app, &args, false, out),
        ScheduleCommand::Backfill(args) => backfill(app, args, out),
    }
}

fn steer(app: &App, args: &SteerArgs, pause: bool, out: &mut Out) -> Result<Exit, AppError> {
    let paths = &args.paths.paths;
    let (id, changed) = if pause {
        app.pause_schedule(paths, &args.schedule, "`sluice schedule pause`")?
    } else {
        app.resume_schedule(paths, &args.schedule)?
    };
    if args.format.format == Format::Json {
        out.json(&json!({ "id": id.to_string(), "paused": pause, "changed": changed }));
        return Ok(Exit::Succeeded);
    }
    out.line(&match (pause, changed) {
        (true, true) => format!("{id} rests; `sluice schedule resume {id}` lets it go on"),
        (true, false) => format!("{id} rests already"),
        (false, true) => format!("{id} goes on"),
        (false, false) => format!("{id} does not rest"),
    });
    Ok(Exit::Succeeded)
}

fn stop_backfills(app: &App, args: &BackfillArgs, out: &mut Out) -> Result<Exit, AppError> {
    let (id, stopped) = app.stop_backfills(&args.paths.paths, &args.schedule)?;
    if args.format.format == Format::Json {
        out.json(&json!({ "id": id.to_string(), "stopped": stopped }));
    } else if stopped {
        out.line(&format!(
            "what was left of the backfill of {id} is dropped; `sluice runs cancel` ends runs that go on"
        ));
    } else {
        out.line(&format!("nothing is left of a backfill of {id}"));
    }
    Ok(Exit::Succeeded)
}

fn backfill(app: &App, args: BackfillArgs, out: &mut Out) -> Result<Exit, AppError> {
    if args.stop {
        return stop_backfills(app, &args, out);
    }
    let order = BackfillOrder {
        paths: args.paths.paths,
        schedule: args.schedule,
        from: args.from.unwrap_or_default(),
        to: args.to.unwrap_or_default(),
        parallel: args.parallel,
        params: overrides(&args.params)?,
    };
    let is_json = args.format.format == Format::Json;
    if args.dry_run {
        let (id, times) = app.backfill_times(&order)?;
        if is_json {
            let times: Vec<_> = times
                .iter()
                .map(|at| json!({ "id": id.to_string(), "scheduled_at": rfc3339(*at) }))
                .collect();
            out.json(&times);
        } else {
            for at in &times {
                out.line(&rfc3339(*at));
            }
        }
        return Ok(Exit::Succeeded);
    }
    let mut done = Vec::new();
    let mut ended = |run: crate::run::RunId, at: Timestamp, status: RunStatus| {
        if is_json {
            done.push(json!({ "id": run.to_string(), "scheduled_at": rfc3339(at), "status": status.word() }));
            return;
        }
        let style = if status == RunStatus::Succeeded { Style::Good } else { Style::Bad };
        let line = format!("{}  run {run}  {}", rfc3339(at), out.paint(style, status.word()));
        out.line(&line);
    };
    let statuses = app.backfill(order, &mut ended)?;
    if is_json {
        out.json(&done);
    }
    let all_well = statuses.iter().all(|status| *status == RunStatus::Succeeded);
    Ok(if all_well { Exit::Succeeded } else { Exit::Failed })
}

fn overrides(params: &[String]) -> Result<BTreeMap<String, String>, AppError> {
    params
        .iter()
        .map(|param| {
            let (name, value) = param.split_once('=').ok_or_else(|| AppError::Invalid {
                message: format!("`{param}` has no value"),
                hint: "write `-p NAME=VALUE`".into(),
            })?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}
