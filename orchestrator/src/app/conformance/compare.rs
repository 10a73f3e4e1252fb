//! What a kind wrote against what a case expects.

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::DataType;
use serde_json::{Value, json};
use sluicegate_plugin::Table;

/// How far numbers may be apart, relative to the greater one.
const TOLERANCE: f64 = 1e-9;

/// What differs between two tables, the first difference.
pub(super) fn tables(found: &Table, wanted: &Table) -> Result<(), String> {
    let names = |table: &Table| table.columns().into_iter().map(|column| column.name).collect::<Vec<_>>();
    // TOML has no order of keys; that of columns is not compared.
    let (mut has, mut wants) = (names(found), names(wanted));
    has.sort();
    wants.sort();
    if has != wants {
        return Err(format!("it has the columns {has:?}, expected {wants:?}"));
    }
    if found.n_rows() != wanted.n_rows() {
        return Err(format!("it has {} rows, expected {}", found.n_rows(), wanted.n_rows()));
    }
    let batch = |table: &Table| table.to_batch().map_err(|error| error.to_string());
    let (found, wanted) = (batch(found)?, batch(wanted)?);
    for name in wants {
        let (Some(has), Some(wants)) = (found.column_by_name(&name), wanted.column_by_name(&name)) else {
            continue;
        };
        for row_idx in 0..wanted.num_rows() {
            let (has, wants) = (cell(has, row_idx), cell(wants, row_idx));
            if !values(&has, &wants) {
                return Err(format!("row {row_idx} of column `{name}` is {has}, expected {wants}"));
            }
        }
    }
    Ok(())
}

/// Tells whether two documents are equal but for rounding.
pub(super) fn values(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1e-300),
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| values(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| values(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A cell as JSON, for the types that a case can write; any other type by its name.
fn cell(column: &ArrayRef, row_idx: usize) -> Value {
    if column.is_null(row_idx) {
        return json!("<missing>");
    }
    let any = column.as_any();
    match column.data_type() {
        DataType::Float64 => any.downcast_ref::<Float64Array>().map(|column| number(column.value(row_idx))),
        DataType::Float32 => {
            any.downcast_ref::<Float32Array>().map(|column| number(column.value(row_idx).into()))
        }
        DataType::Int64 => Some(json!(column.as_primitive::<Int64Type>().value(row_idx))),
        DataType::Utf8 => any.downcast_ref::<StringArray>().map(|column| json!(column.value(row_idx))),
        DataType::Boolean => any.downcast_ref::<BooleanArray>().map(|column| json!(column.value(row_idx))),
        _ => None,
    }
    .unwrap_or_else(|| json!(format!("<{}>", column.data_type())))
}

/// JSON has no NaN.
fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(format!("<{value}>")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::conformance::case::Given;

    fn table(columns: Value) -> Table {
        match Given::parse(&columns) {
            Ok(Given::Table(table)) => table,
            _ => panic!("columns are a table"),
        }
    }

    #[test]
    fn the_first_difference_is_told_and_rounding_is_none() {
        let wanted = table(json!({ "x": [1.0, 0.3], "s": ["a", "<missing>"] }));
        let near = table(json!({ "s": ["a", "<missing>"], "x": [1.0, 0.1 + 0.2] }));
        assert_eq!(tables(&near, &wanted), Ok(()));
        let other = table(json!({ "x": [1.0, 0.4], "s": ["a", "<missing>"] }));
        assert_eq!(tables(&other, &wanted).unwrap_err(), "row 1 of column `x` is 0.4, expected 0.3");
        let short = table(json!({ "x": [1.0], "s": ["a"] }));
        assert_eq!(tables(&short, &wanted).unwrap_err(), "it has 1 rows, expected 2");
        assert!(tables(&table(json!({ "y": [1.0] })), &wanted).unwrap_err().contains("[\"s\", \"x\"]"));
    }
}
