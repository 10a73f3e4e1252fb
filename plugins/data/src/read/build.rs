//! Typed Arrow columns out of raw cells.

use std::sync::Arc;

use arrow_array::{
    ArrayRef,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder},
};

use super::{
    complaints::{Complaint, Complaints, shown},
    raw::{Form, RawColumn},
    token::{Missing, parse_boolean},
};
use crate::columns::ValueType;

/// Why a cell has no value of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is something else.
    WrongType,
    /// It is infinite or NaN.
    NotFinite,
    /// It is an integer of more than 64 bits.
    TooBig,
    /// It is a list or an object.
    Nested,
}

impl Fault {
    /// The stable code of the failure.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::WrongType | Self::TooBig => "bad_value",
            Self::NotFinite => "not_finite",
            Self::Nested => "nested_column",
        }
    }

    /// What is wrong with a value.
    pub(super) fn text(self, value: &str, wanted: ValueType) -> String {
        let value = shown(value);
        match self {
            Self::WrongType => format!("{value} is not {}", wanted.noun()),
            Self::NotFinite => format!("{value} is not a finite number"),
            Self::TooBig => format!("{value} does not fit a 64-bit integer"),
            Self::Nested => format!("{value} is a list or an object"),
        }
    }
}

/// A column of one chunk on its way to a type.
pub(super) struct Building<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The wanted type.
    pub(super) value_type: ValueType,
    /// The index of its first row in the file.
    pub(super) first_row: usize,
    /// The spellings of a missing value.
    pub(super) missing: &'a Missing,
}

impl Building<'_> {
    /// Builds the Arrow column; cells that have no value of the type become complaints.
    pub(super) fn build(&self, cells: &RawColumn, complaints: &mut Complaints) -> ArrayRef {
        let n = cells.len();
        match self.value_type {
            ValueType::Number => {
                let mut builder = Float64Builder::with_capacity(n);
                self.each(cells, complaints, number, |value| builder.append_option(value));
                Arc::new(builder.finish())
            }
            ValueType::Integer => {
                let mut builder = Int64Builder::with_capacity(n);
                self.each(cells, complaints, integer, |value| builder.append_option(value));
                Arc::new(builder.finish())
            }
            ValueType::Boolean => {
                let mut builder = BooleanBuilder::with_capacity(n);
                self.each(cells, complaints, boolean, |value| builder.append_option(value));
                Arc::new(builder.finish())
            }
            ValueType::Text => {
                let mut builder = StringBuilder::with_capacity(n, 8 * n);
                for (form, cell) in cells.cells() {
                    let missing =
                        form == Form::Absent || (form != Form::Nested && self.missing.matches(cell.trim()));
                    builder.append_option((!missing).then_some(cell));
                }
                Arc::new(builder.finish())
            }
        }
    }

    fn each<V>(
        &self,
        cells: &RawColumn,
        complaints: &mut Complaints,
        parse: impl Fn(&str) -> Result<V, Fault>,
        mut put: impl FnMut(Option<V>),
    ) {
        for (idx, (form, cell)) in cells.cells().enumerate() {
            let trimmed = cell.trim();
            let missing = form == Form::Absent || (form != Form::Nested && self.missing.matches(trimmed));
            let parsed = match form {
                _ if missing => Ok(None),
                Form::Nested => Err(Fault::Nested),
                _ => parse(trimmed).map(Some),
            };
            put(parsed.unwrap_or_else(|fault| {
                complaints.add(|| Complaint {
                    code: fault.code(),
                    row_idx: self.first_row + idx,
                    column: Some(self.name.into()),
                    what: fault.text(cell, self.value_type),
                });
                None
            }));
        }
    }
}

/// Parses a finite number.
pub(super) fn number(cell: &str) -> Result<f64, Fault> {
    let value: f64 = cell.parse().map_err(|_| Fault::WrongType)?;
    if value.is_finite() { Ok(value) } else { Err(Fault::NotFinite) }
}

/// Parses an integer; a decimal spelling of a whole number, such as `3.0`, is one.
pub(super) fn integer(cell: &str) -> Result<i64, Fault> {
    if let Ok(value) = cell.parse() {
        return Ok(value);
    }
    whole(number(cell)?)
}

/// The integer that a number is.
pub(super) fn whole(value: f64) -> Result<i64, Fault> {
    /// Above 2^53 a decimal spelling may already have been rounded.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !value.is_finite() {
        return Err(Fault::NotFinite);
    }
    if value.fract() != 0.0 {
        return Err(Fault::WrongType);
    }
    if value.abs() > EXACT {
        return Err(Fault::TooBig);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    Ok(value as i64)
}

/// Parses a boolean: `true`, `false`, `1` or `0`.
pub(super) fn boolean(cell: &str) -> Result<bool, Fault> {
    match cell {
        "1" => Ok(true),
        "0" => Ok(false),
        word => parse_boolean(word).ok_or(Fault::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_integers_and_fractions_are_not() {
        assert_eq!(integer("3.0"), Ok(3));
        assert_eq!(integer("-12"), Ok(-12));
        assert_eq!(integer("3.5"), Err(Fault::WrongType));
        assert_eq!(integer("99999999999999999999"), Err(Fault::TooBig));
    }

    #[test]
    fn overflow_is_not_finite() {
        assert_eq!(number("1e999"), Err(Fault::NotFinite));
        assert_eq!(number("abc"), Err(Fault::WrongType));
    }
}
