//! Compares the transforms with what scikit-learn makes of the same columns; `golden.py` wrote the file.

use serde::{Deserialize, de::DeserializeOwned};
use sluicegate_model::numeric::{
    FitError,
    bins::{self, Strategy},
    normal::normal_quantile,
    power::{self, Method},
    quantile::{self, OutputDistribution},
};

/// A column with null for a missing value.
type Column = Vec<Option<f64>>;

/// The whole golden file.
#[derive(Deserialize)]
struct Golden {
    /// Probabilities and their normal quantiles.
    normal_quantile: (Vec<f64>, Vec<f64>),
    /// The columns with their outcomes.
    columns: Vec<GoldenColumn>,
}

/// A column and what scikit-learn makes of it.
#[derive(Deserialize)]
struct GoldenColumn {
    name: String,
    values: Column,
    power: Vec<Case<PowerOptions>>,
    quantile: Vec<Case<QuantileOptions>>,
    bins: Vec<Case<BinsOptions>>,
}

/// A transform with its options and its outcome.
#[derive(Deserialize)]
struct Case<Options> {
    #[serde(flatten)]
    options: Options,
    new: Column,
    error: Option<String>,
    #[serde(default)]
    parameters: Column,
    #[serde(default)]
    fitted: Column,
    held_out: Option<Column>,
    #[serde(default)]
    alternatives: Vec<Vec<f64>>,
}

/// The options of a power transform.
#[derive(Deserialize)]
struct PowerOptions {
    method: Method,
}

/// The options of a quantile transform.
#[derive(Deserialize)]
struct QuantileOptions {
    n_quantiles: usize,
    output: OutputDistribution,
}

/// The options of a binning.
#[derive(Deserialize)]
struct BinsOptions {
    n_bins: usize,
    strategy: Strategy,
}

/// Reads the golden file.
fn golden() -> Golden {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

/// Turns null into NaN.
fn floats(column: &Column) -> Vec<f64> {
    column.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

/// Checks that two columns agree to a tolerance, relative above 1, with NaN at the same rows.
#[track_caller]
fn assert_close(actual: &[f64], expected: &Column, tolerance: f64, context: &str) {
    assert_eq!(actual.len(), expected.len(), "{context}");
    for (row, (actual, expected)) in actual.iter().zip(floats(expected)).enumerate() {
        let is_close = (actual - expected).abs() <= tolerance * expected.abs().max(1.0);
        let is_missing = actual.is_nan() && expected.is_nan();
        assert!(is_close || is_missing, "{context}, row {row}: {actual} instead of {expected}");
    }
}

/// Checks that a number agrees to a relative tolerance.
#[track_caller]
fn assert_relative(actual: f64, expected: f64, tolerance: f64, context: &str) {
    let is_close = (actual - expected).abs() <= tolerance * expected.abs();
    assert!(is_close, "{context}: {actual:e} instead of {expected:e}");
}

/// Checks that a fitted transform survives JSON.
fn assert_survives_json<Fitted>(fitted: &Fitted)
where
    Fitted: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(fitted).unwrap();
    assert_eq!(*fitted, serde_json::from_str::<Fitted>(&text).unwrap());
}

#[test]
fn normal_quantiles_agree() {
    let (probabilities, quantiles) = golden().normal_quantile;
    for (probability, quantile) in probabilities.into_iter().zip(quantiles) {
        let difference = (normal_quantile(probability) - quantile).abs();
        assert!(difference < 1e-14 * quantile.abs().max(1.0), "{probability}: {difference:e}");
    }
}

#[test]
fn powers_agree() {
    for column in golden().columns {
        for case in &column.power {
            let context = format!("{} {:?}", column.name, case.options.method);
            check_power(&floats(&column.values), case, &context);
        }
    }
}

/// Compares one power transform.
fn check_power(values: &[f64], case: &Case<PowerOptions>, context: &str) {
    let fitted = power::fit(values, case.options.method);
    if let Some(error) = &case.error {
        assert_eq!(fitted.unwrap_err(), expected_power_error(error, values), "{context}");
        return;
    }
    if case.parameters.contains(&None) {
        assert_eq!(fitted.unwrap_err(), FitError::Overflow, "{context}");
        return;
    }
    let fitted = fitted.unwrap();
    if is_constant_with_missing(values) {
        assert!((fitted.lambda - 1.0).abs() < 1e-15, "{context}");
    } else {
        let parameters = floats(&case.parameters);
        assert_relative(fitted.lambda, parameters[0], 1e-6, &format!("{context} lambda"));
        check_applied_power(&fitted, values, case, context);
    }
    assert_survives_json(&fitted);
}

/// Compares the columns that one power transform makes.
fn check_applied_power(fitted: &power::Fitted, values: &[f64], case: &Case<PowerOptions>, context: &str) {
    let mut transformed = values.to_vec();
    fitted.apply(&mut transformed).unwrap();
    assert_close(&transformed, &case.fitted, 1e-6, &format!("{context} fitted"));
    let mut new = floats(&case.new);
    match &case.held_out {
        Some(expected) => {
            fitted.apply(&mut new).unwrap();
            assert_close(&new, expected, 1e-6, &format!("{context} held out"));
        }
        None => assert!(fitted.apply(&mut new).is_err(), "{context}"),
    }
}

/// Translates an error of scikit-learn.
fn expected_power_error(error: &str, values: &[f64]) -> FitError {
    if error.contains("strictly positive") {
        FitError::NotPositive { row: values.iter().position(|value| *value <= 0.0).unwrap() }
    } else if error.contains("constant") {
        FitError::Constant
    } else {
        FitError::NoKnownValues
    }
}

/// Tells whether a column has missing values and one known value, for which scikit-learn fits an arbitrary power.
fn is_constant_with_missing(values: &[f64]) -> bool {
    let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.len() < values.len() && known.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq())
}

