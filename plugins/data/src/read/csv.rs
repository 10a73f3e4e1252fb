//! CSV: rows of text, checked for their shape and kept as raw cells.

use std::{
    collections::HashSet,
    fs::File,
    io::{Chain, Read, Take},
};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use sluicegate_plugin::{Column, ColumnType, Problem, TaskError};

use super::{
    complaints::{Complaint, Complaints, place},
    file::SourceFile,
    raw::RawTable,
};
use crate::columns::fail_on;

/// What follows the file's own bytes: a row that no file can hold, since NUL is refused. When the reader does not come
/// by it as a row of its own, a quote that was never closed has swallowed it, and all rows before it.
const END_MARK: &[u8] = b"\n\0\n";

/// How a CSV file is read.
pub(super) struct CsvOptions<'a> {
    /// The byte between values.
    pub(super) delimiter: u8,
    /// Whether the first row names the columns.
    pub(super) header: bool,
    /// The wanted columns, or all.
    pub(super) columns: Option<&'a [String]>,
    /// The most rows to read.
    pub(super) limit: usize,
}

/// Reads the cells of a CSV file. `tick` is called now and then and may stop the work.
pub(super) fn read(
    file: &SourceFile,
    options: &CsvOptions<'_>,
    tick: &dyn Fn() -> Result<(), TaskError>,
) -> Result<RawTable, TaskError> {
    let mut rows = Rows::open(file, options.delimiter)?;
    if !rows.next()? {
        return Err(empty_file(file));
    }
    let names = if options.header { header(file, &rows.record)? } else { numbered(rows.record.len()) };
    let (picked, names) = pick(&names, options.columns)?;
    let raw = RawTable { names, ..RawTable::default() };
    let mut filling =
        Filling { n_fields: rows.record.len(), picked, raw, n_rows: 0, ragged: Complaints::default() };
    if !options.header {
        filling.take(file, &rows)?;
    }
    let mut complete = false;
    while filling.n_rows < options.limit {
        if !rows.next()? {
            complete = true;
            break;
        }
        filling.take(file, &rows)?;
        if filling.n_rows.is_multiple_of(8192) {
            tick()?;
        }
    }
    filling.raw.complete = complete;
    filling.ragged.raise(file, |_| None)?;
    Ok(filling.raw)
}

/// The rows of an open file, one at a time.
struct Rows<'a> {
    file: &'a SourceFile,
    reader: Reader<Chain<Take<File>, &'static [u8]>>,
    record: StringRecord,
    size: u64,
    /// Where the last row starts.
    start: u64,
}

impl<'a> Rows<'a> {
    fn open(file: &'a SourceFile, delimiter: u8) -> Result<Self, TaskError> {
        let (handle, size) = file.open_for_run()?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(handle.take(size).chain(END_MARK));
        Ok(Self { file, reader, record: StringRecord::new(), size, start: 0 })
    }

    /// Reads the next row into `record`; false at the end of the file.
    fn next(&mut self) -> Result<bool, TaskError> {
        let found = self.reader.read_record(&mut self.record).map_err(|error| self.unreadable(&error))?;
        self.start = self.record.position().map_or(self.start, csv::Position::byte);
        let bytes = self.record.as_slice().as_bytes();
        if found && !bytes.contains(&0) {
            return Ok(true);
        }
        let at_end = self.reader.position().byte() == self.size + END_MARK.len() as u64;
        if found && at_end && bytes == b"\0" {
            return Ok(false);
        }
        let line = self.file.line_at(self.start).unwrap_or_default();
        Err(if at_end {
            self.file
                .bad("open_quote", format!("the row on line {line} opens a quote that is never closed"))
                .hint("close the quote, or double a quote that belongs to the value")
        } else {
            self.file
                .bad("nul_byte", format!("the row on line {line} holds a NUL byte"))
                .hint("is it a text file?")
        })
    }

    fn unreadable(&self, error: &csv::Error) -> TaskError {
        match error.kind() {
            ErrorKind::Io(error) => self.file.io(error),
            ErrorKind::Utf8 { pos, err } => {
                let start = pos.as_ref().map_or(0, csv::Position::byte);
                let line = self.file.line_at(start).unwrap_or_default();
                let mut error = self.file.bad(
                    "not_utf8",
                    format!(
                        "line {line}, column {} is not UTF-8 (in the row at byte {start})",
                        err.field() + 1
                    ),
                );
                error.hints.push("save the file as UTF-8".into());
                error
            }
            _ => self.file.bad("bad_csv", error),
        }
    }
}

/// The cells read so far.
struct Filling {
    n_fields: usize,
    /// For each picked column, its index in the file.
    picked: Vec<usize>,
    raw: RawTable,
    n_rows: usize,
    ragged: Complaints,
}

impl Filling {
    fn take(&mut self, file: &SourceFile, rows: &Rows<'_>) -> Result<(), TaskError> {
        let n_fields = self.n_fields;
        let row_idx = self.n_rows;
        self.n_rows += 1;
        if rows.record.len() != n_fields {
            self.ragged.add(|| {
                let line = file.line_at(rows.start).unwrap_or_default();
                let n = rows.record.len();
                let what =
                    format!("(line {line}) has {}, the first row of the file has {n_fields}", fields(n));
                Complaint { code: "ragged_rows", row_idx, column: None, what }
            });
            return Ok(());
        }
        let chunk = self.raw.open_chunk();
        for (column, field_idx) in chunk.columns.iter_mut().zip(&self.picked) {
            if !column.push(&rows.record[*field_idx]) {
                let place = place(row_idx, file.line_at(rows.start));
                return Err(file.bad("too_large", format!("{place} is larger than 4 GB")));
            }
        }
        chunk.places.push(rows.start);
        Ok(())
    }
}

fn fields(n: usize) -> String {
    if n == 1 { "1 field".into() } else { format!("{n} fields") }
}

fn empty_file(file: &SourceFile) -> TaskError {
    file.bad("empty_file", "the file is empty")
}

fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|idx| format!("column_{idx}")).collect()
}

/// The names in the header, without white space around them.
fn header(file: &SourceFile, record: &StringRecord) -> Result<Vec<String>, TaskError> {
    let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for (idx, name) in names.iter().enumerate() {
        if name.is_empty() {
            faults.push(format!("column {} has no name", idx + 1));
        } else if !seen.insert(name) {
            let first = names.iter().position(|other| other == name).unwrap_or_default();
            faults.push(format!("columns {} and {} are both named `{name}`", first + 1, idx + 1));
        }
    }
    if faults.is_empty() {
        return Ok(names);
    }
    let more = faults.len().saturating_sub(5);
    faults.truncate(5);
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    let error = file.bad("bad_header", format!("the header on line 1 is wrong: {}", faults.join("; ")));
    Err(error.hint("if the first row holds values, say `header = false`"))
}

/// The index in the file and the name of each wanted column.
fn pick(names: &[String], wanted: Option<&[String]>) -> Result<(Vec<usize>, Vec<String>), TaskError> {
    let Some(wanted) = wanted else {
        return Ok(((0..names.len()).collect(), names.to_vec()));
    };
    let columns: Vec<_> =
        names.iter().map(|name| Column { name: name.clone(), column_type: ColumnType::Text }).collect();
    let mut problems = Vec::new();
    let mut picked = Vec::new();
    for (idx, name) in wanted.iter().enumerate() {
        match names.iter().position(|other| other == name) {
            Some(found) => picked.push(found),
            None => problems.push(Problem::missing_column(format!("/columns/{idx}"), name, &columns)),
        }
    }
    fail_on(problems, "missing_column")?;
    Ok((picked, wanted.to_vec()))
}
