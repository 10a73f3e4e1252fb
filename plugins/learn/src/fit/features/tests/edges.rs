//! Checks that input at the edge of what a method defines gives an error or `None`, never a panic.

use super::super::{
    Error,
    correlated::correlated,
    decompose::{right_svd, thin_svd},
    pca::{Components, Pca},
    scores::{Score, chi2, f_classif, f_regression, mutual_info_classif, mutual_info_regression},
    special::{chi_squared_survival, digamma, f_survival},
    svd::TruncatedSvd,
    variance::{low_variance, variances},
};

/// The score of a column that has none.
const UNDEFINED: Score = Score { score: None, p_value: None };

/// Fits a given number of components.
fn pca(count: usize) -> Pca {
    Pca { components: Components::Count(count), whiten: true }
}

/// All functions return on all small shapes, with extreme numbers among them.
#[test]
fn every_small_shape_returns() {
    let values = [0.0, -1.5, 2.0, 2.0, f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e-160, -0.0, 1e200];
    for rows in 0..6 {
        for width in 0..5 {
            for step in 0..values.len() {
                let entry = |row: usize, column: usize| {
                    values[(row * 3 + column * 5 + step * (row + 1)) % values.len()]
                };
                let columns: Vec<Vec<f64>> =
                    (0..width).map(|column| (0..rows).map(|row| entry(row, column)).collect()).collect();
                let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                let classes: Vec<usize> = (0..rows).map(|row| row * 7 % 3).collect();
                let target: Vec<f64> = (0..rows).map(|row| entry(row, 1)).collect();
                run_all(&views, &classes, &target);
            }
        }
    }
}

/// Calls everything, and checks what must hold of any result.
fn run_all(views: &[&[f64]], classes: &[usize], target: &[f64]) {
    for count in 0..4 {
        if let Ok(fitted) = pca(count).fit(views) {
            assert_eq!(fitted.apply(views).len(), count);
        }
        if let Ok(fitted) = (TruncatedSvd { components: count }).fit(views) {
            assert_eq!(fitted.apply(views).len(), count);
        }
    }
    let _ = Pca { components: Components::Share(0.9), whiten: false }.fit(views);
    let _ = (thin_svd(views), right_svd(views));
    let _ = (f_classif(views, classes), chi2(views, classes), f_regression(views, target));
    for flag in [false, true] {
        let discrete = vec![flag; views.len()];
        let _ = mutual_info_classif(views, &discrete, classes, 1);
        let _ = mutual_info_regression(views, &discrete, target, 1);
    }
    let _ = (correlated(views, 0.5), variances(views), low_variance(views, 0.0));
}

/// Each defect of a request or matrix has its error.
#[test]
fn projections_refuse_what_they_cannot_fit() {
    let (one, two) = ([1.0, 2.0, 4.0], [3.0, 1.0, 1.0]);
    assert_eq!(pca(1).fit(&[]), Err(Error::Empty));
    assert_eq!(pca(1).fit(&[&[1.0], &[2.0]]), Err(Error::TooFewRows { needed: 2, found: 1 }));
    assert_eq!(pca(0).fit(&[&one, &two]), Err(Error::ComponentCount { asked: 0, largest: 2 }));
    assert_eq!(pca(3).fit(&[&one, &two]), Err(Error::ComponentCount { asked: 3, largest: 2 }));
    assert_eq!(pca(1).fit(&[&[0.1; 3], &[7.0; 3]]), Err(Error::NoVariance));
    for share in [0.0, 1.0, -0.5] {
        let pca = Pca { components: Components::Share(share), whiten: false };
        assert_eq!(pca.fit(&[&one, &two]), Err(Error::Share(share)));
    }
    let truncated = TruncatedSvd { components: 1 };
    assert_eq!(truncated.fit(&[&one]), Err(Error::TooFewColumns { needed: 2, found: 1 }));
    assert_eq!(
        TruncatedSvd { components: 3 }.fit(&[&one, &two]),
        Err(Error::ComponentCount { asked: 3, largest: 2 })
    );
    let fitted = truncated.fit(&[&one, &two]).unwrap();
    assert_eq!(fitted.apply(&[&[], &[]]), vec![Vec::<f64>::new()]);
    assert!(truncated.fit(&[&[1.0; 4], &[1.0; 4]]).unwrap().explained_variance_ratio[0] < 1e-15);
}

/// Of two loadings equal but for rounding the first decides.
#[test]
fn signs_do_not_hang_on_rounding() {
    let (one, two) = ([1.0, 2.0, 4.0, 9.0], [-1.1, -2.1, -4.1, -9.1]);
    let fitted = pca(2).fit(&[&one, &two]).unwrap();
    assert!(fitted.components.iter().all(|component| component[0] > 0.0));
}

