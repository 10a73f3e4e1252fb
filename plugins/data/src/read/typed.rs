//! From raw cells to a table: decides every column's type, says what is doubtful, and builds the batches.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use rayon::prelude::*;
use sluicegate_plugin::{Problem, Table, TaskError, nearest};

use super::{
    build::Building,
    complaints::{Complaint, Complaints, place, shown},
    file::SourceFile,
    infer::{Doubt, Profile},
    params::{Mixed, Params},
    raw::RawTable,
    token::Missing,
};
use crate::{
    columns::{ValueType, fail_on, pointer_step},
    format::Format,
    table::{arrow_error, count},
};

/// Raw cells with all that is needed to type them.
pub(super) struct Typing<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) format: Format,
    pub(super) params: &'a Params,
    pub(super) raw: RawTable,
    pub(super) missing: Missing,
}

impl Typing<'_> {
    /// Builds the table. `warn` takes what a person should know.
    pub(super) fn table(
        mut self,
        warn: &dyn Fn(&str),
        tick: &dyn Fn() -> Result<(), TaskError>,
    ) -> Result<Table, TaskError> {
        fail_on(self.missing_columns(), "missing_column")?;
        let types = self.types(warn)?;
        let fields: Vec<_> = self
            .raw
            .names
            .iter()
            .zip(&types)
            .map(|(name, value_type)| Field::new(name, value_type.arrow(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let mut complaints = Complaints::default();
        let mut batches = Vec::with_capacity(self.raw.chunks.len());
        let mut first_row = 0;
        for chunk_idx in 0..self.raw.chunks.len() {
            tick()?;
            // The text of a chunk goes as its values come: the two are never there for the whole file.
            let chunk = &mut self.raw.chunks[chunk_idx];
            let (cells, n_rows) = (std::mem::take(&mut chunk.columns), chunk.n_rows());
            let column = |column_idx: usize| {
                let (name, value_type) = (self.raw.names[column_idx].as_str(), types[column_idx]);
                let mut complaints = Complaints::default();
                let building = Building { name, value_type, first_row, missing: &self.missing };
                (building.build(&cells[column_idx], &mut complaints), complaints)
            };
            let built: Vec<_> = (0..types.len()).into_par_iter().map(column).collect();
            let mut columns = Vec::with_capacity(built.len());
            for (column, found) in built {
                columns.push(column);
                complaints.append(found);
            }
            let batch = RecordBatch::try_new(schema.clone(), columns);
            batches.push(batch.map_err(|error| arrow_error(&error))?);
            first_row += n_rows;
        }
        complaints.raise(self.file, |row_idx| self.line(row_idx)).map_err(with_way_out)?;
        Ok(Table::new(schema, batches))
    }

    /// Columns that `types` or `columns` name and the file lacks.
    fn missing_columns(&self) -> Vec<Problem> {
        let names = &self.raw.names;
        let wanted = self.params.types.keys().map(|name| (format!("/types/{}", pointer_step(name)), name));
        let selected = self.params.columns.iter().flatten().enumerate();
        let selected = selected.map(|(idx, name)| (format!("/columns/{idx}"), name));
        wanted
            .chain(selected)
            .filter(|(_, name)| !names.contains(name))
            .map(|(pointer, name)| missing_column(pointer, name, names))
            .collect()
    }

    fn types(&self, warn: &dyn Fn(&str)) -> Result<Vec<ValueType>, TaskError> {
        let profile = |column_idx: usize| {
            let is_stated = self.params.types.contains_key(&self.raw.names[column_idx]);
            (!is_stated).then(|| Profile::of(&self.raw, column_idx, &self.missing))
        };
        let profiles: Vec<_> = (0..self.raw.names.len()).into_par_iter().map(profile).collect();
        let types = profiles.into_iter().enumerate().map(|(column_idx, profile)| match profile {
            Some(profile) => self.inferred(column_idx, &profile, warn),
            None => Ok(self.params.types[&self.raw.names[column_idx]]),
        });
        types.collect()
    }

    /// The type that a column's values show.
    fn inferred(
        &self,
        column_idx: usize,
        profile: &Profile,
        warn: &dyn Fn(&str),
    ) -> Result<ValueType, TaskError> {
        let name = &self.raw.names[column_idx];
        if let Some(row_idx) = profile.first_nested() {
            let place = place(row_idx, self.line(row_idx));
            let what = format!("{place}, column `{name}` holds a list or an object");
            return Err(self.file.bad("nested_column", what).hint(format!(
                "state `types = {{ {name} = \"text\" }}` to read it as JSON text, or leave it out of `columns`"
            )));
        }
        let decision = profile.decide();
        match decision.doubt {
            Some(Doubt::Mixed { .. }) if self.params.mixed == Mixed::Error => {
                return Err(self.mixed_types(column_idx));
            }
            Some(Doubt::AllMissing) => return Err(self.no_values(name)),
            Some(doubt) => warn(&self.warning(column_idx, &doubt)),
            None => {}
        }
        Ok(decision.value_type)
    }

    /// The failure of a column that nobody said anything about, and whose values do not either.
    fn no_values(&self, name: &str) -> TaskError {
        let n_rows = count(self.raw.n_rows());
        let what = format!("column `{name}` has no value in any of the {n_rows} rows");
        self.file.bad("no_values", what).hint(format!(
            "state `types = {{ {name} = \"number\" }}` if that is right, or leave it out of `columns`"
        ))
    }

    /// The failure of a column of numbers with others among them, with the values that are not.
    fn mixed_types(&self, column_idx: usize) -> TaskError {
        let name = &self.raw.names[column_idx];
        let mut complaints = Complaints::default();
        for (row_idx, (form, cell)) in self.raw.cells(column_idx).enumerate() {
            use super::token::{Token, classify};
            if matches!(classify(form, cell, &self.missing), Token::Text | Token::Boolean) {
                complaints.add(|| Complaint {
                    code: "mixed_types",
                    row_idx,
                    column: Some(name.clone()),
                    what: format!("{} is not a number, as most values of the column are", shown(cell)),
                });
            }
        }
        let raised = complaints.raise(self.file, |row_idx| self.line(row_idx));
        let error = raised.err().unwrap_or_else(|| self.file.bad("mixed_types", format!("column `{name}`")));
        error.hint(format!(
            "correct the file, add the spelling to `missing`, or state `types = {{ {name} = \"text\" }}`"
        ))
    }

    fn warning(&self, column_idx: usize, doubt: &Doubt) -> String {
        let name = &self.raw.names[column_idx];
        let cell = |row_idx: usize| {
            let cell = self.raw.cells(column_idx).nth(row_idx).map_or("", |(_, cell)| cell);
            format!("row {} ({})", count(row_idx + 1), shown(cell))
        };
        match doubt {
            Doubt::AllMissing => format!("column `{name}` has no value"),
            Doubt::Mixed { n_odd, n_values, first_row } => format!(
                "column `{name}`: {} of {} values {}, first at {}; it is read as text: state its type \
                 under `types` or add the spelling to `missing`",
                count(*n_odd),
                count(*n_values),
                if *n_odd == 1 { "is not a number" } else { "are not numbers" },
                cell(*first_row),
            ),
            Doubt::Codes { first_row } => format!(
                "column `{name}`: values with leading zeros, first at {}; it is read as text, as codes are: state its \
                 type under `types` to read numbers",
                cell(*first_row),
            ),
            Doubt::TooBig { first_row } => format!(
                "column `{name}`: integers of more than 64 bits, first at {}; it is read as text: state the type \
                 `number` under `types` to read rounded numbers",
                cell(*first_row),
            ),
        }
    }

    /// The line on which a row starts.
    fn line(&self, row_idx: usize) -> Option<u64> {
        let place = self.raw.place(row_idx)?;
        match self.format {
            Format::Csv => self.file.line_at(place),
            _ => Some(place),
        }
    }
}

/// Adds what can be done about a value of the wrong type.
fn with_way_out(error: TaskError) -> TaskError {
    if error.code != "bad_value" {
        return error;
    }
    error.hint("correct the file, state another type, or add the spelling to `missing`")
}

/// A column that the file does not have.
pub(super) fn missing_column(pointer: String, name: &str, names: &[String]) -> Problem {
    let problem = Problem::new(pointer, format!("the file has no column `{name}`"));
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => {
            problem.hint(format!("it has {}", crate::columns::quoted_list(names.iter().map(String::as_str))))
        }
    }
}
