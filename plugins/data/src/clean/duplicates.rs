//! The rule `drop_duplicates`.

use std::collections::HashSet;

use arrow_row::{RowConverter, SortField};
use sluicegate_plugin::TaskError;

use super::{
    frame::Frame,
    tally::{Rule, RuleTally},
};
use crate::{columns::Columns, table::arrow_error};

/// Keeps the first of rows that are equal in the chosen columns. Missing values are equal to each other.
pub(super) fn drop_duplicates(frame: &mut Frame, columns: &Columns) -> Result<RuleTally, TaskError> {
    let chosen: Vec<_> =
        frame.select(columns, |_| true)?.into_iter().map(|idx| frame.column(idx).clone()).collect();
    let fields = chosen.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(|error| arrow_error(&error))?;
    let rows = converter.convert_columns(&chosen).map_err(|error| arrow_error(&error))?;
    let mut seen = HashSet::new();
    for (row_idx, row) in rows.iter().enumerate() {
        if frame.keep[row_idx] && !seen.insert(row) {
            frame.keep[row_idx] = false;
        }
    }
    Ok(RuleTally::new(Rule::DropDuplicates))
}
