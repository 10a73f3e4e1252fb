//! `data.read`: a table from a CSV, Parquet or JSON Lines file.
//!
//! Text formats go through three steps: [`csv`] and [`json_lines`] keep every cell as it stands ([`raw`]), [`infer`]
//! decides each column's type from all its values, and [`typed`] builds the Arrow columns. What is wrong with the data
//! is collected ([`complaints`]) and told with file, row and column.

mod build;
mod complaints;
mod csv;
mod file;
mod infer;
mod json_lines;
mod params;
mod parquet;
mod preview;
mod raw;
mod token;
mod typed;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use sluicegate_plugin::{
    Context, Description, LogLevel, Port, PortType, Problem, SchemaCheck, Table, Task, TaskError,
};

use self::{csv::CsvOptions, file::SourceFile, params::Params, token::Missing, typed::Typing};
use crate::{
    format::{Format, delimiter},
    table::table_size,
};

/// The kind `data.read`.
pub(crate) struct Read;

impl Task for Read {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new("data.read", "1", "Reads a table from a CSV, Parquet or JSON Lines file.")
            .doc(include_str!("doc.md"))
            .input(
                Port::new(
                    "file",
                    PortType::File,
                    "The file, in place of `path`; its `format` must be stated.",
                )
                .optional(),
            )
            .output(Port::new(
                "table",
                PortType::Table,
                "The rows; columns are numbers, integers, text or booleans.",
            ))
            .error("no_source", "Neither `path` nor the input `file` is given, or both are.")
            .error("missing_file", "There is no such file. Paths start from the workflow's folder.")
            .error("not_a_file", "The path names a directory or something else that is not a regular file.")
            .error("unknown_format", "The extension does not tell the format; state `format`.")
            .error("empty_file", "The file holds no bytes, or no row at all.")
            .error("no_rows", "The file has a header, but zero rows.")
            .error("not_utf8", "A text file is not UTF-8; the message names line and column.")
            .error("nul_byte", "A CSV file holds a NUL byte, so that it is not text.")
            .error(
                "open_quote",
                "A quote in a CSV file is never closed, so that it swallows the rest of the file.",
            )
            .error("bad_csv", "A CSV file cannot be taken apart for another reason.")
            .error("bad_header", "A column has no name, or two columns have the same.")
            .error("ragged_rows", "Rows have more or fewer fields than the header; the first five are named.")
            .error("bad_line", "A line of a JSON Lines file is not one JSON object.")
            .error("bad_parquet", "A Parquet file is damaged or holds something that cannot be read.")
            .error(
                "bad_value",
                "A value is not of its column's type; the first five are named with row and column.",
            )
            .error(
                "not_finite",
                "A number column holds infinity, or a number too large for 64-bit floating point.",
            )
            .error(
                "mixed_types",
                "Most values of a column are numbers, some are not, and neither `types` nor `mixed` allows for it.",
            )
            .error(
                "no_values",
                "A column has no value in any row, and its type is not stated.",
            )
            .error(
                "nested_column",
                "A column holds lists, objects or bytes, and its type is not stated as `text`.",
            )
            .error("missing_column", "`types` or `columns` name a column that the file does not have.")
            .error("too_large", "A single value of more than 4 GB.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        params.problems()
    }

    fn schema(&self, params: &Params, check: &mut SchemaCheck) {
        preview::preview(params, check);
    }

    fn files(&self, params: &Params) -> Vec<PathBuf> {
        params.path.iter().map(PathBuf::from).collect()
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let file = source(ctx, &params)?;
        let format = Format::resolve(params.format, Path::new(params.path.as_deref().unwrap_or_default()))?;
        let table = read(ctx, &file, format, &params)?;
        if table.n_rows() == 0 {
            return Err(file.bad("no_rows", "the file has zero rows"));
        }
        ctx.write_table("table", &table)?;
        ctx.metric("rows", table.n_rows() as f64);
        ctx.metric("columns", table.n_columns() as f64);
        ctx.summary(table_size(&table));
        Ok(())
    }
}

/// The one file that is given.
fn source(ctx: &Context, params: &Params) -> Result<SourceFile, TaskError> {
    match (&params.path, ctx.inputs().get("file")) {
        (Some(path), None) => Ok(SourceFile::at(ctx.base_dir(), path)),
        (None, Some(input)) => Ok(SourceFile { path: input.path.clone(), name: "input `file`".into() }),
        (None, None) => {
            Err(TaskError::permanent("no_source", "neither `path` is given nor the input `file` connected")
                .hint("say which file to read by one of them"))
        }
        (Some(path), Some(_)) => Err(TaskError::permanent(
            "no_source",
            format!("the path `{path}` is given and the input `file` is connected"),
        )
        .hint("keep only one of them")),
    }
}

fn read(ctx: &Context, file: &SourceFile, format: Format, params: &Params) -> Result<Table, TaskError> {
    let warn = |message: &str| ctx.log(LogLevel::Warn, message);
    let tick = || ctx.check_cancelled();
    let wanted = params.columns.as_deref();
    let raw = match format {
        Format::Parquet => return parquet::read(file, params, &warn, &tick),
        Format::JsonLines => json_lines::read(file, wanted, usize::MAX, &tick)?,
        Format::Csv => {
            let options = CsvOptions {
                delimiter: delimiter(params.delimiter.as_deref(), &file.path),
                header: params.header.unwrap_or(true),
                columns: wanted,
                limit: usize::MAX,
            };
            csv::read(file, &options, &tick)?
        }
    };
    if raw.n_rows() == 0 {
        return Err(file.bad("no_rows", "the file has a header, but zero rows"));
    }
    if let [only] = raw.names.as_slice()
        && wanted.is_none()
        && let Some(other) = [';', '\t', '|'].into_iter().find(|other| only.contains(*other))
    {
        warn(&format!(
            "the file has one column, `{}`; perhaps its values are separated by {other:?}: see `delimiter`",
            only.escape_debug()
        ));
    }
    Typing { file, format, params, raw, missing: Missing::new(params.missing.as_deref()) }.table(&warn, &tick)
}
