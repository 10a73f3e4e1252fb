//! Many things wrong with one file, told in one message.

use sluicegate_plugin::TaskError;

use super::file::SourceFile;
use crate::table::count;

/// The most faults that one message spells out.
const SHOWN: usize = 5;

/// One fault of the data.
pub(super) struct Complaint {
    /// The stable code of the failure.
    pub(super) code: &'static str,
    /// The row, from 0, and the column where it is.
    pub(super) row_idx: usize,
    /// The column, when the fault is in one.
    pub(super) column: Option<String>,
    /// What is wrong, as a fragment.
    pub(super) what: String,
}

/// The faults of a file; only the first few are kept.
#[derive(Default)]
pub(super) struct Complaints {
    shown: Vec<Complaint>,
    n: usize,
}

impl Complaints {
    /// Adds a fault.
    pub(super) fn add(&mut self, complaint: impl FnOnce() -> Complaint) {
        self.n += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(complaint());
        }
    }

    /// Adds the faults that were found elsewhere, behind its own.
    pub(super) fn append(&mut self, others: Self) {
        self.n += others.n;
        self.shown.extend(others.shown);
        self.shown.truncate(SHOWN);
    }

    /// Fails with all faults, if there are any. `line` tells the line of the file on which a row starts.
    pub(super) fn raise(
        self,
        file: &SourceFile,
        line: impl Fn(usize) -> Option<u64>,
    ) -> Result<(), TaskError> {
        let Some(first) = self.shown.first() else {
            return Ok(());
        };
        let code = first.code;
        let mut parts: Vec<_> = self
            .shown
            .iter()
            .map(|complaint| {
                let place = place(complaint.row_idx, line(complaint.row_idx));
                match &complaint.column {
                    Some(column) => format!("{place}, column `{column}`: {}", complaint.what),
                    None => format!("{place} {}", complaint.what),
                }
            })
            .collect();
        if self.n > self.shown.len() {
            parts.push(format!("and {} more", count(self.n - self.shown.len())));
        }
        let error = file.bad(code, parts.join("; "));
        Err(match code {
            "not_finite" => error.hint("if it stands for a missing value, add its spelling to `missing`"),
            _ => error,
        })
    }
}

/// A row in messages, counted from 1, with its line in the file when that is known.
pub(super) fn place(row_idx: usize, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("row {} (line {line})", row_idx + 1),
        None => format!("row {}", row_idx + 1),
    }
}

/// A value in messages: in backticks, cut when it is long.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 40;
    if value.chars().count() <= LONGEST {
        return format!("`{}`", value.escape_debug());
    }
    format!("`{}…`", value.chars().take(LONGEST).collect::<String>().escape_debug())
}
