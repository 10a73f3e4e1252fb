//! `doctor`: is everything on the disk as it should be?

use super::{
    args::{DoctorArgs, Format},
    exit::Exit,
    out::{Out, Style},
    table::size,
};
use crate::app::{App, AppError};

pub(super) fn doctor(app: &App, args: &DoctorArgs, out: &mut Out) -> Result<Exit, AppError> {
    if args.rebuild { rebuild(app, args, out) } else { check(app, args, out) }
}

fn check(app: &App, args: &DoctorArgs, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.doctor()?;
    let healthy = report.problems.is_empty();
    if args.format.format == Format::Json {
        out.json(&report);
    } else if healthy {
        out.line(&format!(
            "`{}` is in order: {} runs, {} artifacts",
            app.home().display(),
            report.n_runs,
            report.n_artifacts
        ));
        let trail = app.audit_size();
        if trail > 0 {
            out.line(&format!("the audit trail takes {}, of 176 MiB at most", size(trail)));
        }
    } else {
        for problem in &report.problems {
            out.line(&format!("{} {problem}", out.paint(Style::Bad, "problem:")));
        }
        out.hint(
            "`sluice doctor --rebuild` makes a new database from history and journal, and keeps the old one aside",
        );
    }
    Ok(if healthy { Exit::Succeeded } else { Exit::Failed })
}

fn rebuild(app: &App, args: &DoctorArgs, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.rebuild()?;
    if args.format.format == Format::Json {
        out.json(&report);
        return Ok(Exit::Succeeded);
    }
    out.line(&format!(
        "made a new store: {} runs, {} ledger entries",
        report.n_runs, report.n_ledger_entries
    ));
    for note in &report.notes {
        out.line(&format!("{} {note}", out.paint(Style::Warn, "note:")));
    }
    Ok(Exit::Succeeded)
}
