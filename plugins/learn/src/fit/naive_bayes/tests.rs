use ndarray::{Array2, ArrayView2};

use super::*;

const WEIGHTS: [f64; 3] = [1.0, 1.5, 2.0];

fn never() -> bool {
    false
}

/// Rows (i % 7, i² % 11, 3i % 5), classes i % 4 % 3 and weights 1, 1.5, 2, 1, …
fn table() -> (Array2<f64>, Vec<usize>, Vec<f64>) {
    let x = Array2::from_shape_fn((30, 3), |(i, column)| [i % 7, i * i % 11, 3 * i % 5][column] as f64);
    let classes = (0..30).map(|i| i % 4 % 3).collect();
    let weights = (0..30).map(|i| WEIGHTS[i % 3]).collect();
    (x, classes, weights)
}

fn rows<'a>(x: &'a Array2<f64>, classes: &'a [usize], weights: &'a [f64]) -> TrainingRows<'a> {
    TrainingRows { x: x.view(), classes, n_classes: 3, weights: Some(weights) }
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
}

fn fit_all(rows: TrainingRows<'_>, priors: &Priors) -> Result<[NaiveBayes; 4], FitError> {
    Ok([
        gaussian(rows, priors, 1e-9, &never)?,
        multinomial(rows, priors, 0.5, &never)?,
        bernoulli(rows, priors, 0.5, 3.0, &never)?,
        categorical(rows, priors, 0.5, &[], &never)?,
    ])
}

#[test]
fn scikit_learn_predicts_the_same() {
    // GaussianNB(), MultinomialNB(alpha=0.5), BernoulliNB(alpha=0.5, binarize=3), CategoricalNB(alpha=0.5)
    let expected = [
        [0.357_366_623_968_342, 0.373_316_476_835_046, 0.269_316_899_196_611],
        [0.579_255_631_834_025, 0.168_227_282_241_491, 0.252_517_085_924_483],
        [0.452_260_250_410_736, 0.286_043_055_212_000, 0.261_696_694_377_264],
        [0.450_384_246_985_202, 0.287_784_712_476_219, 0.261_831_040_538_579],
        [0.401_693_525_116_655, 0.267_397_609_752_064, 0.330_908_865_131_281],
        [0.434_285_817_488_505, 0.271_976_127_430_617, 0.293_738_055_080_878],
        [0.384_365_042_893_570, 0.169_952_581_295_452, 0.445_682_375_810_978],
        [0.234_218_359_405_401, 0.322_196_144_323_251, 0.443_585_496_271_348],
    ];
    let (x, classes, weights) = table();
    let models = fit_all(rows(&x, &classes, &weights), &Priors::FromData).unwrap();
    for (model, expected) in models.iter().zip(expected.chunks(2)) {
        let predicted = model.predict(&[2.0, 4.0, 1.0, 5.0, 8.0, 3.0]);
        assert_close(&predicted.probabilities, &expected.concat());
    }
}

#[test]
fn whole_weights_are_repeated_rows() {
    let (x, classes, _) = table();
    let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 3)).collect();
    let repeated: Vec<usize> = (0..30_usize).flat_map(|i| vec![i; i % 3]).collect();
    let repeated_x = x.select(ndarray::Axis(0), &repeated);
    let repeated_classes: Vec<usize> = repeated.iter().map(|i| classes[*i]).collect();
    let ones = vec![1.0; repeated.len()];
    // The smoothing of variances does not look at weights.
    let of_weights = gaussian(rows(&x, &classes, &weights), &Priors::FromData, 0.0, &never).unwrap();
    let of_repeated =
        gaussian(rows(&repeated_x, &repeated_classes, &ones), &Priors::FromData, 0.0, &never).unwrap();
    let query = [2.0, 4.0, 1.0];
    assert_close(&of_weights.predict(&query).probabilities, &of_repeated.predict(&query).probabilities);
    let of_weights = fit_all(rows(&x, &classes, &weights), &Priors::FromData).unwrap();
    let of_repeated = fit_all(rows(&repeated_x, &repeated_classes, &ones), &Priors::FromData).unwrap();
    for (weighted, repeated) in of_weights[1..].iter().zip(&of_repeated[1..]) {
        assert_close(&weighted.predict(&query).probabilities, &repeated.predict(&query).probabilities);
    }
}

