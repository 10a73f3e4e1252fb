//! The input `predictions`: what a foreign model said of each row, in the layout of evaluate's own output.

use arrow_schema::DataType;
use sluicegate_model::{Label, Output, Predictions};
use sluicegate_plugin::{Table, TaskError};

use super::{TaskName, Truth};
use crate::dataset;

/// Before the class in a column's name.
const PROBABILITY: &str = "probability_";

/// By how much probabilities of a row may miss 1; libraries that compute in 32 bits miss it by some millionths.
const TOLERANCE: f64 = 1e-3;

/// Where the columns are, and what they hold.
pub(super) struct ForeignOptions<'a> {
    pub(super) truth: &'a str,
    pub(super) prediction: &'a str,
    pub(super) task: Option<TaskName>,
}

/// Reads truth and predictions.
pub(super) fn read(table: &Table, options: &ForeignOptions<'_>) -> Result<(Truth, Predictions), TaskError> {
    match options.task.unwrap_or_else(|| guess(table, options)) {
        TaskName::Regression => {
            let truth = Truth::Numbers(dataset::numbers(table, options.truth)?);
            let output = Output::Values(dataset::numbers(table, options.prediction)?);
            Ok((truth, Predictions { output, classes: Vec::new(), probabilities: None, scores: None }))
        }
        TaskName::Classification => classes(table, options),
    }
}

/// Fractions are predicted by a regression, unless there are probabilities.
fn guess(table: &Table, options: &ForeignOptions<'_>) -> TaskName {
    let is_float = |name: &str| {
        table.schema().field_with_name(name).is_ok_and(|field| *field.data_type() == DataType::Float64)
    };
    let speaks_of_classes = |name: &String| name.starts_with(PROBABILITY) || name == "score";
    if (is_float(options.truth) || is_float(options.prediction))
        && !table.schema().fields().iter().any(|field| speaks_of_classes(field.name()))
    {
        TaskName::Regression
    } else {
        TaskName::Classification
    }
}

fn classes(table: &Table, options: &ForeignOptions<'_>) -> Result<(Truth, Predictions), TaskError> {
    let truth = dataset::labels(table, options.truth)?;
    let predicted = dataset::labels(table, options.prediction)?;
    if let (Some(one), Some(other)) = (truth.first(), predicted.first())
        && std::mem::discriminant(one) != std::mem::discriminant(other)
    {
        let message = format!(
            "column `{}` holds {} and column `{}` holds {}; classes must be of one type",
            options.truth,
            words(one),
            options.prediction,
            words(other)
        );
        return Err(bad(message).hint("write both columns with the same type"));
    }
    let named = probability_columns(table, truth.first())?;
    let known: Vec<Label> = if named.is_empty() {
        let mut all: Vec<Label> = truth.iter().chain(&predicted).cloned().collect();
        all.sort();
        all.dedup();
        all
    } else {
        named.iter().map(|(label, _)| label.clone()).collect()
    };
    let indices = predicted
        .iter()
        .enumerate()
        .map(|(row, label)| {
            known.binary_search(label).map_err(|_| {
                let row = row + 1;
                bad(format!(
                    "row {row} is predicted as `{label}`, but there is no column `{PROBABILITY}{label}`"
                ))
                .hint("write a probability for every class, or for none")
            })
        })
        .collect::<Result<_, _>>()?;
    let probabilities = if named.is_empty() { None } else { Some(probabilities(table, &named)?) };
    let scores = if probabilities.is_none() && table.schema().column_with_name("score").is_some() {
        Some(dataset::numbers(table, "score")?)
    } else {
        None
    };
    let predictions = Predictions { output: Output::Classes(indices), classes: known, probabilities, scores };
    Ok((Truth::Labels(truth), predictions))
}

/// The classes that have a column of probabilities, in their order.
fn probability_columns(table: &Table, example: Option<&Label>) -> Result<Vec<(Label, String)>, TaskError> {
    let mut found = Vec::new();
    for field in table.schema().fields() {
        let Some(class) = field.name().strip_prefix(PROBABILITY) else { continue };
        let label = match example {
            Some(Label::Integer(_)) => class.parse().ok().map(Label::Integer),
            // Python writes them with a capital.
            Some(Label::Boolean(_)) => class.to_lowercase().parse().ok().map(Label::Boolean),
            _ => Some(Label::Text(class.into())),
        };
        let Some(label) = label else {
            let wanted = example.map_or("texts", words);
            return Err(bad(format!(
                "column `{}` names the class `{class}`, but classes are {wanted}",
                field.name()
            )));
        };
        if let Some((_, other)) = found.iter().find(|(known, _)| *known == label) {
            return Err(bad(format!("columns `{other}` and `{}` are of the same class", field.name())));
        }
        found.push((label, field.name().clone()));
    }
    found.sort();
    if let [(_, only)] = found.as_slice() {
        return Err(bad(format!("column `{only}` is the only one with probabilities"))
            .hint("write a probability for every class, or one column `score`"));
    }
    Ok(found)
}

fn probabilities(table: &Table, named: &[(Label, String)]) -> Result<Vec<f64>, TaskError> {
    let columns =
        named.iter().map(|(_, name)| dataset::numbers(table, name)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::with_capacity(table.n_rows() * named.len());
    for row in 0..table.n_rows() {
        let mut sum = 0.0;
        for (column, (_, name)) in columns.iter().zip(named) {
            let value = column[row];
            if !(0.0..=1.0).contains(&value) {
                let row = row + 1;
                return Err(bad(format!(
                    "column `{name}` has {value} in row {row}, which is no probability"
                )));
            }
            sum += value;
            rows.push(value);
        }
        if (sum - 1.0).abs() > TOLERANCE {
            let row = row + 1;
            return Err(bad(format!("the probabilities of row {row} add up to {sum:.4} instead of 1"))
                .hint("write a probability for every class"));
        }
    }
    Ok(rows)
}

/// Makes sure that a table holds the rows that the predictions are of: as many, and the same target.
pub(super) fn verify_rows(table: &Table, target: &str, truth: &Truth) -> Result<(), TaskError> {
    let n_told = match truth {
        Truth::Labels(labels) => labels.len(),
        Truth::Numbers(numbers) => numbers.len(),
    };
    let other = |message: String| {
        TaskError::permanent("other_rows", message)
            .hint("connect the table that was predicted, with its rows in the same order")
    };
    if table.n_rows() != n_told {
        return Err(other(format!("`table` has {} rows, but `predictions` has {n_told}", table.n_rows())));
    }
    if target.is_empty() {
        return Ok(());
    }
    let differs = match truth {
        Truth::Labels(told) => {
            dataset::labels(table, target)?.iter().zip(told).position(|(one, other)| one != other)
        }
        Truth::Numbers(told) =>
        {
            #[expect(clippy::float_cmp, reason = "equal rows have the very same numbers")]
            dataset::numbers(table, target)?.iter().zip(told).position(|(one, other)| one != other)
        }
    };
    match differs {
        None => Ok(()),
        Some(row) => {
            let row = row + 1;
            Err(other(format!("row {row} of `table` has another `{target}` than row {row} of `predictions`")))
        }
    }
}

fn words(label: &Label) -> &'static str {
    match label {
        Label::Boolean(_) => "truths",
        Label::Integer(_) => "whole numbers",
        Label::Text(_) => "texts",
    }
}

fn bad(message: String) -> TaskError {
    TaskError::permanent("bad_predictions", message)
}
