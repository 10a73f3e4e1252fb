//! Compares with scikit-learn 1.9.1, numpy and scipy; `golden.py` writes the expected values.

use serde_json::Value;

use super::super::{
    correlated, decompose,
    pca::{self, Components, Pca},
    scores::{self, Score},
    special,
    svd::{self, TruncatedSvd},
    variance,
};

/// Reads the expected values.
fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/features.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Reads a number; null is NaN.
fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    }
}

/// Reads a list of numbers.
fn vector(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Reads a list of lists of numbers.
fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(vector).collect()
}

/// Reads a list of counts.
fn whole(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|entry| usize::try_from(entry.as_u64().unwrap()).unwrap()).collect()
}

/// Reads a list of truth values.
fn flags(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|entry| entry.as_bool().unwrap()).collect()
}

/// Borrows columns.
fn views(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// Lists the cases of a kind.
fn cases<'a>(golden: &'a Value, kind: &str) -> &'a [Value] {
    golden[kind].as_array().unwrap()
}

/// Asserts that two numbers agree to a share of the larger of `scale` and the expected one.
fn close(found: f64, expected: f64, scale: f64, tolerance: f64, place: &str) {
    let same = (found.is_nan() && expected.is_nan())
        || found.total_cmp(&expected).is_eq()
        || (found - expected).abs() <= tolerance * scale.max(expected.abs());
    assert!(same, "{place}: found {found:e}, expected {expected:e}");
}

/// Asserts that two vectors agree relative to the largest expected entry.
fn close_vectors(found: &[f64], expected: &[f64], tolerance: f64, place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    let scale = expected.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    for (one, other) in found.iter().zip(expected) {
        close(*one, *other, scale, tolerance, place);
    }
}

/// Asserts that lists of vectors agree.
fn close_matrices(found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64, place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    for (one, other) in found.iter().zip(expected) {
        close_vectors(one, other, tolerance, place);
    }
}

/// Asserts that scores and p-values agree; p-values below 1e-12 need only be below it too.
fn close_scores(found: &[Score], case: &Value, place: &str) {
    let (scores, chances) = (vector(&case["scores"]), vector(&case["p"]));
    assert_eq!(found.len(), scores.len());
    for (column, score) in found.iter().enumerate() {
        let place = format!("{place} {} column {column}", case["name"]);
        close(score.score.unwrap_or(f64::NAN), scores[column], 1e-12, 1e-9, &place);
        let (chance, expected) = (score.p_value.unwrap_or(f64::NAN), chances[column]);
        if expected < 1e-12 {
            assert!((0.0..1.1e-12).contains(&chance), "{place}: p {chance:e}");
        } else {
            close(chance, expected, 0.0, 1e-9, &place);
        }
    }
}

/// Singular values to 1e-10 and vectors to 1e-9 of those of numpy.
#[test]
fn decompositions() {
    let golden = golden();
    for case in cases(&golden, "decompose") {
        let name = case["name"].as_str().unwrap();
        let columns = matrix(&golden["matrices"][name]);
        let found = decompose::thin_svd(&views(&columns)).unwrap();
        let expected = vector(&case["values"]);
        assert_eq!(found.values.len(), expected.len());
        assert_eq!(decompose::right_svd(&views(&columns)).unwrap().values, found.values);
        for (rank, value) in found.values.iter().enumerate() {
            close(*value, expected[rank], 0.0, 1e-10, name);
            let (left, right) = (vector(&case["left"][rank]), vector(&case["right"][rank]));
            let product: f64 = right.iter().zip(&found.right[rank]).map(|(one, other)| one * other).sum();
            let turned =
                |entries: &[f64]| entries.iter().map(|entry| entry * product.signum()).collect::<Vec<f64>>();
            close_vectors(&turned(&found.left[rank]), &left, 1e-9, name);
            close_vectors(&turned(&found.right[rank]), &right, 1e-9, name);
        }
    }
}

/// Every field and the projection of fresh rows agree, and the fit survives JSON.
#[test]
fn principal_components() {
    let golden = golden();
    for case in cases(&golden, "pca") {
        let place = format!("{} {}", case["name"], case["asked"]);
        let columns = matrix(&golden["matrices"][case["name"].as_str().unwrap()]);
        let components = match case["asked"].as_u64() {
            Some(count) => Components::Count(usize::try_from(count).unwrap()),
            None => Components::Share(number(&case["asked"])),
        };
        let whiten = case["whiten"].as_bool().unwrap();
        let fitted = Pca { components, whiten }.fit(&views(&columns)).unwrap();
        close_vectors(&fitted.mean, &vector(&case["mean"]), 1e-9, &place);
        close_matrices(&fitted.components, &matrix(&case["components"]), 1e-9, &place);
        close_vectors(&fitted.explained_variance, &vector(&case["variance"]), 1e-9, &place);
        close_vectors(&fitted.explained_variance_ratio, &vector(&case["ratio"]), 1e-9, &place);
        close_vectors(&fitted.singular_values, &vector(&case["values"]), 1e-9, &place);
        let projected = fitted.apply(&views(&matrix(&case["fresh"])));
        close_matrices(&projected, &matrix(&case["projected"]), 1e-9, &place);
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<pca::Fitted>(&text).unwrap(), fitted);
    }
}

