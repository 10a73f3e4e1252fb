//! Cells as they stand in a file: one text buffer a column, so that the type can be decided when all are known.

use std::fmt::Write;

use crate::table::BATCH_ROWS;

/// A chunk is closed early when its text is this long, in bytes.
const CHUNK_BYTES: usize = 256 << 20;

/// The cells of a whole file.
#[derive(Default)]
pub(super) struct RawTable {
    /// The names of the columns, in order.
    pub(super) names: Vec<String>,
    /// The rows, in chunks that become batches.
    pub(super) chunks: Vec<RawChunk>,
    /// False when reading stopped at a limit.
    pub(super) complete: bool,
}

/// Some rows in a row.
#[derive(Default)]
pub(super) struct RawChunk {
    /// The cells by column.
    pub(super) columns: Vec<RawColumn>,
    /// Where each row starts: a byte (CSV) or a line (JSON Lines).
    pub(super) places: Vec<u64>,
}

/// The cells of one column of a chunk.
#[derive(Default)]
pub(super) struct RawColumn {
    text: String,
    ends: Vec<u32>,
    /// What each cell is; empty while all are plain.
    forms: Vec<Form>,
}

/// How a cell stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As bare text, whose type shows in its spelling.
    Plain,
    /// As a string in quotes, which is text whatever it spells.
    Quoted,
    /// As a list or an object.
    Nested,
    /// Not at all.
    Absent,
}

impl RawTable {
    /// The number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.chunks.iter().map(RawChunk::n_rows).sum()
    }

    /// The cells of a column from the first row on.
    pub(super) fn cells(&self, column_idx: usize) -> impl Iterator<Item = (Form, &str)> {
        self.chunks.iter().flat_map(move |chunk| chunk.columns[column_idx].cells())
    }

    /// Where a row starts, by its index.
    pub(super) fn place(&self, row_idx: usize) -> Option<u64> {
        let mut left = row_idx;
        for chunk in &self.chunks {
            if let Some(place) = chunk.places.get(left) {
                return Some(*place);
            }
            left -= chunk.n_rows();
        }
        None
    }

    /// The chunk that takes the next row; a new one when the last is full.
    pub(super) fn open_chunk(&mut self) -> &mut RawChunk {
        if self.chunks.last().is_none_or(RawChunk::is_full) {
            let columns = self.names.iter().map(|_| RawColumn::default()).collect();
            self.chunks.push(RawChunk { columns, places: Vec::new() });
        }
        self.last_chunk()
    }

    /// The chunk that was opened last, however full it is.
    pub(super) fn last_chunk(&mut self) -> &mut RawChunk {
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }

    /// Adds a column whose cells are absent in all rows so far.
    pub(super) fn add_column(&mut self, name: &str) {
        self.names.push(name.into());
        for chunk in &mut self.chunks {
            let mut column = RawColumn::default();
            column.fill_up(chunk.places.len());
            chunk.columns.push(column);
        }
    }
}

impl RawChunk {
    /// The number of complete rows.
    pub(super) fn n_rows(&self) -> usize {
        self.places.len()
    }

    fn is_full(&self) -> bool {
        self.n_rows() >= BATCH_ROWS
            || self.columns.iter().map(|column| column.text.len()).sum::<usize>() >= CHUNK_BYTES
    }
}

impl RawColumn {
    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds a cell of bare text. False when the column's text is full, which one cell of 4 GB can do.
    #[must_use]
    pub(super) fn push(&mut self, cell: &str) -> bool {
        self.text.push_str(cell);
        self.close(Form::Plain)
    }

    /// Adds a cell in another form.
    #[must_use]
    pub(super) fn push_as(&mut self, form: Form, cell: impl std::fmt::Display) -> bool {
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{cell}");
        self.close(form)
    }

    /// Adds absent cells until there are `n_rows`.
    pub(super) fn fill_up(&mut self, n_rows: usize) {
        while self.len() < n_rows {
            // An absent cell adds no text, so that it always fits.
            let _ = self.close(Form::Absent);
        }
    }

    /// Takes cells away until there are `n_rows`.
    pub(super) fn cut(&mut self, n_rows: usize) {
        self.ends.truncate(n_rows);
        self.forms.truncate(n_rows);
        self.text.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// The cells, in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = (Form, &str)> {
        let mut start = 0;
        self.ends.iter().enumerate().map(move |(idx, end)| {
            let end = *end as usize;
            let cell = &self.text[start..end];
            start = end;
            (self.forms.get(idx).copied().unwrap_or(Form::Plain), cell)
        })
    }

    fn close(&mut self, form: Form) -> bool {
        let Ok(end) = u32::try_from(self.text.len()) else {
            return false;
        };
        if form != Form::Plain && self.forms.is_empty() {
            self.forms = vec![Form::Plain; self.ends.len()];
        }
        if form != Form::Plain || !self.forms.is_empty() {
            self.forms.push(form);
        }
        self.ends.push(end);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_column_is_absent_in_the_rows_before() {
        let mut raw = RawTable { names: vec!["a".into()], ..RawTable::default() };
        let chunk = raw.open_chunk();
        assert!(chunk.columns[0].push("1"));
        chunk.places.push(1);
        raw.add_column("b");
        assert!(raw.open_chunk().columns[1].push_as(Form::Quoted, "x"));
        let cells: Vec<_> = raw.cells(1).collect();
        assert_eq!(cells, [(Form::Absent, ""), (Form::Quoted, "x")]);
        assert_eq!(raw.place(0), Some(1));
    }
}
