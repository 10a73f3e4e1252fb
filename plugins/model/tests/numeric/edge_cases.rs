//! Checks the transforms on columns made by hand and on extreme ones.

use sluicegate_model::numeric::{
    FitError,
    bins::{self, MAXIMUM_BINS, Strategy},
    normal::normal_quantile,
    power::{self, Method},
    quantile::{self, OutputDistribution},
};

const NAN: f64 = f64::NAN;

/// Checks that two columns are equal within rounding, with NaN at the same rows.
#[track_caller]
fn assert_column(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        let is_equal = (actual - expected).abs() < 1e-12 || (actual.is_nan() && expected.is_nan());
        assert!(is_equal, "{actual} instead of {expected}");
    }
}

/// Returns a copy of a column after a quantile transform.
fn quantile_applied(fitted: &quantile::Fitted, values: &[f64]) -> Vec<f64> {
    let mut column = values.to_vec();
    fitted.apply(&mut column);
    column
}

/// Returns a copy of a column after a binning.
fn bins_applied(fitted: &bins::Fitted, values: &[f64]) -> Vec<f64> {
    let mut column = values.to_vec();
    fitted.apply(&mut column);
    column
}

#[test]
fn yeo_johnson_leaves_a_constant_column_as_it_is_but_for_its_mean() {
    for values in [&[5.0, 5.0, 5.0][..], &[5.0], &[NAN, 5.0, NAN, 5.0]] {
        let fitted = power::fit(values, Method::YeoJohnson).unwrap();
        let expected = power::Fitted { method: Method::YeoJohnson, lambda: 1.0, mean: 5.0, scale: 1.0 };
        assert_eq!(fitted, expected);
        let mut column = [7.0, NAN, -1.5];
        fitted.apply(&mut column).unwrap();
        assert_column(&column, &[2.0, NAN, -6.5]);
    }
}

#[test]
fn box_cox_names_the_first_row_that_it_refuses() {
    assert_eq!(power::fit(&[1.0, NAN, 0.0, -1.0], Method::BoxCox), Err(FitError::NotPositive { row: 2 }));
    let fitted = power::fit(&[1.0, 2.0, 4.0, NAN], Method::BoxCox).unwrap();
    let mut column = [2.0, NAN, -3.0, 0.0];
    assert_eq!(fitted.apply(&mut column), Err(2));
    assert_column(&column, &[2.0, NAN, -3.0, 0.0]);
}

#[test]
fn box_cox_refuses_columns_without_two_values() {
    for values in [&[5.0, 5.0][..], &[5.0], &[NAN, 5.0]] {
        assert_eq!(power::fit(values, Method::BoxCox), Err(FitError::Constant));
    }
    for method in [Method::BoxCox, Method::YeoJohnson] {
        assert_eq!(power::fit(&[], method), Err(FitError::NoKnownValues));
        assert_eq!(power::fit(&[NAN, NAN], method), Err(FitError::NoKnownValues));
    }
}

#[test]
fn box_cox_of_a_geometric_row_is_the_logarithm() {
    let mut column = [1.0, 2.0, 4.0, 8.0, 16.0];
    let fitted = power::fit(&column, Method::BoxCox).unwrap();
    assert!(fitted.lambda.abs() < 1e-4);
    fitted.apply(&mut column).unwrap();
    let unit = 0.5_f64.sqrt();
    for (actual, step) in column.iter().zip([-2.0, -1.0, 0.0, 1.0, 2.0]) {
        assert!((actual - step * unit).abs() < 1e-4);
    }
}

#[test]
fn a_power_that_overflows_is_an_error() {
    let narrow = [2003.0, 1950.0, 1997.0, 2000.0, 2009.0];
    assert_eq!(power::fit(&narrow, Method::BoxCox), Err(FitError::Overflow));
    let fitted = power::fit(&narrow, Method::YeoJohnson).unwrap();
    assert_eq!(fitted.apply(&mut [2000.0, 1e12]), Err(1));
}

#[test]
fn a_quantile_transform_without_known_values_makes_everything_missing() {
    for values in [&[][..], &[NAN], &[NAN, NAN]] {
        let fitted = quantile::fit(values, 10, OutputDistribution::Normal).unwrap();
        assert!(fitted.quantiles.is_empty());
        assert_column(&quantile_applied(&fitted, &[1.0, NAN]), &[NAN, NAN]);
    }
    assert_eq!(quantile::fit(&[1.0], 0, OutputDistribution::Uniform), Err(FitError::NoQuantiles));
}

#[test]
fn quantiles_of_a_constant_column_are_a_step() {
    let uniform = quantile::fit(&[5.0, 5.0, NAN], 1000, OutputDistribution::Uniform).unwrap();
    assert_eq!(uniform.quantiles, [5.0, 5.0, 5.0]);
    assert_column(&quantile_applied(&uniform, &[4.0, 5.0, 6.0, NAN]), &[0.0, 0.0, 1.0, NAN]);
    let normal = quantile::fit(&[5.0, 5.0, NAN], 1000, OutputDistribution::Normal).unwrap();
    let end = -normal_quantile(1e-7 - f64::EPSILON);
    for (actual, expected) in quantile_applied(&normal, &[4.0, 5.0, 6.0]).iter().zip([-end, -end, end]) {
        assert!((actual - expected).abs() < 1e-8);
    }
    let one = quantile::fit(&[5.0], 1000, OutputDistribution::Uniform).unwrap();
    assert_column(&quantile_applied(&one, &[4.0, 5.0, 6.0]), &[0.0, 0.0, 0.0]);
}

