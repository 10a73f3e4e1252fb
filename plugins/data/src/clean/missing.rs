//! The rules about text and missing values: `trim`, `missing`, `fill_missing`, `drop_missing`.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, cast::AsArray, types::Int64Type,
};
use sluicegate_plugin::{ColumnType, TaskError};

use super::{
    columns::{has_room_for, is_numeric},
    frame::Frame,
    params::{Fill, Params, Scalar},
    stats,
    tally::{ColumnTally, Rule, RuleTally},
};
use crate::columns::Columns;

/// Takes white space off the ends of text; what is then empty becomes missing.
pub(super) fn trim(frame: &mut Frame, columns: &Columns) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::Trim);
    for idx in frame.select(columns, |column_type| *column_type == ColumnType::Text)? {
        let text = as_text(frame, idx)?;
        let trimmed =
            |value: &str| Some(value.trim()).filter(|value| !value.is_empty()).map(ToOwned::to_owned);
        let n = text.iter().flatten().filter(|value| trimmed(value).as_deref() != Some(*value)).count();
        if n > 0 {
            let values: StringArray = text.iter().map(|value| value.and_then(trimmed)).collect();
            frame.replace(idx, Arc::new(values));
            tally.changed(frame.name(idx), ColumnTally { n, ..ColumnTally::default() });
        }
    }
    Ok(tally)
}

/// Reads some spellings in text columns as missing.
pub(super) fn spellings(frame: &mut Frame, spellings: &[String]) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::Missing);
    for idx in frame.select(&Columns::All, |column_type| *column_type == ColumnType::Text)? {
        let text = as_text(frame, idx)?;
        let is_missing = |value: &str| spellings.iter().any(|spelling| spelling == value);
        let n = text.iter().flatten().filter(|value| is_missing(value)).count();
        if n > 0 {
            let values: StringArray =
                text.iter().map(|value| value.filter(|value| !is_missing(value))).collect();
            frame.replace(idx, Arc::new(values));
            tally.changed(frame.name(idx), ColumnTally { n, ..ColumnTally::default() });
        }
    }
    Ok(tally)
}

/// Puts values in place of missing ones.
pub(super) fn fill(frame: &mut Frame, params: &Params) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::FillMissing);
    for idx in 0..frame.described().len() {
        let name = frame.name(idx).to_owned();
        let for_all = || params.fill_missing.get("*").filter(|fill| applies(fill, &frame.column_type(idx)));
        let Some(fill) = params.fill_missing.get(&name).or_else(for_all) else {
            continue;
        };
        let n = frame.column(idx).null_count();
        if n == 0 {
            continue;
        }
        let filled_with = match fill {
            Fill::Constant(constant) => constant.clone(),
            Fill::Mode => mode(frame, idx)?,
            Fill::Mean => Scalar::Number(
                stats::mean(&frame.present_numbers(idx)?).ok_or_else(|| all_missing(&name, "mean"))?,
            ),
            Fill::Median => Scalar::Number(
                stats::median(&stats::sorted(frame.present_numbers(idx)?))
                    .ok_or_else(|| all_missing(&name, "median"))?,
            ),
        };
        put(frame, idx, &filled_with)?;
        tally.changed(
            &name,
            ColumnTally { n, filled_with: Some(filled_with.to_string()), ..ColumnTally::default() },
        );
    }
    Ok(tally)
}

/// Removes rows with missing values.
pub(super) fn drop_missing(frame: &mut Frame, columns: &Columns) -> Result<RuleTally, TaskError> {
    let mut tally = RuleTally::new(Rule::DropMissing);
    let chosen = frame.select(columns, |_| true)?;
    let empty: Vec<_> = chosen
        .iter()
        .filter(|idx| frame.column(**idx).null_count() == frame.n_rows())
        .map(|idx| frame.name(*idx))
        .collect();
    if !empty.is_empty() {
        let what = format!(
            "all values are missing in {} {}, so that `drop_missing` would remove every row",
            if empty.len() == 1 { "column" } else { "columns" },
            crate::columns::quoted_list(empty.iter().copied()),
        );
        return Err(TaskError::permanent("all_missing", what).hint(
            "name the other columns in `drop_missing`, or leave the column out with `columns` of `data.read`",
        ));
    }
    for idx in chosen {
        let column = frame.column(idx).clone();
        let gone: Vec<usize> = (0..frame.n_rows()).filter(|row_idx| column.is_null(*row_idx)).collect();
        for row_idx in &gone {
            frame.keep[*row_idx] = false;
        }
        if !gone.is_empty() {
            tally.found(frame.name(idx), ColumnTally { n: gone.len(), ..ColumnTally::default() });
        }
    }
    Ok(tally)
}

