//! `audit`: who did what through the daemon.

use super::{
    args::{AuditArgs, Format},
    exit::Exit,
    out::{Out, Style},
    table::TextTable,
};
use crate::app::{App, AppError, AuditEntry};

pub(super) fn audit(app: &App, args: &AuditArgs, out: &mut Out) -> Result<Exit, AppError> {
    let entries = app.audit(args.refusals, args.limit)?;
    if args.format.format == Format::Json {
        out.json(&entries);
        return Ok(Exit::Succeeded);
    }
    if entries.is_empty() {
        out.line("nothing yet; `sluice serve` keeps the trail of what is changed through it");
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["AT", "WHO", "ROLE", "FROM", "WHAT", "PATH", "STATUS"]);
    for AuditEntry { at, who, role, address, what, target, status } in entries {
        let (style, word) = match status {
            None => (Style::Dim, "begins".to_owned()),
            Some(status) if status < 400 => (Style::Good, status.to_string()),
            Some(status) => (Style::Bad, status.to_string()),
        };
        table.row(vec![
            (Style::Dim, at),
            (Style::Plain, who),
            (Style::Dim, role),
            (Style::Plain, address),
            (Style::Bold, what),
            (Style::Plain, target),
            (style, word),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}
