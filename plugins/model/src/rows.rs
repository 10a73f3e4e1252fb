//! Rows of a request, as JSON objects: verified against the signature, with every problem named.

use serde_json::{Map, Value};

use crate::{ColumnData, Frame, InputColumn, InputType, RowProblem, Signature, texts::TextsBuilder};

/// At most so many problems are named; a request of a million bad rows would otherwise be answered by a million more.
const MAX_PROBLEMS: usize = 100;

impl Frame {
    /// Reads rows. Texts are not parsed as numbers, unknown columns are refused, and a value that is null or absent is
    /// missing, where it may be.
    pub fn from_rows(rows: &[Map<String, Value>], signature: &Signature) -> Result<Self, Vec<RowProblem>> {
        let mut columns: Vec<Building> = signature
            .inputs
            .iter()
            .map(|input| match input.input_type {
                InputType::Text => Building::Texts(TextsBuilder::default()),
                _ => Building::Numbers(Vec::with_capacity(rows.len())),
            })
            .collect();
        let mut problems = Vec::new();
        for (row_idx, row) in rows.iter().enumerate() {
            if problems.len() >= MAX_PROBLEMS {
                break;
            }
            let mut n_known = 0;
            for (input, column) in signature.inputs.iter().zip(&mut columns) {
                match row.get(&input.name) {
                    None if input.nullable => column.push_missing(),
                    None => problems.push(missing(row_idx, input, row, signature)),
                    Some(value) => {
                        n_known += 1;
                        if let Err(message) = push(column, value, input) {
                            let column = Some(input.name.clone());
                            problems.push(RowProblem { row: row_idx, column, message, hint: None });
                        }
                    }
                }
            }
            if n_known < row.len() {
                problems.extend(unknown(row_idx, row, signature));
            }
        }
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(problems);
        }
        let names = signature.inputs.iter().map(|input| input.name.clone());
        let columns = columns.into_iter().map(Building::finish);
        Ok(Self { columns: names.zip(columns).collect(), n_rows: rows.len() })
    }
}

/// A column that is being read.
enum Building {
    Numbers(Vec<f64>),
    Texts(TextsBuilder),
}

impl Building {
    fn push_missing(&mut self) {
        match self {
            Self::Numbers(values) => values.push(f64::NAN),
            Self::Texts(texts) => texts.push(None),
        }
    }

    fn finish(self) -> ColumnData {
        match self {
            Self::Numbers(values) => ColumnData::Numbers(values),
            Self::Texts(texts) => ColumnData::Texts(texts.finish()),
        }
    }
}

fn push(column: &mut Building, value: &Value, input: &InputColumn) -> Result<(), String> {
    let wrong = || format!("`{}` must be {}, found {}", input.name, input.input_type, describe(value));
    match (column, value, input.input_type) {
        (Building::Numbers(values), Value::Number(number), InputType::Number) => {
            values.push(number.as_f64().filter(|number| number.is_finite()).ok_or_else(wrong)?);
        }
        (Building::Numbers(values), Value::Bool(truth), InputType::Boolean) => {
            values.push(f64::from(u8::from(*truth)));
        }
        (Building::Texts(texts), Value::String(text), InputType::Text) => texts.push(Some(text)),
        (column, Value::Null, _) if input.nullable => column.push_missing(),
        _ => return Err(wrong()),
    }
    Ok(())
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text \"{}\"", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

fn missing(row: usize, input: &InputColumn, given: &Map<String, Value>, signature: &Signature) -> RowProblem {
    let strangers =
        given.keys().map(String::as_str).filter(|name| !signature.inputs.iter().any(|i| i.name == *name));
    let hint = sluicegate_plugin::nearest(&input.name, strangers).map(|near| format!("is `{near}` meant?"));
    RowProblem {
        row,
        column: Some(input.name.clone()),
        message: format!("`{}` is missing", input.name),
        hint,
    }
}

fn unknown<'a>(
    row: usize,
    given: &'a Map<String, Value>,
    signature: &'a Signature,
) -> impl Iterator<Item = RowProblem> + 'a {
    let known = |name: &str| signature.inputs.iter().any(|input| input.name == name);
    given.keys().filter(move |name| !known(name)).map(move |name| {
        let near = sluicegate_plugin::nearest(name, signature.inputs.iter().map(|input| input.name.as_str()));
        RowProblem {
            row,
            column: Some(name.clone()),
            message: format!("`{name}` is not a column of the model"),
            hint: near.map(|near| format!("did you mean `{near}`?")),
        }
    })
}