#[test]
fn quantiles_agree() {
    for column in golden().columns {
        let values = floats(&column.values);
        for case in &column.quantile {
            let QuantileOptions { n_quantiles, output } = case.options;
            let context = format!("{} {n_quantiles} {output:?}", column.name);
            let fitted = quantile::fit(&values, n_quantiles, output).unwrap();
            assert_eq!(case.error, None, "{context}");
            if !fitted.quantiles.is_empty() {
                assert_close(&fitted.quantiles, &case.parameters, 1e-9, &format!("{context} quantiles"));
            }
            // With one quantile scikit-learn maps to 0 even if no value was known; here all becomes missing.
            if !(fitted.quantiles.is_empty() && n_quantiles == 1) {
                check_applied(|column| fitted.apply(column), &values, case, &context);
            }
            assert_survives_json(&fitted);
        }
    }
}

#[test]
fn bins_agree() {
    for column in golden().columns {
        let values = floats(&column.values);
        for case in &column.bins {
            let BinsOptions { n_bins, strategy } = case.options;
            let context = format!("{} {n_bins} {strategy:?}", column.name);
            let fitted = bins::fit(&values, n_bins, strategy);
            if let Some(error) = &case.error {
                assert_eq!(fitted.unwrap_err(), expected_bins_error(error, &values, n_bins), "{context}");
                continue;
            }
            let fitted = fitted.unwrap();
            assert_survives_json(&fitted);
            if case.alternatives.iter().any(|edges| are_close(&fitted.edges, edges)) {
                continue;
            }
            assert_close(&fitted.edges, &case.parameters, 1e-9, &format!("{context} edges"));
            check_applied(|column| fitted.apply(column), &values, case, &context);
        }
    }
}

/// Tells whether two rows of edges agree.
fn are_close(actual: &[f64], expected: &[f64]) -> bool {
    let pairs = || actual.iter().zip(expected);
    actual.len() == expected.len()
        && pairs().all(|(one, other)| (one - other).abs() <= 1e-9 * other.abs().max(1.0))
}

/// Translates an error of scikit-learn.
fn expected_bins_error(error: &str, values: &[f64], n_bins: usize) -> FitError {
    if error.contains("n_clusters") {
        let n_values = values.iter().filter(|value| !value.is_nan()).count();
        FitError::FewerValuesThanBins { n_values, n_bins }
    } else {
        FitError::NoKnownValues
    }
}

/// Compares the columns that a quantile transform or a binning makes.
fn check_applied<Options>(apply: impl Fn(&mut [f64]), values: &[f64], case: &Case<Options>, context: &str) {
    let mut transformed = values.to_vec();
    apply(&mut transformed);
    assert_close(&transformed, &case.fitted, 1e-9, &format!("{context} fitted"));
    let mut new = floats(&case.new);
    apply(&mut new);
    assert_close(&new, case.held_out.as_ref().unwrap(), 1e-9, &format!("{context} held out"));
}
