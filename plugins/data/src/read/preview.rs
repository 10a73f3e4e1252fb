//! The columns of a file before a run: what `sluice check` can know without reading all of it.

use std::path::Path;

use sluicegate_plugin::{Column, ColumnType, PortSchema, Problem, SchemaCheck, TaskError};

use super::{
    csv::{self, CsvOptions},
    file::{SourceFile, Unreadable, missing_file_hint},
    infer::{Doubt, Profile},
    json_lines,
    params::Params,
    parquet,
    raw::RawTable,
    token::Missing,
    typed::missing_column,
};
use crate::{
    columns::{ValueType, pointer_step},
    format::{Format, delimiter},
    plain::plain_type,
};

/// The number of rows from which types are guessed.
const SAMPLE_ROWS: usize = 1000;

/// Derives the columns of the output, and reports a file or columns that are not there.
///
/// What is wrong with the file's content is left to the run, which knows all of it; so is the file itself when a task before this one
/// may write it.
pub(super) fn preview(params: &Params, check: &mut SchemaCheck) {
    let (Some(path), Some(format)) = (params.path.as_deref(), params.known_format()) else {
        return;
    };
    if check.runs_after_others {
        return;
    }
    let file = SourceFile::at(&check.base_dir, path);
    match file.open() {
        Ok(_) => {}
        Err(Unreadable::Missing(near)) => {
            let problem = Problem::new("/path", format!("there is no file {}", file.name));
            check.problems.push(problem.hint(missing_file_hint(near.as_deref())));
            return;
        }
        Err(Unreadable::NotAFile(what)) => {
            check.problems.push(Problem::new("/path", format!("{} is {what}", file.name)));
            return;
        }
        Err(Unreadable::Io(error)) => {
            check.problems.push(Problem::new("/path", format!("cannot open {}: {error}", file.name)));
            return;
        }
    }
    let Some(columns) = all_columns(&file, format, params) else {
        return;
    };
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    for name in params.types.keys().filter(|name| !names.contains(name)) {
        check.problems.push(missing_column(format!("/types/{}", pointer_step(name)), name, &names));
    }
    for (idx, name) in params.columns.iter().flatten().enumerate().filter(|(_, name)| !names.contains(name)) {
        check.problems.push(missing_column(format!("/columns/{idx}"), name, &names));
    }
    let columns = match &params.columns {
        None => columns,
        Some(wanted) => wanted
            .iter()
            .filter_map(|name| columns.iter().find(|column| column.name == *name).cloned())
            .collect(),
    };
    check.outputs.insert("table".into(), PortSchema { columns, target: None });
}

/// All columns of the file, or `None` when they cannot be known.
fn all_columns(file: &SourceFile, format: Format, params: &Params) -> Option<Vec<Column>> {
    let go_on = || Ok::<(), TaskError>(());
    match format {
        Format::Parquet => {
            let schema = parquet::schema(file).ok()?;
            Some(schema.fields().iter().map(|field| parquet_column(field, params)).collect())
        }
        Format::Csv => {
            let options = CsvOptions {
                delimiter: delimiter(params.delimiter.as_deref(), Path::new(&file.path)),
                header: params.header.unwrap_or(true),
                columns: None,
                limit: SAMPLE_ROWS,
            };
            csv::read(file, &options, &go_on).ok().map(|raw| guessed(&raw, params))
        }
        Format::JsonLines => {
            let raw = json_lines::read(file, None, SAMPLE_ROWS, &go_on).ok()?;
            raw.complete.then(|| guessed(&raw, params))
        }
    }
}

fn parquet_column(field: &arrow_schema::Field, params: &Params) -> Column {
    let name = field.name().clone();
    let stated = params.types.get(&name).map(|stated| stated.arrow());
    let column_type = match stated.or_else(|| plain_type(field.data_type())) {
        Some(arrow_schema::DataType::Float64) => ColumnType::Number,
        Some(arrow_schema::DataType::Int64) => ColumnType::Integer,
        Some(arrow_schema::DataType::Boolean) => ColumnType::Boolean,
        Some(_) => ColumnType::Text,
        None => ColumnType::Other(field.data_type().to_string()),
    };
    Column { name, column_type }
}

/// Columns with the types that the first rows suggest; a doubtful type is `unknown`.
fn guessed(raw: &RawTable, params: &Params) -> Vec<Column> {
    let missing = Missing::new(params.missing.as_deref());
    let column = |(column_idx, name): (usize, &String)| {
        let decide = || match Profile::of(raw, column_idx, &missing).decide() {
            decision if matches!(decision.doubt, Some(Doubt::AllMissing)) && raw.complete => {
                Some(ValueType::Number)
            }
            decision if decision.doubt.is_some() => None,
            decision => Some(decision.value_type),
        };
        let value_type = params.types.get(name).copied().or_else(decide);
        let column_type =
            value_type.map_or_else(|| ColumnType::Other("unknown".into()), ValueType::column_type);
        Column { name: name.clone(), column_type }
    };
    raw.names.iter().enumerate().map(column).collect()
}
