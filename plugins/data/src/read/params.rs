//! The parameters of `data.read`.

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_plugin::Problem;

use crate::{
    columns::{ValueType, pointer_step, repeated},
    format::{self, Format},
};

/// What `data.read` is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The file, relative to the workflow's folder. Leave it out when the input `file` is connected.
    #[schemars(length(min = 1))]
    pub(crate) path: Option<String>,
    /// The file's format: `csv`, `parquet` or `json_lines`. Without it, the extension tells: `.csv` and `.tsv`,
    /// `.parquet`, `.jsonl` and `.ndjson`.
    pub(crate) format: Option<Format>,
    /// Types of columns by name: `number`, `integer`, `text` or `boolean`. A value that is not of its column's stated
    /// type is an error. The types of other columns are inferred from all their values.
    #[serde(default)]
    pub(crate) types: BTreeMap<String, ValueType>,
    /// The columns to read, in this order; without it all columns are read.
    #[schemars(length(min = 1))]
    pub(crate) columns: Option<Vec<String>>,
    /// The character between the values of a CSV file. Without it a tab for `.tsv`, else a comma.
    pub(crate) delimiter: Option<String>,
    /// Whether the first row of a CSV file names the columns (the default). Without a header the columns are named
    /// `column_1`, `column_2` and so on.
    pub(crate) header: Option<bool>,
    /// The spellings that are read as a missing value in CSV and JSON Lines, ignoring white space around them. Without
    /// it: nothing at all, `NA`, `N/A`, `null` and `NULL`.
    pub(crate) missing: Option<Vec<String>>,
    /// What becomes of a column without a stated type in which more than half of the values are numbers and some are not:
    /// `error`, the default, fails and names the rows; `text` reads it as text and writes a warning to the log.
    #[serde(default)]
    pub(crate) mixed: Mixed,
}

/// What becomes of a column in which most values are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mixed {
    /// It is read as text, with a warning in the log.
    Text,
    /// The task fails and names the values that are not numbers.
    #[default]
    Error,
}

impl Params {
    /// The stated format, or what the path tells.
    pub(crate) fn known_format(&self) -> Option<Format> {
        self.format.or_else(|| self.path.as_deref().and_then(|path| Format::of(Path::new(path))))
    }

    /// Finds what the schema cannot express.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.path, self.format) {
            (None, None) => problems.push(
                Problem::new("", "neither `path` nor `format` is given")
                    .hint("say `path`, or connect the input `file` and say its `format`"),
            ),
            (Some(path), None) if self.known_format().is_none() => problems.push(
                Problem::new("/path", format::unknown_format(Path::new(path)))
                    .hint("say `format = \"csv\"`, `\"parquet\"` or `\"json_lines\"`"),
            ),
            _ => {}
        }
        if let Some(message) = self.delimiter.as_deref().and_then(format::bad_delimiter) {
            problems.push(Problem::new("/delimiter", message));
        }
        problems.extend(self.misplaced());
        if let Some(columns) = &self.columns {
            problems.extend(repeated("/columns", columns));
            problems.extend(self.types.keys().filter(|name| !columns.contains(name)).map(|name| {
                Problem::new(
                    format!("/types/{}", pointer_step(name)),
                    format!("`{name}` is not among `columns`"),
                )
                .hint("name it there too, or take its type away")
            }));
        }
        problems
    }

    /// Parameters that mean nothing for the format.
    fn misplaced(&self) -> Vec<Problem> {
        let format = self.known_format();
        let of_csv = [("delimiter", self.delimiter.is_some()), ("header", self.header.is_some())];
        let mut problems = Vec::new();
        for (name, given) in of_csv {
            if given && format.is_some_and(|format| format != Format::Csv) {
                problems.push(Problem::new(format!("/{name}"), format!("`{name}` is for CSV files only")));
            }
        }
        if self.missing.is_some() && format == Some(Format::Parquet) {
            problems.push(
                Problem::new("/missing", "a Parquet file states itself which values are missing")
                    .hint("use `missing` of a `data.clean` task for spellings in text columns"),
            );
        }
        problems
    }
}
