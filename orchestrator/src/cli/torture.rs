//! `torture`: the promises, tried on the user's own disk.

use std::time::Duration;

use serde_json::json;

use super::{
    args::{Format, TortureArgs},
    exit::Exit,
    out::Out,
    table::duration,
};
use crate::app::{App, AppError, Torture, TortureReport, TortureRequest};

pub(super) fn torture(app: &App, args: TortureArgs, out: &mut Out) -> Result<Exit, AppError> {
    let request = TortureRequest {
        time: Duration::try_from_secs_f64(args.minutes * 60.0).map_err(|error| AppError::Invalid {
            message: format!("`--minutes {}`: {error}", args.minutes),
            hint: "give a positive number".into(),
        })?,
        max_rounds: args.rounds,
        seed: args.seed,
        folder: args.folder.unwrap_or_else(std::env::temp_dir),
    };
    let json = args.format.format == Format::Json;
    if !json {
        let (time, folder) = (duration(request.time.as_secs_f64()), request.folder.display());
        out.line(&format!("killing random runs in `{folder}` for {time}; `--folder` tries another disk"));
    }
    let live = out.live && !json;
    let ended = app.torture(&request, &mut |report| {
        if live {
            out.note_text(&format!("\r{}", summary(report)));
        }
    })?;
    if live {
        out.note("");
    }
    let (code, report, broken) = match ended {
        Torture::Kept(report) => (Exit::Succeeded, report, None),
        Torture::Broken { report, reason, folder } => (Exit::Failed, report, Some((reason, folder))),
    };
    if json {
        let broken = broken.map(|(reason, folder)| json!({ "reason": reason, "folder": folder }));
        out.json(&json!({ "report": report, "broken": broken }));
        return Ok(code);
    }
    match broken {
        None => out.line(&format!("every promise was kept: {}", summary(&report))),
        Some((reason, folder)) => {
            out.error(&format!("a promise was broken: {reason}"));
            out.hint(&format!(
                "the evidence is in `{}`; `--seed {}` tries the same workflows again; please report it",
                folder.display(),
                report.seed
            ));
        }
    }
    Ok(code)
}

fn summary(report: &TortureReport) -> String {
    let TortureReport { n_rounds, n_kills, n_failpoints, n_tasks, n_repeated, n_resolved, .. } = report;
    format!(
        "{n_rounds} runs, {n_tasks} tasks, {n_kills} kills, {n_failpoints} failpoints; {n_repeated} tasks started again, {n_resolved} looked after"
    )
}
