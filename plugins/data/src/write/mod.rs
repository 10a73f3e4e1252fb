//! `data.write`: a table to a file, all of it or nothing.

mod encode;

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, Effect, Port, PortType, Problem, Task, TaskError};

use crate::{
    format::{self, Format},
    table::counted,
};

/// The kind `data.write`.
pub(crate) struct Write;

/// What `data.write` is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The file, relative to the workflow's folder. Folders on the way are made; a file that is there is replaced.
    #[schemars(length(min = 1))]
    path: String,
    /// The file's format: `csv`, `parquet` or `json_lines`. Without it, the extension tells: `.csv` and `.tsv`,
    /// `.parquet`, `.jsonl` and `.ndjson`.
    format: Option<Format>,
    /// The character between the values of a CSV file. Without it a tab for `.tsv`, else a comma.
    delimiter: Option<String>,
}

const DOC: &str = "\
Writes a table to a file:

```toml
[tasks.export]
uses   = \"data.write\"
inputs = { table = \"scores.predictions\" }
with   = { path = \"out/predictions.parquet\" }
```

The file appears whole or not at all: it is written under another name in the same folder, brought to the disk and then renamed. The
output `file` is a copy that belongs to the run.

A missing value is nothing at all in CSV, `null` in JSON Lines. CSV has a header; an empty text is written in quotes, yet most readers,
`data.read` among them, take it for a missing value. Numbers are written so that reading them gives the same bits.

The task is not cached, since the cache does not know what happens to the file afterwards.
";

impl Task for Write {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new("data.write", "1", "Writes a table to a CSV, Parquet or JSON Lines file.")
            .doc(DOC)
            .effect(Effect::Idempotent)
            .input(Port::new("table", PortType::Table, "The rows to write."))
            .output(Port::new("file", PortType::File, "A copy of the file."))
            .error("unknown_format", "The extension does not tell the format; state `format`.")
            .error("not_a_file", "The path names a directory.")
            .error("bad_table", "The table holds something that the format cannot.")
            .error("io", "The file or its folder cannot be written.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        let path = Path::new(&params.path);
        let known = params.format.or_else(|| Format::of(path));
        let mut problems = Vec::new();
        if known.is_none() {
            problems.push(
                Problem::new("/path", format::unknown_format(path))
                    .hint("say `format = \"csv\"`, `\"parquet\"` or `\"json_lines\"`"),
            );
        }
        if path.file_name().is_none() || params.path.ends_with('/') {
            problems.push(Problem::new("/path", format!("`{}` does not name a file", params.path)));
        }
        if let Some(delimiter) = &params.delimiter {
            if known.is_some_and(|format| format != Format::Csv) {
                problems.push(Problem::new("/delimiter", "`delimiter` is for CSV files only"));
            }
            problems.extend(format::bad_delimiter(delimiter).map(|what| Problem::new("/delimiter", what)));
        }
        problems
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let table = ctx.table("table")?;
        let path = ctx.resolve(&params.path);
        let format = Format::resolve(params.format, &path)?;
        if path.is_dir() {
            return Err(TaskError::permanent("not_a_file", format!("`{}` is a directory", params.path)));
        }
        let delimiter = format::delimiter(params.delimiter.as_deref(), &path);
        let artifact = ctx.output_path("file", PortType::File);
        encode::encode(&table, format, delimiter, &artifact)?;
        ctx.check_cancelled()?;
        put_in_place(&artifact, &path, &ctx.run().attempt_id)?;
        ctx.metric("rows", table.n_rows() as f64);
        ctx.summary(format!("{} to {}", counted(table.n_rows(), "row"), params.path));
        Ok(())
    }
}

/// Copies a file to its place: whole or not at all.
fn put_in_place(source: &Path, path: &Path, attempt_id: &str) -> Result<(), TaskError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| TaskError::io("create", folder, &error))?;
    let draft = Draft::new(folder, path, attempt_id);
    let copied = || -> io::Result<()> {
        let mut draft = File::create(&draft.0)?;
        io::copy(&mut File::open(source)?, &mut draft)?;
        draft.sync_all()
    };
    copied().map_err(|error| TaskError::io("write", &draft.0, &error))?;
    std::fs::rename(&draft.0, path).map_err(|error| TaskError::io("write", path, &error))?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| TaskError::io("sync", folder, &error))
}

/// The file under its other name; it is removed unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn new(folder: &Path, path: &Path, attempt_id: &str) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self(folder.join(format!(".{name}.{attempt_id}.draft")))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}
