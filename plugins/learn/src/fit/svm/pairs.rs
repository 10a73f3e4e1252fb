//! One machine for each pair of classes: which rows it is fitted to.

/// The rows of two classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassPair {
    /// The class of positive decisions.
    pub(crate) first: usize,
    /// The other class.
    pub(crate) second: usize,
    /// Rows of the first class, then of the second, each in their order.
    pub(crate) rows: Vec<usize>,
    /// Whether each of `rows` belongs to the first class.
    pub(crate) is_first: Vec<bool>,
}

/// All pairs of classes in the order (0, 1), (0, 2), …, (1, 2), …; `y` are indices of classes below
/// `n_classes`.
pub(crate) fn pairs(y: &[usize], n_classes: usize) -> impl Iterator<Item = ClassPair> {
    let mut members = vec![Vec::new(); n_classes];
    for (row, class) in y.iter().enumerate() {
        members[*class].push(row);
    }
    let numbers =
        (0..n_classes).flat_map(move |first| (first + 1..n_classes).map(move |second| (first, second)));
    numbers.map(move |(first, second)| {
        let rows = [members[first].as_slice(), &members[second]].concat();
        let is_first = (0..rows.len()).map(|position| position < members[first].len()).collect();
        ClassPair { first, second, rows, is_first }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_in_order_with_the_first_class_in_front() {
        let found: Vec<ClassPair> = pairs(&[2, 0, 1, 0, 2], 3).collect();
        let numbers: Vec<_> = found.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(numbers, [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(found[1].rows, [1, 3, 0, 4]);
        assert_eq!(found[1].is_first, [true, true, false, false]);
    }

    #[test]
    fn one_class_has_no_pairs() {
        assert_eq!(pairs(&[0, 0], 1).count(), 0);
    }
}
