//! Kernel rows kept within a bound of bytes; the row that was used least recently goes first.

/// Stands for "no row" in the list of uses.
const NONE: usize = usize::MAX;

/// Kernel rows by the number of their row in the problem.
///
/// A row may be shorter than the problem: it covers the first positions only. Its order follows the positions
/// of the variables, see [`RowCache::apply`].
pub(super) struct RowCache {
    rows: Vec<Vec<f64>>,
    /// Neighbours in the list of uses, the most recent first; the entry after the last is the list's head.
    links: Vec<Link>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Clone, Copy)]
struct Link {
    newer: usize,
    older: usize,
}

impl RowCache {
    /// An empty cache for `n_rows` rows; it holds two whole rows even where `max_bytes` are fewer.
    pub(super) fn new(n_rows: usize, max_bytes: usize) -> Self {
        let mut links = vec![Link { newer: NONE, older: NONE }; n_rows + 1];
        links[n_rows] = Link { newer: n_rows, older: n_rows };
        Self {
            rows: vec![Vec::new(); n_rows],
            links,
            bytes: 0,
            max_bytes: max_bytes.max(2 * n_rows * size_of::<f64>()),
        }
    }

    /// Brings the first `n_values` of a row into the cache; `compute` gets the first missing position and the
    /// values to write. The two rows asked for last are always there.
    pub(super) fn fetch(&mut self, row: usize, n_values: usize, compute: impl FnOnce(usize, &mut [f64])) {
        self.unlink(row);
        let n_known = self.rows[row].len();
        if n_known < n_values {
            let mut values = self.take(row);
            if let Some(spare) = self.make_room(n_values)
                && n_known == 0
            {
                values = spare;
            }
            values.reserve_exact(n_values - n_known);
            values.resize(n_values, 0.0);
            compute(n_known, &mut values[n_known..]);
            self.bytes += values.capacity() * size_of::<f64>();
            self.rows[row] = values;
        }
        self.link_as_newest(row);
    }

    /// The values of a row that was fetched before.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.rows[row]
    }

    /// Follows exchanges of positions, each `(lower, higher)`, in their order.
    pub(super) fn apply(&mut self, swaps: &[(usize, usize)]) {
        for row in 0..self.rows.len() {
            let values = &mut self.rows[row];
            if values.is_empty() {
                continue;
            }
            let is_known = swaps.iter().all(|&(lower, higher)| {
                if higher < values.len() {
                    values.swap(lower, higher);
                    true
                } else {
                    // The value that belongs at `lower` was never computed.
                    lower >= values.len()
                }
            });
            if !is_known {
                self.unlink(row);
                self.take(row);
            }
        }
    }

    /// Removes the oldest rows until `n_values` more fit, and returns the last one's memory if it is of use.
    fn make_room(&mut self, n_values: usize) -> Option<Vec<f64>> {
        let mut spare = None;
        while self.bytes + n_values * size_of::<f64>() > self.max_bytes {
            let oldest = self.links[self.rows.len()].newer;
            if oldest == self.rows.len() {
                break;
            }
            self.unlink(oldest);
            spare = Some(self.take(oldest));
        }
        let mut spare =
            spare.filter(|spare: &Vec<f64>| (n_values..=2 * n_values).contains(&spare.capacity()))?;
        spare.clear();
        Some(spare)
    }

    fn take(&mut self, row: usize) -> Vec<f64> {
        let values = std::mem::take(&mut self.rows[row]);
        self.bytes -= values.capacity() * size_of::<f64>();
        values
    }

    fn unlink(&mut self, row: usize) {
        let Link { newer, older } = self.links[row];
        if newer != NONE {
            self.links[newer].older = older;
            self.links[older].newer = newer;
            self.links[row] = Link { newer: NONE, older: NONE };
        }
    }

    fn link_as_newest(&mut self, row: usize) {
        let head = self.rows.len();
        let second = self.links[head].older;
        self.links[row] = Link { newer: head, older: second };
        self.links[second].newer = row;
        self.links[head].older = row;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fetches a row whose values are ten times its number plus the position; returns how many were computed.
    fn fetch(cache: &mut RowCache, row: u8, n_values: usize) -> usize {
        let mut n_computed = 0;
        cache.fetch(usize::from(row), n_values, |start, values| {
            n_computed = values.len();
            for (value, position) in values.iter_mut().zip(start..) {
                *value = f64::from(10 * row) + position as f64;
            }
        });
        n_computed
    }

    #[test]
    fn the_row_that_was_used_least_recently_goes_first() {
        let mut cache = RowCache::new(4, 3 * 4 * size_of::<f64>());
        for row in [0, 1, 2, 0, 3] {
            fetch(&mut cache, row, 4);
        }
        let n_computed = [0, 3, 2, 1].map(|row| fetch(&mut cache, row, 4));
        assert_eq!(n_computed, [0, 0, 0, 4]);
    }

    #[test]
    fn two_rows_stay_even_without_memory() {
        let mut cache = RowCache::new(4, 0);
        let n_computed = [0, 1, 0, 1, 2, 1, 0].map(|row| fetch(&mut cache, row, 4));
        assert_eq!(n_computed, [4, 4, 0, 0, 4, 0, 4]);
    }

    #[test]
    fn short_rows_are_completed_and_follow_exchanges() {
        let mut cache = RowCache::new(4, 1000);
        assert_eq!([fetch(&mut cache, 1, 2), fetch(&mut cache, 1, 4), fetch(&mut cache, 2, 2)], [2, 2, 2]);
        cache.apply(&[(0, 3), (1, 2)]);
        assert_eq!(cache.row(1).iter().map(|value| value.to_bits()).collect::<Vec<_>>(), {
            [13.0_f64, 12.0, 11.0, 10.0].map(f64::to_bits)
        });
        assert!(cache.row(2).is_empty(), "its first value was never computed");
    }
}