#[test]
fn tied_quantiles_map_to_the_middle_of_their_probabilities() {
    let fitted = quantile::fit(&[0.0, 1.0, 1.0, 1.0, 2.0], 5, OutputDistribution::Uniform).unwrap();
    let expected = [0.0, 0.0, 0.125, 0.5, 0.875, 1.0, 1.0];
    assert_column(&quantile_applied(&fitted, &[-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 9.0]), &expected);
}

#[test]
fn a_constant_column_has_one_bin() {
    for strategy in [Strategy::Uniform, Strategy::Quantile, Strategy::Kmeans] {
        for values in [&[5.0, 5.0][..], &[5.0], &[NAN, 5.0]] {
            let fitted = bins::fit(values, 4, strategy).unwrap();
            assert_eq!(fitted.n_bins(), 1);
            assert_column(&bins_applied(&fitted, &[4.0, 5.0, 6.0, NAN]), &[0.0, 0.0, 0.0, NAN]);
        }
        assert_eq!(bins::fit(&[NAN], 4, strategy), Err(FitError::NoKnownValues));
        assert_eq!(bins::fit(&[], 4, strategy), Err(FitError::NoKnownValues));
    }
}

#[test]
fn a_bin_holds_its_lower_edge() {
    let fitted = bins::fit(&[0.0, 1.0, 4.0, NAN], 4, Strategy::Uniform).unwrap();
    assert_eq!(fitted.edges, [0.0, 1.0, 2.0, 3.0, 4.0]);
    let column = bins_applied(&fitted, &[-9.0, 0.0, 0.9, 1.0, 3.0, 4.0, 9.0, NAN]);
    assert_column(&column, &[0.0, 0.0, 0.0, 1.0, 3.0, 3.0, 3.0, NAN]);
}

#[test]
fn narrow_bins_are_removed() {
    let ties = bins::fit(&[1.0, 1.0, 1.0, 1.0, 2.0, 3.0], 4, Strategy::Quantile).unwrap();
    assert_column(&ties.edges, &[1.0, 1.75, 3.0]);
    let tiny = bins::fit(&[1.0, 1.0 + 1e-10, 1.0 + 2e-10], 2, Strategy::Quantile).unwrap();
    assert_eq!(tiny.n_bins(), 1);
    assert_column(&bins_applied(&tiny, &[0.0, 1.0, 2.0]), &[0.0, 0.0, 0.0]);
}

#[test]
fn kmeans_bins_separate_clusters_halfway() {
    let fitted = bins::fit(&[0.0, 1.0, 10.0, 11.0, NAN, 20.0, 21.0], 3, Strategy::Kmeans).unwrap();
    assert_column(&fitted.edges, &[0.0, 5.5, 15.5, 21.0]);
}

#[test]
fn impossible_numbers_of_bins_are_errors() {
    let fit = |n_bins, strategy| bins::fit(&[1.0, 2.0, 3.0], n_bins, strategy).unwrap_err();
    assert_eq!(fit(0, Strategy::Uniform), FitError::TooFewBins { n_bins: 0 });
    assert_eq!(fit(1, Strategy::Quantile), FitError::TooFewBins { n_bins: 1 });
    let n_bins = MAXIMUM_BINS + 1;
    assert_eq!(fit(n_bins, Strategy::Uniform), FitError::TooManyBins { n_bins });
    assert_eq!(fit(usize::MAX, Strategy::Kmeans), FitError::TooManyBins { n_bins: usize::MAX });
    assert_eq!(fit(4, Strategy::Kmeans), FitError::FewerValuesThanBins { n_values: 3, n_bins: 4 });
}

#[test]
fn the_normal_quantile_is_defined_everywhere() {
    assert!(normal_quantile(0.5).abs() < 1e-300);
    assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    assert!(normal_quantile(0.0) < f64::MIN && normal_quantile(1.0) > f64::MAX);
    assert!(normal_quantile(-0.1).is_nan() && normal_quantile(1.1).is_nan() && normal_quantile(NAN).is_nan());
}

#[test]
fn every_error_has_a_text() {
    let errors = [
        FitError::NoKnownValues,
        FitError::NotPositive { row: 3 },
        FitError::FewerValuesThanBins { n_values: 2, n_bins: 5 },
    ];
    let texts = errors.map(|error| error.to_string());
    assert_eq!(texts[1], "row 4 is not above 0, which Box-Cox needs");
    assert!(texts.iter().all(|text| !text.is_empty()));
}

#[test]
fn nothing_panics_on_extreme_columns() {
    let extremes = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        NAN,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        1e-300,
        1e300,
        1e6,
        1.0 + f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for first in extremes {
        for second in extremes {
            for third in extremes {
                apply_everything(&[first, second, third, first], &extremes);
            }
        }
    }
}

/// Fits every transform to a column and applies it to another.
fn apply_everything(values: &[f64], new: &[f64]) {
    for method in [Method::YeoJohnson, Method::BoxCox] {
        if let Ok(fitted) = power::fit(values, method) {
            assert!(fitted.lambda.is_finite() && fitted.mean.is_finite() && fitted.scale.is_finite());
            let _ = fitted.apply(&mut new.to_vec());
        }
    }
    for output in [OutputDistribution::Uniform, OutputDistribution::Normal] {
        for n_quantiles in [1, 3, 1000] {
            if let Ok(fitted) = quantile::fit(values, n_quantiles, output) {
                fitted.apply(&mut new.to_vec());
            }
        }
    }
    for strategy in [Strategy::Uniform, Strategy::Quantile, Strategy::Kmeans] {
        if let Ok(fitted) = bins::fit(values, 3, strategy) {
            fitted.apply(&mut new.to_vec());
        }
    }
}
