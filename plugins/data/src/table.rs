//! Small helpers around tables.

use std::hash::{BuildHasher, RandomState};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::{RowConverter, Rows, SortField};
use rayon::prelude::*;
use sluicegate_plugin::{Table, TaskError};

/// The most rows in one batch of a table.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// Cuts one large batch into a table of batches of [`BATCH_ROWS`] rows, without a copy.
pub(crate) fn rebatch(batch: &RecordBatch) -> Table {
    let batches = (0..batch.num_rows())
        .step_by(BATCH_ROWS)
        .map(|start| batch.slice(start, BATCH_ROWS.min(batch.num_rows() - start)))
        .collect();
    Table::new(batch.schema(), batches)
}

/// All rows of a table as one batch.
pub(crate) fn one_batch(table: &Table) -> Result<RecordBatch, TaskError> {
    table.to_batch().map_err(|error| TaskError::permanent("bad_table", format!("bad table: {error}")))
}

/// Rows as bytes, equal where the rows are, and in their order.
pub(crate) fn byte_rows(columns: &[ArrayRef]) -> Result<Rows, TaskError> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(|error| arrow_error(&error))?;
    converter.convert_columns(columns).map_err(|error| arrow_error(&error))
}

/// Whether rows of these columns can be turned into bytes.
pub(crate) fn can_be_compared(columns: &[ArrayRef]) -> bool {
    let fields: Vec<_> = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    RowConverter::supports_fields(&fields)
}

/// A hash of each row; some rows at a time are turned into bytes.
pub(crate) fn row_hashes(columns: &[ArrayRef], n_rows: usize) -> Result<Vec<u64>, TaskError> {
    let hasher = RandomState::new();
    let part = |start: usize| -> Result<Vec<u64>, TaskError> {
        let n = BATCH_ROWS.min(n_rows - start);
        let part: Vec<_> = columns.iter().map(|column| column.slice(start, n)).collect();
        Ok(byte_rows(&part)?.iter().map(|row| hasher.hash_one(row)).collect())
    };
    let starts: Vec<usize> = (0..n_rows).step_by(BATCH_ROWS).collect();
    let parts = starts.into_par_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.concat())
}

/// An Arrow operation that cannot fail on the arrays it is given, unless memory is short.
pub(crate) fn arrow_error(error: &arrow_schema::ArrowError) -> TaskError {
    TaskError::permanent("bad_table", error.to_string())
}

/// A count with thousands separated: `1,234`.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 row`, `2 rows`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// The size of a table: `569 rows × 31 columns`.
pub(crate) fn table_size(table: &Table) -> String {
    format!("{} × {}", counted(table.n_rows(), "row"), counted(table.n_columns(), "column"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_with_thousands_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "row"), counted(0, "row")], ["1 row", "0 rows"]);
    }
}
