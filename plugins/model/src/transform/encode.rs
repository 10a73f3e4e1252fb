//! Texts as numbers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    no_column,
    text::{NamedColumns, error::TextError},
};
use crate::{ColumnData, Frame, MISSING, ModelError, Texts};

/// What to do with a category that training did not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCategory {
    /// Refuse the row.
    #[default]
    Error,
    /// All zeros.
    Ignore,
    /// Count it among the rare ones; all zeros where there are none.
    Rare,
}

/// A text column becomes numbers that belong to its categories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// The column.
    pub column: String,
    /// The categories of the training rows, sorted.
    pub categories: Vec<String>,
    /// The columns that take its place.
    pub outputs: Vec<LookupOutput>,
    /// Whether a category that training did not see refuses the row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuses_unknown: bool,
}

/// One column of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookupOutput {
    /// Its name.
    pub name: String,
    /// A number for each category; NaN for a missing value.
    #[serde(with = "crate::packed")]
    pub values: Vec<f64>,
    /// For a category that training did not see.
    #[serde(with = "super::number")]
    pub unknown: f64,
    /// For a missing text.
    #[serde(with = "super::number")]
    pub missing: f64,
}

impl Lookup {
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        let (at, texts) = take_texts(frame, &self.column)?;
        let numbers = numbers(&texts, &self.categories);
        if self.refuses_unknown {
            refuse_unknown(&self.column, &texts, &numbers)?;
        }
        for (idx, output) in self.outputs.iter().enumerate() {
            let value = |code: &u32| match numbers.get(*code as usize) {
                None => output.missing,
                Some(None) => output.unknown,
                Some(Some(category)) => output.values[*category],
            };
            let values = texts.codes.iter().map(value).collect();
            frame.insert(at + idx, output.name.clone(), ColumnData::Numbers(values))?;
        }
        Ok(())
    }
}

/// Puts columns of numbers in the place of a text column.
pub(super) fn replace_texts(
    frame: &mut Frame,
    column: &str,
    make: impl FnOnce(&[Option<&str>]) -> Result<NamedColumns, TextError>,
) -> Result<(), ModelError> {
    let (at, texts) = take_texts(frame, column)?;
    let rows: Vec<Option<&str>> = (0..texts.codes.len()).map(|row| texts.get(row)).collect();
    let made = make(&rows).map_err(|error| ModelError::Columns(format!("column `{column}`: {error}")))?;
    for (idx, (name, values)) in made.into_iter().enumerate() {
        frame.insert(at + idx, name, ColumnData::Numbers(values))?;
    }
    Ok(())
}

/// Takes a text column out of a frame, with its place.
pub(super) fn take_texts(frame: &mut Frame, name: &str) -> Result<(usize, Texts), ModelError> {
    let at = frame.position(name).ok_or_else(|| no_column(name))?;
    match frame.columns.remove(at) {
        (_, ColumnData::Texts(texts)) => Ok((at, texts)),
        _ => Err(no_column(name)),
    }
}

/// For each different text of a column, the number of its category.
pub(super) fn numbers(texts: &Texts, categories: &[String]) -> Vec<Option<usize>> {
    texts.distinct.iter().map(|text| categories.binary_search(text).ok()).collect()
}

fn refuse_unknown(name: &str, texts: &Texts, numbers: &[Option<usize>]) -> Result<(), ModelError> {
    let Some(code) = numbers.iter().position(Option::is_none) else { return Ok(()) };
    // Texts are numbered by their first rows, so this is the first row of an unknown category.
    let row = texts.codes.iter().position(|own| *own as usize == code).unwrap_or_default();
    let text = &texts.distinct[code];
    let message = format!("column `{name}` has the unknown category `{text}` in row {}", row + 1);
    Err(ModelError::Columns(message))
}

/// The name of the column of a category.
fn category_column(column: &str, category: &str) -> String {
    format!("{column}={category}")
}

/// The name of the column of all rare categories.
#[must_use]
pub fn rare_column(column: &str) -> String {
    format!("{column} is rare")
}

pub(super) fn one_hot(
    frame: &mut Frame,
    name: &str,
    categories: &[String],
    rare: &[String],
    unknown: UnknownCategory,
) -> Result<(), ModelError> {
    let (at, texts) = take_texts(frame, name)?;
    let mut places: HashMap<&str, usize> =
        categories.iter().enumerate().map(|(at, category)| (category.as_str(), at)).collect();
    let of_rare = (!rare.is_empty()).then_some(categories.len());
    places.extend(rare.iter().map(|category| (category.as_str(), categories.len())));
    let numbers: Vec<Option<usize>> =
        texts.distinct.iter().map(|text| places.get(text.as_str()).copied()).collect();
    if unknown == UnknownCategory::Error {
        refuse_unknown(name, &texts, &numbers)?;
    }
    let of_unknown = if unknown == UnknownCategory::Rare { of_rare } else { None };
    let mut encoded = vec![vec![false; texts.codes.len()]; categories.len() + usize::from(!rare.is_empty())];
    for (row, code) in texts.codes.iter().enumerate().filter(|(_, code)| **code != MISSING) {
        if let Some(category) = numbers[*code as usize].or(of_unknown) {
            encoded[category][row] = true;
        }
    }
    let names = categories.iter().map(|category| category_column(name, category));
    for (idx, (name, values)) in names.chain([rare_column(name)]).zip(encoded).enumerate() {
        frame.insert(at + idx, name, ColumnData::Flags(values))?;
    }
    Ok(())
}

/// The name of the column of a bin, from 0.
fn bin_column(column: &str, bin: usize) -> String {
    format!("{column} in bin {bin}")
}

/// Puts a column of zeros and ones for each bin in the place of the bins' numbers; all zeros for a missing value.
pub(super) fn part_bins(frame: &mut Frame, name: &str, n_bins: usize) -> Result<(), ModelError> {
    let at = frame.position(name).ok_or_else(|| no_column(name))?;
    let (_, ColumnData::Numbers(numbers)) = frame.columns.remove(at) else { return Err(no_column(name)) };
    for bin in 0..n_bins {
        // Numbers of bins are whole.
        let flags = numbers.iter().map(|number| (number - bin as f64).abs() < 0.5).collect();
        frame.insert(at + bin, bin_column(name, bin), ColumnData::Flags(flags))?;
    }
    Ok(())
}

pub(super) fn codes(frame: &mut Frame, name: &str, categories: &[String]) -> Result<(), ModelError> {
    let (at, texts) = take_texts(frame, name)?;
    let numbers = numbers(&texts, categories);
    let number = |code: &u32| numbers.get(*code as usize).copied().flatten().map_or(f64::NAN, |n| n as f64);
    let values = texts.codes.iter().map(number).collect();
    frame.insert(at, name.to_owned(), ColumnData::Numbers(values))
}
