//! Columns known before a run: what a kind derives for its outputs from those of its inputs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use crate::Problem;

/// The type of a column, as far as tasks care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// 64-bit floating point.
    Number,
    /// 64-bit signed integer.
    Integer,
    /// UTF-8 text.
    Text,
    /// True or false.
    Boolean,
    /// Any other type, by its Arrow name; or unknown, as `unknown`.
    Other(String),
}

/// A named column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// What is known of a table or model before it exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSchema {
    /// A table's columns, or the feature columns that a model wants.
    pub columns: Vec<Column>,
    /// A model's target column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A conversation between `sluice check` and a kind about columns. A port that is absent is unknown: say nothing about it.
#[derive(Clone, Debug, Default)]
pub struct SchemaCheck {
    /// The folder that relative paths in the parameters start from.
    pub base_dir: PathBuf,
    /// True when tasks run before this one: files that it reads may be made by them, and say nothing yet.
    pub runs_after_others: bool,
    /// The input ports that are connected, where that is known.
    pub connected: Option<BTreeSet<String>>,
    /// Known inputs, by port.
    pub inputs: BTreeMap<String, PortSchema>,
    /// Filled in by the kind: known outputs, by port.
    pub outputs: BTreeMap<String, PortSchema>,
    /// Filled in by the kind: what is wrong.
    pub problems: Vec<Problem>,
}

/// Finds the candidate nearest to `name`, when one is near enough to be what was meant.
///
/// Optimal string alignment distance, at most a third of the longer name (at least one edit).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (name.chars().count().max(candidate.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_transposed_name_and_refuses_a_far_one() {
        assert_eq!(nearest("diagnossi", ["diagnosis", "radius"]), Some("diagnosis"));
        assert_eq!(nearest("x", ["completely_different"]), None);
    }
}
