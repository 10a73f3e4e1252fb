//! A table's file as a stream of record batches that point into the file: nothing is copied, and nothing is read before it is used.

use std::{fs::File, path::Path, sync::Arc};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_ipc::{
    Block, convert::fb_to_schema, reader::FileDecoder, reader::read_footer_length, root_as_footer,
};
use arrow_schema::{ArrowError, SchemaRef};

/// The end of an Arrow IPC file: the footer's length and the magic.
const TRAILER: usize = 10;

/// The batches of an Arrow IPC file that is mapped into memory.
pub(super) struct MappedTable {
    buffer: Buffer,
    schema: SchemaRef,
    decoder: FileDecoder,
    blocks: std::vec::IntoIter<Block>,
}

impl MappedTable {
    /// Maps the file of an artifact.
    pub(super) fn open(path: &Path) -> Result<Self, ArrowError> {
        let file = File::open(path)?;
        // SAFETY: artifacts are never written to again once they have their name; a file that is cut all the same ends this worker,
        // and the attempt with it.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        let bytes = bytes::Bytes::from_owner(map);
        Self::of(Buffer::from(bytes))
    }

    fn of(buffer: Buffer) -> Result<Self, ArrowError> {
        let short = || ArrowError::ParseError("it is too short for an Arrow IPC file".into());
        let trailer_at = buffer.len().checked_sub(TRAILER).ok_or_else(short)?;
        let trailer: [u8; TRAILER] = buffer[trailer_at..].try_into().map_err(|_| short())?;
        let footer_at = trailer_at.checked_sub(read_footer_length(trailer)?).ok_or_else(short)?;
        let footer = root_as_footer(&buffer[footer_at..trailer_at])
            .map_err(|error| ArrowError::ParseError(format!("its footer cannot be read: {error}")))?;
        let lacks = |what: &str| ArrowError::ParseError(format!("its footer has no {what}"));
        let schema = Arc::new(fb_to_schema(footer.schema().ok_or_else(|| lacks("schema"))?));
        let mut decoder = FileDecoder::new(schema.clone(), footer.version());
        for block in footer.dictionaries().iter().flatten() {
            decoder.read_dictionary(block, &part(&buffer, block)?)?;
        }
        let blocks: Vec<Block> =
            footer.recordBatches().ok_or_else(|| lacks("batches"))?.iter().copied().collect();
        Ok(Self { schema, decoder, blocks: blocks.into_iter(), buffer })
    }
}

fn part(buffer: &Buffer, block: &Block) -> Result<Buffer, ArrowError> {
    let wrong = || ArrowError::ParseError("a block is outside the file".into());
    let at = usize::try_from(block.offset()).map_err(|_| wrong())?;
    let n_meta = usize::try_from(block.metaDataLength()).map_err(|_| wrong())?;
    let n_body = usize::try_from(block.bodyLength()).map_err(|_| wrong())?;
    let end = at.checked_add(n_meta).and_then(|end| end.checked_add(n_body)).ok_or_else(wrong)?;
    if end > buffer.len() {
        return Err(wrong());
    }
    Ok(buffer.slice_with_length(at, n_meta + n_body))
}

impl Iterator for MappedTable {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let block = self.blocks.next()?;
            let batch =
                part(&self.buffer, &block).and_then(|part| self.decoder.read_record_batch(&block, &part));
            // A block may hold no batch.
            if let Some(batch) = batch.transpose() {
                return Some(batch);
            }
        }
    }
}

impl RecordBatchReader for MappedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, StringArray};
    use sluicegate_plugin::Table;

    use super::*;

    fn batch(n_rows: u32) -> RecordBatch {
        let numbers = Float64Array::from_iter_values((0..n_rows).map(f64::from));
        let texts = StringArray::from_iter_values((0..n_rows).map(|n| n.to_string()));
        RecordBatch::try_from_iter([("x", Arc::new(numbers) as ArrayRef), ("s", Arc::new(texts) as ArrayRef)])
            .unwrap()
    }

    #[test]
    fn a_mapped_table_is_the_table_and_points_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        let table = Table::new(batch(0).schema(), vec![batch(1000), batch(3)]);
        table.write(&path).unwrap();
        let mapped = MappedTable::open(&path).unwrap();
        let file = mapped.buffer.as_ptr_range();
        let batches: Vec<_> = mapped.map(Result::unwrap).collect();
        assert_eq!(batches, table.batches());
        let values = batches[0].column(0).to_data().buffers()[0].as_ptr();
        assert!(file.contains(&values), "the values were copied");
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused_or_read_in_part_and_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        Table::from_batch(batch(10)).write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for n_bytes in 0..whole.len() {
            let cut = MappedTable::of(Buffer::from(whole[..n_bytes].to_vec()));
            assert!(cut.is_err(), "{n_bytes} of {} bytes", whole.len());
        }
    }
}
