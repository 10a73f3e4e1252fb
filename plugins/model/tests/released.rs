//! A bundle of every released kind and format loads, and predicts what it predicted when it was made.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use serde_json::{Map, Value};
use sluicegate_model::Bundle;

#[test]
fn every_released_bundle_predicts_what_it_predicted_when_it_was_made() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released");
    let mut n_bundles = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "model") {
            continue;
        }
        let bundle = Bundle::load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected: Value =
            serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let rows: Vec<Map<String, Value>> = serde_json::from_value(expected["rows"].clone()).unwrap();
        let predicted = bundle.predict_rows(&rows).unwrap_or_else(|problems| panic!("{problems:?}"));
        let predicted = Value::from(predicted.to_json_rows());
        assert!(is_close(&predicted, &expected["predictions"]), "{}: {predicted}", path.display());
        n_bundles += 1;
    }
    assert!(n_bundles >= 15, "{n_bundles} bundles");
}

/// Equal, but for what a mathematical library of another version may round otherwise.
fn is_close(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-12 * other.abs().max(1.0)
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(one, other)| is_close(one, other))
        }
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len()
                && found.iter().all(|(key, one)| expected.get(key).is_some_and(|other| is_close(one, other)))
        }
        (found, expected) => found == expected,
    }
}
