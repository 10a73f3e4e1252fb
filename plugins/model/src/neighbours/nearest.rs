//! The nearest rows found so far.

/// A ranking and a row number; the lower ranking is nearer, then the lower row number.
pub(super) type Candidate = (f64, usize);

/// The `k` nearest of the rows offered, nearest first.
#[derive(Clone, Debug)]
pub(super) struct Nearest {
    k: usize,
    found: Vec<Candidate>,
    /// What a row has to be nearer than.
    limit: Candidate,
}

impl Nearest {
    pub(super) fn new(k: usize) -> Self {
        Self { k, found: Vec::with_capacity(k), limit: (f64::INFINITY, usize::MAX) }
    }

    /// Whether a row at this ranking, or a group of rows that are not nearer, can be among the nearest.
    #[inline]
    pub(super) fn accepts(&self, ranking: f64, row: usize) -> bool {
        ranking < self.limit.0 || (ranking <= self.limit.0 && row < self.limit.1)
    }

    /// The ranking beyond which no row is accepted.
    #[inline]
    pub(super) fn limit(&self) -> f64 {
        self.limit.0
    }

    /// Takes a row if it is nearer than the farthest of `k`.
    #[inline]
    pub(super) fn offer(&mut self, ranking: f64, row: usize) {
        if self.accepts(ranking, row) {
            self.insert(ranking, row);
        }
    }

    fn insert(&mut self, ranking: f64, row: usize) {
        if self.found.len() == self.k {
            self.found.pop();
        }
        let place = self.found.partition_point(|found| *found < (ranking, row));
        self.found.insert(place, (ranking, row));
        if self.found.len() == self.k {
            self.limit = self.found[self.k - 1];
        }
    }

    /// The rows found, nearest first.
    pub(super) fn into_found(self) -> Vec<Candidate> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rankings_are_ordered_by_row_number() {
        let mut nearest = Nearest::new(3);
        for (ranking, row) in [(2.0, 9), (1.0, 7), (1.0, 3), (1.0, 5), (0.5, 8), (1.0, 4)] {
            nearest.offer(ranking, row);
        }
        assert_eq!(nearest.into_found(), [(0.5, 8), (1.0, 3), (1.0, 4)]);
    }

    #[test]
    fn rows_infinitely_far_away_are_found_when_there_are_no_others() {
        let mut nearest = Nearest::new(2);
        nearest.offer(f64::INFINITY, 1);
        nearest.offer(f64::INFINITY, usize::MAX);
        nearest.offer(f64::INFINITY, 0);
        assert_eq!(nearest.into_found(), [(f64::INFINITY, 0), (f64::INFINITY, 1)]);
    }
}
