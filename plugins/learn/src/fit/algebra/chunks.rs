//! How rows are split for threads: by the shape of the data alone, so that sums do not depend on the
//! threads.

use rayon::prelude::*;

use super::{FitError, Stop};

/// Operations that are worth a task of the thread pool.
const CHUNK_WORK: usize = 1 << 19;
/// More chunks than this help no machine.
const MAX_CHUNKS: usize = 128;
/// Partial results take this many numbers at the most (64 MiB), unless that leaves too few chunks for
/// threads.
const MAX_PARTIAL_NUMBERS: usize = 8 << 20;
/// Chunks that large partial results leave.
const MIN_CHUNKS: usize = 4;

/// Contiguous ranges of rows of nearly equal length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    n_rows: usize,
    n_chunks: usize,
}

impl Chunks {
    /// Splits rows that each take `row_work` operations, into chunks that each give `partial_len` numbers.
    pub(crate) fn new(n_rows: usize, row_work: usize, partial_len: usize) -> Self {
        let affordable = (MAX_PARTIAL_NUMBERS / partial_len.max(1)).clamp(MIN_CHUNKS, MAX_CHUNKS);
        let wanted = n_rows.saturating_mul(row_work) / CHUNK_WORK;
        Self { n_rows, n_chunks: wanted.min(affordable).min(n_rows).max(1) }
    }

    /// Makes chunks of at least `min_rows` rows.
    pub(crate) fn of_at_least(self, min_rows: usize) -> Self {
        Self { n_chunks: self.n_chunks.min(self.n_rows / min_rows.max(1)).max(1), ..self }
    }

    /// Works on all chunks in parallel and returns their results in the order of the rows.
    pub(crate) fn map<T: Send>(
        self,
        stop: Stop,
        work: impl Fn(std::ops::Range<usize>) -> Result<T, FitError> + Sync,
    ) -> Result<Vec<T>, FitError> {
        let bound = |chunk: usize| chunk * self.n_rows / self.n_chunks;
        (0..self.n_chunks)
            .into_par_iter()
            .map(|chunk| {
                FitError::check(stop)?;
                work(bound(chunk)..bound(chunk + 1))
            })
            .collect()
    }
}

/// Returns how many rows of `width` numbers stay in the second-level cache together with a scaled copy.
pub(crate) fn row_block(width: usize) -> usize {
    (16_384 / width.max(1)).clamp(32, 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_row_once_and_in_order() {
        for (n_rows, row_work) in [(0, 1), (1, 1), (100_000, 10), (300_000, 4 << 20)] {
            let ranges = Chunks::new(n_rows, row_work, row_work).map(&|| false, Ok).unwrap();
            let rows: Vec<usize> = ranges.into_iter().flatten().collect();
            assert_eq!(rows, (0..n_rows).collect::<Vec<_>>());
        }
    }
}
