//! Which features a solver with an L1 penalty works on next.

/// New features that a working set may always take.
const N_NEW: usize = 256;

/// Returns the features to work on next, in ascending order.
///
/// All features that violate optimality or have a coefficient, if that many are allowed; else those with a
/// coefficient first, then by the size of the violation. The set grows by as many as there are
/// coefficients, and some. Ties go to the lower index.
pub(crate) fn next_features(violations: &[f64], coefficients: &[f64], n_most: usize) -> Vec<usize> {
    if violations.len() <= N_NEW {
        return (0..violations.len()).collect();
    }
    let n_nonzero = coefficients.iter().filter(|value| **value != 0.0).count();
    let n_allowed = (2 * n_nonzero + N_NEW).min(n_most);
    // With too many coefficients for one set, the worst come first, whether zero or not.
    let keep_nonzero = n_nonzero < n_allowed;
    let priority =
        |at: usize| if keep_nonzero && coefficients[at] != 0.0 { f64::INFINITY } else { violations[at] };
    let mut features: Vec<usize> = (0..violations.len()).filter(|at| priority(*at) > 0.0).collect();
    if features.len() > n_allowed {
        features.sort_by(|a, b| priority(*b).total_cmp(&priority(*a)).then(a.cmp(b)));
        features.truncate(n_allowed);
        features.sort_unstable();
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_features_are_all_worked_on() {
        assert_eq!(next_features(&[1.0, 0.0, 3.0], &[0.0; 3], 2), [0, 1, 2]);
    }

    #[test]
    fn of_many_features_those_with_a_coefficient_and_the_worst_come_in_their_own_order() {
        let mut violations = vec![0.0; 1000];
        let mut coefficients = vec![0.0; 1000];
        (violations[9], violations[7], violations[800]) = (3.0, 1.0, 2.0);
        coefficients[500] = 0.1;
        assert_eq!(next_features(&violations, &coefficients, 100), [7, 9, 500, 800]);
        assert_eq!(next_features(&violations, &coefficients, 3), [9, 500, 800]);
    }
}
