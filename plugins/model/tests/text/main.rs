//! Compares the transforms with golden files and gives them texts that are hard to take.

#![expect(clippy::unwrap_used, reason = "tests")]

mod datetime;
mod hashed;
mod terms;
mod tf_idf;

use serde_json::Value;
use sluicegate_model::text::NamedColumns;

/// The largest difference from a golden number, relative for numbers above one.
const TOLERANCE: f64 = 1e-12;

/// Reads a golden file.
fn golden(name: &str) -> Value {
    let path = format!("{}/tests/text/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The texts of a JSON list, where null is a missing text.
fn texts(value: &Value) -> Vec<Option<&str>> {
    value.as_array().unwrap().iter().map(Value::as_str).collect()
}

/// Asserts that two numbers agree.
fn assert_close(actual: f64, expected: f64, place: &str) {
    let difference = (actual - expected).abs();
    assert!(difference <= TOLERANCE * expected.abs().max(1.0), "{place}: {actual} is not {expected}");
}

/// Asserts that columns have the cells [row, column, value] and zeros elsewhere.
fn assert_cells(columns: &NamedColumns, row_count: usize, cells: &Value, place: &str) {
    let mut expected = vec![vec![0.0; row_count]; columns.len()];
    for cell in cells.as_array().unwrap() {
        let index = |part: usize| usize::try_from(cell[part].as_u64().unwrap()).unwrap();
        expected[index(1)][index(0)] = cell[2].as_f64().unwrap();
    }
    for ((name, values), expected) in columns.iter().zip(&expected) {
        assert_eq!(values.len(), row_count, "{place} {name}");
        for (row, (&actual, &expected)) in values.iter().zip(expected).enumerate() {
            assert_close(actual, expected, &format!("{place} {name} row {row}"));
        }
    }
}

/// Texts that are hard to take, with some of a megabyte.
fn hard_texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["", " ", "\0", "\u{301}", "e\u{301}\u{302}", "🦊", "👩‍👩‍👧", "\u{feff}", "\u{10ffff}", "Σ", "İ"]
            .iter()
            .map(ToString::to_string)
            .collect();
    let units = ["a", "é", "🦊", "Σ\u{301}", "\u{301}", " ", "İ", "a ", "\u{1c}x", "-", "9", "2026-11-29T"];
    texts.extend(units.iter().map(|unit| unit.repeat(1_000_000 / unit.len())));
    texts
}
