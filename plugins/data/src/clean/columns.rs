//! Which columns the rules are about, and whether the table has them in the right types.

use sluicegate_plugin::{Column, ColumnType, PortSchema, Problem, SchemaCheck};

use super::params::{Fill, Params, Scalar};
use crate::columns::{Columns, pointer_step, type_word};

/// What a rule wants of a column.
#[derive(Clone, Copy)]
enum Want<'a> {
    Anything,
    Numbers,
    Text,
    RoomFor(&'a Scalar),
}

/// A column that a rule names.
struct Mention<'a> {
    pointer: String,
    name: &'a str,
    want: Want<'a>,
}

/// Passes the columns through and reports those that a rule cannot work on.
pub(super) fn schema(params: &Params, check: &mut SchemaCheck) {
    let Some(input) = check.inputs.get("table") else {
        return;
    };
    check.problems.extend(problems(params, &input.columns));
    let columns = input.columns.iter().map(|column| after(params, column)).collect();
    check.outputs.insert("table".into(), PortSchema { columns, target: None });
}

/// The column as it leaves: integers that are filled with fractions become numbers.
fn after(params: &Params, column: &Column) -> Column {
    let filled_with_fractions = matches!(
        params.fill_missing.get(&column.name),
        Some(Fill::Mean | Fill::Median | Fill::Constant(Scalar::Number(_)))
    );
    let column_type = match &column.column_type {
        ColumnType::Integer if filled_with_fractions => ColumnType::Number,
        other => other.clone(),
    };
    Column { name: column.name.clone(), column_type }
}

/// Columns that the table lacks, or that have the wrong type for a rule.
pub(super) fn problems(params: &Params, have: &[Column]) -> Vec<Problem> {
    let mut problems: Vec<_> = mentions(params).iter().filter_map(|mention| mention.problem(have)).collect();
    if let Some(Fill::Constant(constant)) = params.fill_missing.get("*")
        && !have.iter().any(|column| has_room_for(&column.column_type, constant))
    {
        problems.push(Problem::new("/fill_missing/*", "the table has no column of the constant's type"));
    }
    problems
}

fn mentions(params: &Params) -> Vec<Mention<'_>> {
    let mut mentions = Vec::new();
    for (rule, columns, want) in [
        ("trim", &params.trim, Want::Text),
        ("drop_missing", &params.drop_missing, Want::Anything),
        ("drop_duplicates", &params.drop_duplicates, Want::Anything),
    ] {
        mentions.extend(listed(&format!("/{rule}"), columns, want));
    }
    for (name, fill) in params.fill_missing.iter().filter(|(name, _)| *name != "*") {
        let want = match fill {
            Fill::Mean | Fill::Median => Want::Numbers,
            Fill::Mode => Want::Anything,
            Fill::Constant(constant) => Want::RoomFor(constant),
        };
        mentions.push(Mention { pointer: format!("/fill_missing/{}", pointer_step(name)), name, want });
    }
    for name in params.ranges.keys() {
        let pointer = format!("/ranges/{}", pointer_step(name));
        mentions.push(Mention { pointer, name, want: Want::Numbers });
    }
    for (idx, rule) in params.outliers.iter().enumerate() {
        mentions.extend(listed(&format!("/outliers/{idx}/columns"), &rule.columns, Want::Numbers));
    }
    mentions
}

fn listed<'a>(pointer: &str, columns: &'a Columns, want: Want<'a>) -> Vec<Mention<'a>> {
    let names = if let Columns::Named(names) = columns { names.as_slice() } else { &[] };
    let mention =
        |(idx, name): (usize, &'a String)| Mention { pointer: format!("{pointer}/{idx}"), name, want };
    names.iter().enumerate().map(mention).collect()
}

impl Mention<'_> {
    fn problem(&self, have: &[Column]) -> Option<Problem> {
        let name = self.name;
        let Some(column) = have.iter().find(|column| column.name == name) else {
            return Some(Problem::missing_column(&self.pointer, name, have));
        };
        let word = type_word(&column.column_type);
        let problem = |what: &str| {
            Some(Problem::new(&self.pointer, format!("column `{name}` is of the type {word}, {what}")))
        };
        match self.want {
            _ if is_unknown(&column.column_type) => None,
            Want::Numbers if !is_numeric(&column.column_type) => {
                problem("and the rule needs numbers").map(|problem| {
                    problem.hint("state its type under `types` of the `data.read` task, or leave it out here")
                })
            }
            Want::Text if column.column_type != ColumnType::Text => problem("and only text can be trimmed"),
            Want::RoomFor(constant) if !has_room_for(&column.column_type, constant) => {
                problem(&format!("and cannot hold {constant}"))
            }
            _ => None,
        }
    }
}

/// Tells whether a column holds numbers or integers.
pub(super) fn is_numeric(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Number | ColumnType::Integer)
}

fn is_unknown(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Other(name) if name == "unknown")
}

/// Tells whether a constant can fill a column.
pub(super) fn has_room_for(column_type: &ColumnType, constant: &Scalar) -> bool {
    match constant {
        Scalar::Integer(_) | Scalar::Number(_) => is_numeric(column_type) || is_unknown(column_type),
        Scalar::Text(_) => *column_type == ColumnType::Text || is_unknown(column_type),
        Scalar::Boolean(_) => *column_type == ColumnType::Boolean || is_unknown(column_type),
    }
}
