//! Splits in which rows belong together: by a group, or by their time.

use arrow_array::{Array, RecordBatch};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sluicegate_plugin::TaskError;

use super::{classes, named_column, refuse_missing, sizes};
use crate::table::{byte_rows, counted};

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
    let rows_of = |groups: &[super::Class], rng: &mut ChaCha8Rng| {
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
