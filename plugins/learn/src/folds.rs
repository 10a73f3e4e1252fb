//! Assigning rows to folds, as scikit-learn's `KFold` and `StratifiedKFold` do; shuffles come from our own generator
//! (`ChaCha` with 8 rounds), so the same seed gives the same folds everywhere, but not those of scikit-learn.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Each row's fold, for `n_folds` folds of as equal size as can be: the first `n_rows % n_folds` get one row more.
pub(crate) fn k_fold(n_rows: usize, n_folds: usize, shuffle: Option<u64>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n_rows).collect();
    if let Some(seed) = shuffle {
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    }
    let mut folds = vec![0; n_rows];
    let mut next = 0;
    for fold in 0..n_folds {
        let size = n_rows / n_folds + usize::from(fold < n_rows % n_folds);
        for row in &order[next..next + size] {
            folds[*row] = fold;
        }
        next += size;
    }
    folds
}

/// Each row's fold, every fold with each class's share of rows. Classes count in the order of their first row; each class fills the folds one
/// after the other, shuffled within the class when asked.
pub(crate) fn stratified(classes: &[usize], n_folds: usize, shuffle: Option<u64>) -> Vec<usize> {
    let mut order_seen: Vec<usize> = Vec::new();
    for class in classes {
        if !order_seen.contains(class) {
            order_seen.push(*class);
        }
    }
    let encoded: Vec<usize> = classes
        .iter()
        .map(|class| order_seen.iter().position(|seen| seen == class).unwrap_or_default())
        .collect();
    let mut sorted = encoded.clone();
    sorted.sort_unstable();
    let mut rng = shuffle.map(ChaCha8Rng::seed_from_u64);
    let mut folds = vec![0; classes.len()];
    for class in 0..order_seen.len() {
        let mut own: Vec<usize> = (0..n_folds)
            .flat_map(|fold| {
                let n_rows = sorted.iter().skip(fold).step_by(n_folds).filter(|c| **c == class).count();
                std::iter::repeat_n(fold, n_rows)
            })
            .collect();
        if let Some(rng) = &mut rng {
            own.shuffle(rng);
        }
        let rows = (0..classes.len()).filter(|row| encoded[*row] == class);
        rows.zip(own).for_each(|(row, fold)| folds[row] = fold);
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folds_get_one_row_more() {
        assert_eq!(k_fold(7, 3, None), [0, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn strata_are_spread_as_scikit_learn_spreads_them() {
        // StratifiedKFold(3) on y = [1,1,1,1,0,0,0,0,0] gives these test folds.
        let folds = stratified(&[1, 1, 1, 1, 0, 0, 0, 0, 0], 3, None);
        assert_eq!(folds, [0, 0, 1, 2, 0, 1, 1, 2, 2]);
        let shuffled = stratified(&[1, 1, 1, 1, 0, 0, 0, 0, 0], 3, Some(5));
        let of_class =
            |class: std::ops::Range<usize>, fold| shuffled[class].iter().filter(|f| **f == fold).count();
        assert_eq!((of_class(0..4, 0), of_class(4..9, 1), of_class(4..9, 2)), (2, 2, 2));
    }
}
