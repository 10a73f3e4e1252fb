//! A test case of a kind: parameters and inputs, and what must come of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde::Deserialize;
use serde_json::Value;
use sluicegate_plugin::Table;

/// What a case file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The kind that is tried.
    pub(super) kind: String,
    #[serde(default = "no_params")]
    pub(super) with: Value,
    /// By port: a table's columns, `{ value = … }`, or a file beside the case.
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Value>,
    /// Secrets by name.
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, String>,
    /// Expected outputs, as inputs are written; ports that are not named may hold anything.
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Value>,
    /// Expected metrics.
    #[serde(default)]
    pub(super) metrics: BTreeMap<String, f64>,
    /// The expected failure.
    #[serde(default)]
    pub(super) error: Option<ExpectedError>,
    /// What must be found before a run.
    #[serde(default)]
    pub(super) problem: Option<ExpectedProblem>,
}

/// An expected failure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedError {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// An expected problem in the parameters or columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedProblem {
    #[serde(default)]
    pub(super) pointer: String,
    #[serde(default)]
    pub(super) message: String,
}

fn no_params() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Case {
    /// The cases in a folder, by file name; a folder that is not there has none.
    pub(super) fn in_folder(folder: &Path) -> Result<Vec<(String, Self)>, String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        let read = |file: PathBuf| {
            let text =
                std::fs::read_to_string(&file).map_err(|error| format!("`{}`: {error}", file.display()))?;
            let case = toml::from_str(&text)
                .map_err(|error| format!("`{}`: {}", file.display(), error.to_string().trim()))?;
            Ok((file.file_stem().unwrap_or_default().to_string_lossy().into_owned(), case))
        };
        files.into_iter().map(read).collect()
    }
}

/// What a case connects to a port.
pub(super) enum Given {
    Table(Table),
    Value(Value),
    File(PathBuf),
}

impl Given {
    /// Reads how a case writes an input or an expected output.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(path) => Ok(Self::File(path.into())),
            Value::Object(map) if map.len() == 1 && map.contains_key("value") => {
                Ok(Self::Value(map["value"].clone()))
            }
            Value::Object(columns) => table(columns).map(Self::Table),
            other => Err(format!(
                "{other} is neither a table of columns, nor `{{ value = … }}`, nor a file's name"
            )),
        }
    }
}

fn table(columns: &serde_json::Map<String, Value>) -> Result<Table, String> {
    let columns = columns.iter().map(|(name, values)| {
        let values = values.as_array().ok_or_else(|| format!("column `{name}` must be a list"))?;
        Ok((name.as_str(), column(name, values)?))
    });
    let columns = columns.collect::<Result<Vec<_>, String>>()?;
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| error.to_string())?;
    Ok(Table::from_batch(batch))
}

/// A column of one type; TOML has no missing value, and the text `"<missing>"` stands for one.
fn column(name: &str, values: &[Value]) -> Result<ArrayRef, String> {
    let present: Vec<_> =
        values.iter().map(|value| Some(value).filter(|value| *value != "<missing>")).collect();
    let all = |is: fn(&Value) -> bool| present.iter().flatten().all(|value| is(value));
    Ok(if all(Value::is_i64) {
        Arc::new(present.iter().map(|value| value.and_then(Value::as_i64)).collect::<Int64Array>())
    } else if all(Value::is_number) {
        Arc::new(present.iter().map(|value| value.and_then(Value::as_f64)).collect::<Float64Array>())
    } else if all(Value::is_boolean) {
        Arc::new(present.iter().map(|value| value.and_then(Value::as_bool)).collect::<BooleanArray>())
    } else if all(Value::is_string) {
        Arc::new(present.iter().map(|value| value.and_then(Value::as_str)).collect::<StringArray>())
    } else {
        return Err(format!("column `{name}` has values of several types"));
    })
}