#[test]
fn a_class_without_weight_has_probability_zero() {
    let (x, classes, _) = table();
    let weights: Vec<f64> = classes.iter().map(|class| if *class == 1 { 0.0 } else { 1.0 }).collect();
    for model in fit_all(rows(&x, &classes, &weights), &Priors::FromData).unwrap() {
        let predicted = model.predict(&[2.0, 4.0, 1.0]);
        assert!(predicted.probabilities[1].abs() < f64::MIN_POSITIVE);
        assert!((predicted.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}

#[test]
fn rows_that_no_class_explains_have_the_priors() {
    let x = Array2::from_elem((4, 2), 3.0);
    let training = TrainingRows { x: x.view(), classes: &[0, 1, 1, 1], n_classes: 2, weights: None };
    let model = gaussian(training, &Priors::FromData, 1e-9, &never).unwrap();
    let predicted = model.predict(&[3.0, 3.0, 1e300, -1e300]);
    assert_close(&predicted.probabilities, &[0.25, 0.75, 0.25, 0.75]);
    assert_eq!(predicted.classes, [1, 1]);
}

#[test]
fn unknown_categories_say_nothing() {
    let x = ArrayView2::from_shape((4, 2), &[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]).unwrap();
    let training = TrainingRows { x, classes: &[0, 0, 1, 1], n_classes: 2, weights: None };
    let model = categorical(training, &Priors::FromData, 1.0, &[], &never).unwrap();
    let predicted = model.predict(&[7.0, 0.0, -1.0, 0.5, f64::NAN, 1e300, 0.0, 9.0]);
    assert_close(&predicted.probabilities, &[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.75, 0.25]);
}

#[test]
fn large_offsets_do_not_change_variances() {
    let (x, classes, weights) = table();
    let near = gaussian(rows(&x, &classes, &weights), &Priors::Uniform, 1e-9, &never).unwrap();
    let moved = x.mapv(|value| value + 1e9);
    let far = gaussian(rows(&moved, &classes, &weights), &Priors::Uniform, 1e-9, &never).unwrap();
    let (Likelihood::Gaussian { variances: near, .. }, Likelihood::Gaussian { variances: far, .. }) =
        (near.likelihood, far.likelihood)
    else {
        panic!("Gaussian models")
    };
    assert_close(&far.concat(), &near.concat());
}

#[test]
fn a_model_that_was_stored_predicts_the_same() {
    let (x, classes, weights) = table();
    let priors = Priors::Given(vec![0.5, 0.0, 0.5]);
    for model in fit_all(rows(&x, &classes, &weights), &priors).unwrap() {
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<NaiveBayes>(&text).unwrap(), model);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (x, classes, weights) = table();
    let training = rows(&x, &classes, &weights);
    let priors = Priors::FromData;
    let wrong = gaussian(training, &Priors::Given(vec![1.0]), 1e-9, &never);
    assert_eq!(wrong, Err(FitError::PriorsDiffer { n_priors: 1, n_classes: 3 }));
    assert_eq!(fit_all(rows(&x, &classes, &[0.0; 30]), &priors), Err(FitError::NoWeight));
    let huge = x.mapv(|value| value * 1e307);
    assert!(matches!(fit_all(rows(&huge, &classes, &weights), &priors), Err(FitError::NotFinite(_))));
    let mut negative = x.clone();
    negative[[2, 1]] = -1.0;
    let negative = rows(&negative, &classes, &weights);
    assert_eq!(
        multinomial(negative, &priors, 1.0, &never),
        Err(FitError::NegativeCount { row: 2, column: 1 })
    );
    let wrong = categorical(negative, &priors, 1.0, &[], &never);
    assert_eq!(wrong, Err(FitError::NotACategory { row: 2, column: 1 }));
    assert_eq!(gaussian(training, &priors, 1e-9, &|| true), Err(FitError::Stopped));
}