/// Tells whether the fill of `"*"` is for a column.
fn applies(fill: &Fill, column_type: &ColumnType) -> bool {
    match fill {
        Fill::Mean | Fill::Median => is_numeric(column_type),
        Fill::Mode => true,
        Fill::Constant(constant) => has_room_for(column_type, constant),
    }
}

fn all_missing(name: &str, fill: &str) -> TaskError {
    TaskError::permanent(
        "all_missing",
        format!("all values of column `{name}` are missing, so that it has no {fill}"),
    )
    .hint("fill it with a constant, or leave the column out with `columns` of `data.read`")
}

/// The most frequent value; of several the smallest.
fn mode(frame: &Frame, idx: usize) -> Result<Scalar, TaskError> {
    let column = frame.column(idx);
    let found = match frame.column_type(idx) {
        ColumnType::Number => {
            let bits = frame.present_numbers(idx)?.into_iter().map(|value| OrderedNumber(value + 0.0));
            most_frequent(bits).map(|number| Scalar::Number(number.0))
        }
        ColumnType::Integer => {
            most_frequent(column.as_primitive::<Int64Type>().iter().flatten()).map(Scalar::Integer)
        }
        ColumnType::Boolean => most_frequent(column.as_boolean().iter().flatten()).map(Scalar::Boolean),
        _ => most_frequent(as_text(frame, idx)?.iter().flatten()).map(|text| Scalar::Text(text.into())),
    };
    found.ok_or_else(|| all_missing(frame.name(idx), "mode"))
}

/// A finite number, ordered and hashed by its value.
#[derive(Clone, Copy)]
struct OrderedNumber(f64);

impl PartialEq for OrderedNumber {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OrderedNumber {}

impl PartialOrd for OrderedNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for OrderedNumber {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

fn most_frequent<V: Ord + std::hash::Hash>(values: impl Iterator<Item = V>) -> Option<V> {
    let mut counts: HashMap<V, usize> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a))).map(|(value, _)| value)
}

/// Puts one value in all missing places of a column.
fn put(frame: &mut Frame, idx: usize, value: &Scalar) -> Result<(), TaskError> {
    let column = frame.column(idx).clone();
    let filled: ArrayRef = match (frame.column_type(idx), value) {
        (ColumnType::Integer, Scalar::Integer(value)) => {
            let integers = column.as_primitive::<Int64Type>();
            Arc::new(integers.iter().map(|old| Some(old.unwrap_or(*value))).collect::<Int64Array>())
        }
        (ColumnType::Number, Scalar::Integer(value)) => with_number(frame, idx, *value as f64),
        (ColumnType::Number | ColumnType::Integer, Scalar::Number(value)) => with_number(frame, idx, *value),
        (ColumnType::Text, Scalar::Text(value)) => {
            let text = column.as_string::<i32>();
            Arc::new(text.iter().map(|old| Some(old.unwrap_or(value))).collect::<StringArray>())
        }
        (ColumnType::Boolean, Scalar::Boolean(value)) => {
            let booleans = column.as_boolean();
            Arc::new(booleans.iter().map(|old| Some(old.unwrap_or(*value))).collect::<BooleanArray>())
        }
        (column_type, value) => {
            let word = crate::columns::type_word(&column_type);
            let what = format!("column `{}` is of the type {word} and cannot hold {value}", frame.name(idx));
            return Err(TaskError::permanent("wrong_type", what));
        }
    };
    frame.replace(idx, filled);
    Ok(())
}

/// A column of numbers with its missing places filled; integers become numbers, whatever the value is.
fn with_number(frame: &Frame, idx: usize, value: f64) -> ArrayRef {
    let filled = frame.numbers(idx).into_iter().map(|old| Some(old.unwrap_or(value)));
    Arc::new(filled.collect::<Float64Array>())
}

fn as_text(frame: &Frame, idx: usize) -> Result<StringArray, TaskError> {
    frame.column(idx).as_string_opt::<i32>().cloned().ok_or_else(|| {
        TaskError::permanent("wrong_type", format!("column `{}` is not text", frame.name(idx)))
    })
}
