//! `gc`: remove what is old or what nothing names.

use super::{
    args::{Format, GcArgs},
    exit::Exit,
    out::Out,
    table::size,
};
use crate::app::{App, AppError, GcRequest};

pub(super) fn gc(app: &App, args: &GcArgs, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.gc(GcRequest {
        keep_days: args.keep_days,
        keep_runs: args.keep_runs,
        max_bytes: args.max_size,
        dry_run: args.dry_run,
    })?;
    if args.format.format == Format::Json {
        out.json(&report);
        return Ok(Exit::Succeeded);
    }
    let counts = [
        (report.n_runs, "run", "runs"),
        (report.n_cache_entries, "cached outcome", "cached outcomes"),
        (report.n_artifacts, "artifact", "artifacts"),
        (report.n_values, "large value", "large values"),
        (report.n_leftovers, "left-over", "left-overs"),
    ];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
        .collect();
    let verb = if report.dry_run { "would remove" } else { "removed" };
    if counts.is_empty() {
        out.line("nothing to remove");
    } else {
        out.line(&format!("{verb} {}: {}", counts.join(", "), size(report.bytes)));
    }
    Ok(Exit::Succeeded)
}

/// Reads a size: a number of bytes, or one with a unit of 1000 (`kB`, `MB`, `GB`, `TB`) or 1024 (`KiB` and so on).
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        other => return Err(format!("`{other}` is no unit of size; write `500MB` or `20GiB`")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no size; write `500MB` or `20GiB`"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes are positive, and a float-to-int cast saturates"
    )]
    Ok((number * factor as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(parse_size("1500"), Ok(1500));
        assert_eq!(parse_size("1.5GB"), Ok(1_500_000_000));
        assert_eq!(parse_size("2 KiB"), Ok(2048));
        assert!(parse_size("much").is_err() && parse_size("3 apples").is_err());
    }
}
