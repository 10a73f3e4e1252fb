//! File formats, and how a file's name tells its format.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::TaskError;

/// The format of a file that holds a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Comma-separated values, or values separated by another character.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// The stated format, or the one that the extension of `path` stands for.
    pub(crate) fn resolve(stated: Option<Self>, path: &Path) -> Result<Self, TaskError> {
        stated.or_else(|| Self::of(path)).ok_or_else(|| {
            TaskError::permanent("unknown_format", unknown_format(path))
                .hint("say `format = \"csv\"`, `\"parquet\"` or `\"json_lines\"`")
        })
    }

    /// The format that the extension of `path` stands for.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match extension(path).as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// What is wrong with a path whose extension is not known.
pub(crate) fn unknown_format(path: &Path) -> String {
    match extension(path).as_str() {
        "" => format!("`{}` has no extension that tells its format", path.display()),
        other => format!("the extension `.{other}` of `{}` does not tell its format", path.display()),
    }
}

/// The character between the values of a CSV file: the stated one, else a tab for `.tsv`, else a comma.
pub(crate) fn delimiter(stated: Option<&str>, path: &Path) -> u8 {
    match stated.map(str::as_bytes) {
        Some([byte]) => *byte,
        _ if extension(path) == "tsv" => b'\t',
        _ => b',',
    }
}

/// What is wrong with a stated delimiter.
pub(crate) fn bad_delimiter(stated: &str) -> Option<String> {
    match stated.as_bytes() {
        [b'"' | b'\n' | b'\r' | 0] => Some(format!("{stated:?} cannot separate values")),
        [byte] if byte.is_ascii() => None,
        _ => Some(format!("a delimiter is one ASCII character, not {stated:?}")),
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}
