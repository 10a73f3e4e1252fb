//! The rule `drop_duplicates`.

use std::collections::HashSet;

use arrow_array::UInt64Array;
use arrow_select::take::take;
use sluicegate_plugin::TaskError;

use super::{
    frame::Frame,
    tally::{Rule, RuleTally},
};
use crate::{
    columns::Columns,
    table::{arrow_error, byte_rows, row_hashes},
};

/// Keeps the first of rows that are equal in the chosen columns. Missing values are equal to each other.
///
/// Compares hashes first, and whole rows only where two hashes are equal, so few rows are in memory twice.
pub(super) fn drop_duplicates(frame: &mut Frame, columns: &Columns) -> Result<RuleTally, TaskError> {
    let chosen: Vec<_> =
        frame.select(columns, |_| true)?.into_iter().map(|idx| frame.column(idx).clone()).collect();
    let hashes = row_hashes(&chosen, frame.n_rows())?;
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
    let rows = byte_rows(&taken.map_err(|error| arrow_error(&error))?)?;
    let mut seen = HashSet::new();
    for (row_idx, row) in suspects.into_iter().zip(rows.iter()) {
        if !seen.insert(row) {
            frame.keep[row_idx] = false;
        }
    }
    Ok(RuleTally::new(Rule::DropDuplicates))
}
