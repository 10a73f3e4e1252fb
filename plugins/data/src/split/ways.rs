//! Splits by the values of a column: of each class its share, by groups, or by time.

use std::collections::HashMap;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sluicegate_plugin::{Problem, TaskError};

use super::sizes;
use crate::{
    columns::fail_on,
    table::{arrow_error, byte_rows, counted},
};

/// Draws groups: rows that are left, and rows of a split with a share of all groups of the table.
pub(super) fn by_group(
    batch: &RecordBatch,
    name: &str,
    rows: &[usize],
    (split, fraction): (&str, f64),
    rng: &mut ChaCha8Rng,
) -> Result<(Vec<usize>, Vec<usize>), TaskError> {
    let all: Vec<usize> = (0..batch.num_rows()).collect();
    let n_groups = classes(batch, ("group", name), &all)?.len();
    let mut groups = classes(batch, ("group", name), rows)?;
    let (_, n_taken) = sizes::train_and_test(n_groups, fraction);
    if n_taken >= groups.len() {
        let what = format!(
            "column `{name}` has {}, and {n_taken} of them for the {split} leave none for training",
            counted(n_groups, "value")
        );
        return Err(TaskError::permanent("too_few_groups", what).hint(format!("lower `{split}_fraction`")));
    }
    groups.shuffle(rng);
    let rows_of = |groups: &[Class], rng: &mut ChaCha8Rng| {
        let mut rows: Vec<usize> = groups.iter().flat_map(|group| group.rows.iter().copied()).collect();
        rows.shuffle(rng);
        rows
    };
    let taken = rows_of(&groups[..n_taken], rng);
    Ok((rows_of(&groups[n_taken..], rng), taken))
}

/// Parts rows at a time: `n_left` of them, or fewer, are left, and the later ones make a split.
pub(super) fn by_time(
    batch: &RecordBatch,
    name: &str,
    mut rows: Vec<usize>,
    n_left: usize,
) -> Result<(Vec<usize>, Vec<usize>), TaskError> {
    let column = named_column(batch, "time", name)?;
    let first_missing = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
    refuse_missing(name, column.null_count(), first_missing)?;
    let times = byte_rows(std::slice::from_ref(column))?;
    rows.sort_by(|one, other| times.row(*one).cmp(&times.row(*other)));
    let mut cut = n_left;
    while cut > 0 && times.row(rows[cut - 1]) == times.row(rows[cut]) {
        cut -= 1;
    }
    if cut == 0 {
        let what = format!("the earliest {} have one value of column `{name}`", counted(n_left + 1, "row"));
        return Err(TaskError::permanent("one_time", format!("{what}, so that none is left for training"))
            .hint("use a finer `time`, or a smaller fraction"));
    }
    let later = rows.split_off(cut);
    Ok((rows, later))
}

/// Draws each class by its share, then shuffles both splits.
pub(super) fn stratified(
    batch: &RecordBatch,
    name: &str,
    rows: &[usize],
    (n_train, n_test): (usize, usize),
    rng: &mut ChaCha8Rng,
) -> Result<(Vec<usize>, Vec<usize>), TaskError> {
    let mut classes = classes(batch, ("stratify", name), rows)?;
    let n_classes = classes.len();
    if let Some(class) = classes.iter().find(|class| class.rows.len() < 2) {
        let what = format!("the value `{}` of column `{name}` stands in 1 row only", class.label);
        return Err(TaskError::permanent("class_too_small", what)
            .hint("a stratified split needs at least 2 rows of every value"));
    }
    if n_classes == 1 {
        let what = format!("column `{name}` has one value only, `{}`", classes[0].label);
        return Err(TaskError::permanent("one_class", what).hint("leave out `stratify`, or bring other rows"));
    }
    for (split, n) in [("train", n_train), ("test", n_test)] {
        if n < n_classes {
            let what = format!(
                "{} for `{split}` cannot hold {n_classes} values of column `{name}`",
                counted(n, "row")
            );
            return Err(TaskError::permanent("too_few_rows", what).hint("change `test_fraction`"));
        }
    }
    let class_sizes: Vec<usize> = classes.iter().map(|class| class.rows.len()).collect();
    let train_sizes = sizes::by_class(&class_sizes, n_train, rng);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (class, n_train) in classes.iter_mut().zip(train_sizes) {
        class.rows.shuffle(rng);
        train.extend(&class.rows[..n_train]);
        test.extend(&class.rows[n_train..]);
    }
    train.shuffle(rng);
    test.shuffle(rng);
    Ok((train, test))
}

/// Refuses missing values in a column by which rows are parted.
fn refuse_missing(name: &str, n_missing: usize, first_row: usize) -> Result<(), TaskError> {
    if n_missing == 0 {
        return Ok(());
    }
    let what = format!(
        "column `{name}` has {}, the first in row {}",
        counted(n_missing, "missing value"),
        first_row + 1
    );
    Err(TaskError::permanent("missing_values", what).hint("remove or fill them with `data.clean`"))
}

/// The rows of one value.
struct Class {
    label: String,
    rows: Vec<usize>,
}

/// A column that a parameter names.
fn named_column<'a>(batch: &'a RecordBatch, parameter: &str, name: &str) -> Result<&'a ArrayRef, TaskError> {
    if let Some(column) = batch.column_by_name(name) {
        return Ok(column);
    }
    let have = sluicegate_plugin::Table::from_batch(batch.clone()).columns();
    let problem = Problem::missing_column(format!("/{parameter}"), name, &have);
    fail_on(vec![problem], "missing_column")?;
    unreachable!("a problem is an error")
}

/// The values of a column with their rows, in order of first appearance among some rows.
fn classes(
    batch: &RecordBatch,
    (parameter, name): (&str, &str),
    rows: &[usize],
) -> Result<Vec<Class>, TaskError> {
    let column = named_column(batch, parameter, name)?;
    let formatter =
        ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(|error| arrow_error(&error))?;
    let mut classes: Vec<Class> = Vec::new();
    let mut idx_of: HashMap<String, usize> = HashMap::new();
    let mut n_missing = 0;
    let mut first_missing = 0;
    for row_idx in rows.iter().copied() {
        let label = formatter.value(row_idx).to_string();
        if column.is_null(row_idx) || label == "NaN" {
            first_missing = if n_missing == 0 { row_idx } else { first_missing };
            n_missing += 1;
            continue;
        }
        let class_idx = *idx_of.entry(label).or_insert_with_key(|label| {
            classes.push(Class { label: label.clone(), rows: Vec::new() });
            classes.len() - 1
        });
        classes[class_idx].rows.push(row_idx);
    }
    refuse_missing(name, n_missing, first_missing)?;
    Ok(classes)
}
