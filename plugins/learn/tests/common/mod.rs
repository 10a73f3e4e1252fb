//! Data sets and golden numbers, for several tests.
#![allow(dead_code, reason = "each test uses its part")]

use std::{path::PathBuf, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use serde_json::Value;
use sluicegate_plugin::Table;

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join("tests/fixtures").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A data set as columns of text, the target last.
pub(crate) struct Data {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Data {
    pub(crate) fn load(dataset: &str) -> Self {
        let examples = folder().join("../../workflows/data");
        let path = match dataset {
            "breast_cancer" => examples.join("breast-cancer.csv"),
            "wine" => folder().join("tests/fixtures/wine.csv"),
            name => examples.join(format!("{name}.csv")),
        };
        let mut reader = csv::Reader::from_path(path).unwrap();
        let names = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        Self { names, rows }
    }

    pub(crate) fn target(&self) -> &str {
        self.names.last().unwrap()
    }

    /// The target's classes in the fixtures' order, which is that of the names.
    pub(crate) fn classes(&self) -> Vec<String> {
        let mut found: Vec<_> = self.rows.iter().map(|row| row.last().unwrap().clone()).collect();
        found.sort();
        found.dedup();
        if found == ["benign", "malignant"] {
            found.reverse();
        }
        found
    }

    pub(crate) fn table(&self, row_idxs: &[usize]) -> Table {
        let columns = (0..self.names.len()).map(|column| {
            let cells = || row_idxs.iter().map(move |row| self.rows[*row][column].as_str());
            let numbers: Option<Vec<f64>> = cells().map(|cell| cell.parse().ok()).collect();
            let array: ArrayRef = match numbers {
                Some(numbers) => Arc::new(Float64Array::from(numbers)),
                None => Arc::new(StringArray::from_iter_values(cells())),
            };
            (self.names[column].clone(), array)
        });
        Table::from_batch(RecordBatch::try_from_iter(columns).unwrap())
    }
}

pub(crate) fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|row| usize::try_from(row.as_u64().unwrap()).unwrap()).collect()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// A prediction as the data file writes it.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Pseudo-random numbers from 0 to 1.
pub(crate) fn uniform(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

/// The same table with a column of the words true and false as truths.
pub(crate) fn with_truths(table: &Table, name: &str) -> Table {
    let batch = table.to_batch().unwrap();
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let truths = column.as_any().downcast_ref::<StringArray>().filter(|_| field.name() == name);
        let column: ArrayRef = match truths {
            Some(words) => {
                Arc::new(words.iter().map(|word| word.map(|word| word == "true")).collect::<BooleanArray>())
            }
            None => column.clone(),
        };
        (field.name().clone(), column)
    });
    Table::from_batch(RecordBatch::try_from_iter(columns.collect::<Vec<_>>()).unwrap())
}
