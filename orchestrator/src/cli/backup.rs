//! `backup` and `restore`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde_json::json;

use super::{
    args::{Format, FormatArg},
    exit::Exit,
    out::{Out, Style},
    table::size,
};
use crate::app::{App, AppError};

#[derive(ClapArgs)]
pub(super) struct BackupArgs {
    /// The file to write, such as `sluice.tar.zst`
    file: PathBuf,
    #[command(flatten)]
    format: FormatArg,
}

#[derive(ClapArgs)]
pub(super) struct RestoreArgs {
    /// The file that `sluice backup` wrote
    file: PathBuf,
    #[command(flatten)]
    format: FormatArg,
}

pub(super) fn backup(app: &App, args: &BackupArgs, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.backup(&args.file)?;
    let packed = std::fs::metadata(&args.file).map_or(0, |found| found.len());
    if args.format.format == Format::Json {
        out.json(&json!({
            "file": args.file,
            "size": packed,
            "n_files": report.n_files,
            "n_bytes": report.n_bytes,
        }));
    } else {
        let (file, n_files) = (args.file.display(), report.n_files);
        let (packed, whole) = (size(packed), size(report.n_bytes));
        out.line(&format!("wrote `{file}`: {n_files} files, {whole} in {packed}"));
    }
    Ok(Exit::Succeeded)
}

pub(super) fn restore(app: &App, args: &RestoreArgs, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.restore(&args.file)?;
    if args.format.format == Format::Json {
        out.json(&report);
        return Ok(Exit::Succeeded);
    }
    let (home, n_runs, n_ledger) = (app.home().display(), report.n_runs, report.n_ledger_entries);
    out.line(&format!("restored `{home}`: {n_runs} runs, {n_ledger} ledger entries"));
    for note in &report.notes {
        out.line(&format!("{} {note}", out.paint(Style::Warn, "note:")));
    }
    out.line(&out.paint(Style::Dim, "next:"));
    out.line("  sluice doctor");
    Ok(Exit::Succeeded)
}