/// Every field and the projection of fresh rows agree, and the fit survives JSON.
#[test]
fn truncated_decompositions() {
    let golden = golden();
    for case in cases(&golden, "svd") {
        let place = format!("{} {}", case["name"], case["asked"]);
        let columns = matrix(&golden["matrices"][case["name"].as_str().unwrap()]);
        let components = usize::try_from(case["asked"].as_u64().unwrap()).unwrap();
        let fitted = TruncatedSvd { components }.fit(&views(&columns)).unwrap();
        close_matrices(&fitted.components, &matrix(&case["components"]), 1e-9, &place);
        close_vectors(&fitted.explained_variance, &vector(&case["variance"]), 1e-9, &place);
        close_vectors(&fitted.explained_variance_ratio, &vector(&case["ratio"]), 1e-9, &place);
        close_vectors(&fitted.singular_values, &vector(&case["values"]), 1e-9, &place);
        let projected = fitted.apply(&views(&matrix(&case["fresh"])));
        close_matrices(&projected, &matrix(&case["projected"]), 1e-9, &place);
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<svd::Fitted>(&text).unwrap(), fitted);
    }
}

/// F statistics and p-values of classes agree.
#[test]
fn analyses_of_variance() {
    for case in cases(&golden(), "f_classif") {
        let columns = matrix(&case["columns"]);
        let found = scores::f_classif(&views(&columns), &whole(&case["classes"])).unwrap();
        close_scores(&found, case, "f_classif");
    }
}

/// Chi-squared statistics and p-values agree.
#[test]
fn chi_squared_scores() {
    for case in cases(&golden(), "chi2") {
        let columns = matrix(&case["columns"]);
        let found = scores::chi2(&views(&columns), &whole(&case["classes"])).unwrap();
        close_scores(&found, case, "chi2");
    }
}

/// F statistics and p-values of regressions agree.
#[test]
fn regressions() {
    for case in cases(&golden(), "f_regression") {
        let columns = matrix(&case["columns"]);
        let found = scores::f_regression(&views(&columns), &vector(&case["target"])).unwrap();
        close_scores(&found, case, "f_regression");
    }
}

/// Asserts that scores averaged over 40 seeds agree to 1e-6.
///
/// In columns marked as loose the noise orders ties, so averages differ by chance, the more the fewer rows.
fn close_informations(case: &Value, rows: usize, score: impl Fn(u64) -> Vec<Score>) {
    let (expected, loose) = (vector(&case["scores"]), flags(&case["loose"]));
    let draws: Vec<Vec<Score>> = (0..40).map(score).collect();
    for (column, value) in expected.iter().enumerate() {
        let average = draws.iter().map(|draw| draw[column].score.unwrap()).sum::<f64>() / 40.0;
        let tolerance = if loose[column] { 0.3 / (rows as f64).sqrt() } else { 1e-6 };
        close(average, *value, 1.0, tolerance, &format!("{} column {column}", case["name"]));
        assert!(draws[0][column].p_value.is_none());
    }
}

/// Mutual information with classes agrees.
#[test]
fn informations_about_classes() {
    for case in cases(&golden(), "mutual_classif") {
        let (columns, classes) = (matrix(&case["columns"]), whole(&case["classes"]));
        let discrete = flags(&case["discrete"]);
        let score = |seed| scores::mutual_info_classif(&views(&columns), &discrete, &classes, seed).unwrap();
        assert_eq!(score(3), score(3));
        close_informations(case, columns[0].len(), score);
    }
}

/// Mutual information with measured targets agrees.
#[test]
fn informations_about_measured_targets() {
    for case in cases(&golden(), "mutual_regression") {
        let (columns, target) = (matrix(&case["columns"]), vector(&case["target"]));
        let discrete = flags(&case["discrete"]);
        let score =
            |seed| scores::mutual_info_regression(&views(&columns), &discrete, &target, seed).unwrap();
        assert_eq!(score(3), score(3));
        close_informations(case, columns[0].len(), score);
    }
}

/// The same columns are dropped as by the table of numpy.
#[test]
fn correlated_columns() {
    for case in cases(&golden(), "correlated") {
        let columns = matrix(&case["columns"]);
        for (index, bound) in vector(&case["bounds"]).into_iter().enumerate() {
            let found = correlated::correlated(&views(&columns), bound).unwrap();
            assert_eq!(found, whole(&case["dropped"][index]), "bound {bound}");
        }
    }
}

/// The same columns are dropped, and variances agree.
#[test]
fn low_variances() {
    for case in cases(&golden(), "variance") {
        let columns = matrix(&case["columns"]);
        let found = variance::low_variance(&views(&columns), number(&case["threshold"])).unwrap();
        assert_eq!(found, whole(&case["dropped"]), "threshold {}", case["threshold"]);
        let variances = variance::variances(&views(&columns)).unwrap();
        for (one, other) in variances.iter().zip(vector(&case["variances"])) {
            close(*one, other, 1e-3, 1e-9, "variance");
        }
    }
}

/// Tail probabilities agree with those of scipy down to 1e-11.
#[test]
fn tails() {
    let golden = golden();
    for case in matrix(&golden["tails"]["f"]) {
        close(special::f_survival(case[0], case[1], case[2]), case[3], 0.0, 1e-9, &format!("F {case:?}"));
    }
    for case in matrix(&golden["tails"]["chi"]) {
        close(special::chi_squared_survival(case[0], case[1]), case[2], 0.0, 1e-9, &format!("chi {case:?}"));
    }
}
