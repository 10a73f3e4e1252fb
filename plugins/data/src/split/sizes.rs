//! How many rows each split gets, exactly as scikit-learn's `train_test_split` counts them.

use rand::{Rng, seq::SliceRandom};

/// The rows for training and for the test: `n_test = ceil(fraction · n)`, `n_train = n − n_test`.
pub(super) fn train_and_test(n_rows: usize, test_fraction: f64) -> (usize, usize) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n_rows")]
    let n_test = ((test_fraction * n_rows as f64).ceil() as usize).min(n_rows);
    (n_rows - n_test, n_test)
}

/// How many of `n_draws` rows each class gives: the whole part of its share, and one more for the classes with the
/// largest remainders; among equal remainders the random numbers choose.
///
/// The source is scikit-learn's `_approximate_mode`, with its order of floating-point operations, so that remainders
/// that it holds equal are equal here.
pub(super) fn by_class(class_sizes: &[usize], n_draws: usize, rng: &mut impl Rng) -> Vec<usize> {
    let total: usize = class_sizes.iter().sum();
    let shares: Vec<f64> =
        class_sizes.iter().map(|size| *size as f64 / total as f64 * n_draws as f64).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n_draws")]
    let mut draws: Vec<usize> = shares.iter().map(|share| share.floor() as usize).collect();
    let mut left = n_draws.saturating_sub(draws.iter().sum());
    let mut by_remainder: Vec<(f64, usize)> =
        shares.iter().enumerate().map(|(class_idx, share)| (share - share.floor(), class_idx)).collect();
    by_remainder.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for equal in by_remainder.chunk_by_mut(|(a, _), (b, _)| a.total_cmp(b).is_eq()) {
        if left == 0 {
            break;
        }
        if left < equal.len() {
            equal.shuffle(rng);
        }
        for (_, class_idx) in equal.iter().take(left) {
            draws[*class_idx] += 1;
        }
        left -= left.min(equal.len());
    }
    draws
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_test_split_is_rounded_up() {
        assert_eq!(train_and_test(569, 0.25), (426, 143));
        assert_eq!(train_and_test(150, 0.2), (120, 30));
        assert_eq!(train_and_test(3, 0.9), (0, 3));
    }

    #[test]
    fn classes_get_their_shares() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        // train_test_split of the breast-cancer data: 212 malignant and 357 benign rows.
        assert_eq!(by_class(&[212, 357], 426, &mut rng), [159, 267]);
        assert_eq!(by_class(&[50, 50, 50], 120, &mut rng), [40, 40, 40]);
    }

    #[test]
    fn equal_remainders_are_chosen_by_the_seed() {
        let draws = |seed| by_class(&[5, 5, 5, 5], 10, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draws(1), draws(1));
        assert_eq!(draws(1).iter().sum::<usize>(), 10);
        assert!((0..20).any(|seed| draws(seed) != draws(1)));
    }
}