/// Each defect has its error, constant columns have no score.
#[test]
fn scores_refuse_or_leave_open_what_is_not_defined() {
    let column = [1.0, 2.0, 4.0, 3.0];
    assert_eq!(f_classif(&[&column], &[1, 1, 1, 1]), Err(Error::TooFewClasses));
    assert_eq!(f_classif(&[&column], &[1, 2, 3, 4]), Err(Error::TooFewRows { needed: 5, found: 4 }));
    assert_eq!(f_classif(&[&column], &[1, 2]), Err(Error::WrongLength { expected: 4, found: 2 }));
    assert_eq!(f_classif(&[&[0.1; 4]], &[1, 2, 1, 2]), Ok(vec![UNDEFINED]));
    let split = Score { score: Some(f64::INFINITY), p_value: Some(0.0) };
    assert_eq!(f_classif(&[&[0.1, 0.7, 0.1, 0.7]], &[1, 2, 1, 2]), Ok(vec![split]));
    assert_eq!(chi2(&[&column, &[0.0, -1.0, 0.0, 0.0]], &[1, 2, 1, 2]), Err(Error::Negative { column: 1 }));
    assert_eq!(chi2(&[&[0.0; 4]], &[1, 2, 1, 2]), Ok(vec![UNDEFINED]));
    assert_eq!(f_regression(&[&[1.0, 2.0]], &[1.0, 3.0]), Err(Error::TooFewRows { needed: 3, found: 2 }));
    assert_eq!(f_regression(&[&column], &[1.0, 3.0, f64::NAN, 2.0]), Err(Error::TargetNotFinite));
    let flat = Score { score: Some(0.0), p_value: Some(1.0) };
    assert_eq!(f_regression(&[&[0.1; 4]], &column), Ok(vec![flat]));
    let perfect = f_regression(&[&column], &column).unwrap()[0];
    assert!(perfect.score.unwrap() > 1e14 && perfect.p_value.unwrap() < 1e-12);
}

/// Each defect has its error, single labels have no score.
#[test]
fn information_refuses_or_leaves_open_what_is_not_defined() {
    let column = [1.0, 2.0, 4.0];
    let few = Err(Error::TooFewRows { needed: 4, found: 3 });
    assert_eq!(mutual_info_regression(&[&column], &[false], &column, 0), few);
    assert_eq!(mutual_info_regression(&[&column], &[true], &column, 0), Ok(vec![UNDEFINED]));
    assert_eq!(mutual_info_classif(&[&column], &[false], &[1, 2, 3], 0), Ok(vec![UNDEFINED]));
    let wrong = Err(Error::WrongLength { expected: 1, found: 0 });
    assert_eq!(mutual_info_classif(&[&column], &[], &[1, 2, 3], 0), wrong);
    let zeros = mutual_info_classif(&[&[0.0, -0.0, 0.0]], &[true], &[1, 2, 3], 0).unwrap();
    assert_eq!(zeros[0].score, Some(0.0));
}

/// Bounds out of range are refused, those at the ends work.
#[test]
fn selections_check_their_bounds() {
    let (one, two) = ([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]);
    assert_eq!(correlated(&[&one, &two], 1.0), Ok(vec![]));
    assert_eq!(correlated(&[&one, &two, &one], 0.99), Ok(vec![1, 2]));
    assert_eq!(correlated(&[&[1.0], &[1.0]], 0.0), Ok(vec![]));
    assert_eq!(correlated(&[&one], 1.5), Err(Error::Bound(1.5)));
    assert_eq!(low_variance(&[&one], -1.0), Err(Error::Bound(-1.0)));
    assert!(low_variance(&[&one], f64::NAN).is_err());
    assert_eq!(low_variance(&[&[1.0], &[2.0]], 0.0), Ok(vec![0, 1]));
}

/// The special functions are defined at 0, infinity and NaN.
#[test]
fn tails_at_their_ends() {
    assert!(f_survival(f64::NAN, 1.0, 2.0).is_nan() && chi_squared_survival(f64::NAN, 2.0).is_nan());
    let f = [f_survival(f64::INFINITY, 1.0, 2.0), f_survival(0.0, 1.0, 2.0)];
    assert_eq!(f.map(f64::to_bits), [0.0_f64, 1.0].map(f64::to_bits));
    let chi = [chi_squared_survival(f64::INFINITY, 2.0), chi_squared_survival(0.0, 2.0)];
    assert_eq!(chi.map(f64::to_bits), [0.0_f64, 1.0].map(f64::to_bits));
    assert!((digamma(1.0) + 0.577_215_664_901_532_9).abs() < 1e-14);
    assert!(digamma(0.0).is_infinite() && digamma(-1e300).is_nan());
}
