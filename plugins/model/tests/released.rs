//! A bundle of every released kind and format loads, and predicts what it predicted when it was made.

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
        assert_eq!(Value::from(predicted.to_json_rows()), expected["predictions"], "{}", path.display());
        n_bundles += 1;
    }
    assert!(n_bundles >= 3, "{n_bundles} bundles");
}
