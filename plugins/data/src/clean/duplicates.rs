//! The rule `drop_duplicates`.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use arrow_array::{ArrayRef, UInt64Array};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_select::take::take;
use sluicegate_plugin::TaskError;

use super::{
    frame::Frame,
    tally::{Rule, RuleTally},
};
use crate::{
    columns::Columns,
    table::{BATCH_ROWS, arrow_error},
};

/// Keeps the first of rows that are equal in the chosen columns. Missing values are equal to each other.
///
/// Rows are told apart by a hash each; only those whose hashes meet are compared, so that few rows are held twice.
pub(super) fn drop_duplicates(frame: &mut Frame, columns: &Columns) -> Result<RuleTally, TaskError> {
    let chosen: Vec<_> =
        frame.select(columns, |_| true)?.into_iter().map(|idx| frame.column(idx).clone()).collect();
    let hashes = hashes(&chosen, frame.n_rows())?;
    let kept = || frame.keep.iter().zip(&hashes).enumerate().filter(|(_, (keep, _))| **keep);
    let (mut seen, mut repeated) = (HashSet::new(), HashSet::new());
    for (_, (_, hash)) in kept() {
        if !seen.insert(*hash) {
            repeated.insert(*hash);
        }
    }
    drop(seen);
    let suspects: Vec<usize> =
        kept().filter(|(_, (_, hash))| repeated.contains(*hash)).map(|(row_idx, _)| row_idx).collect();
    let places = UInt64Array::from_iter_values(suspects.iter().map(|row_idx| *row_idx as u64));
    let taken = chosen.iter().map(|column| take(column, &places, None)).collect::<Result<Vec<_>, _>>();
    let rows = rows(&taken.map_err(|error| arrow_error(&error))?)?;
    let mut seen = HashSet::new();
    for (row_idx, row) in suspects.into_iter().zip(rows.iter()) {
        if !seen.insert(row) {
            frame.keep[row_idx] = false;
        }
    }
    Ok(RuleTally::new(Rule::DropDuplicates))
}

/// A hash of each row, found for some rows at a time.
fn hashes(columns: &[ArrayRef], n_rows: usize) -> Result<Vec<u64>, TaskError> {
    let hasher = RandomState::new();
    let mut hashes = Vec::with_capacity(n_rows);
    for start in (0..n_rows).step_by(BATCH_ROWS) {
        let n = BATCH_ROWS.min(n_rows - start);
        let part: Vec<_> = columns.iter().map(|column| column.slice(start, n)).collect();
        hashes.extend(rows(&part)?.iter().map(|row| hasher.hash_one(row)));
    }
    Ok(hashes)
}

/// Rows as bytes, equal where the rows are.
fn rows(columns: &[ArrayRef]) -> Result<Rows, TaskError> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(|error| arrow_error(&error))?;
    converter.convert_columns(columns).map_err(|error| arrow_error(&error))
}
