//! Tables as training data: a target, and features with their types.

use arrow_array::{Array, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use sluicegate_model::{Frame, InputColumn, InputType, Label, Signature};
use sluicegate_plugin::{Column, Problem, SchemaCheck, Table, TaskError};

use crate::{columns::Columns, estimator::Task, train::Common, transforms};

/// More distinct numbers than this in a target with fractions look like regression.
const MAX_NUMERIC_CLASSES: usize = 50;

/// The columns of a table as Arrow arrays, one for each batch.
fn parts<'a>(table: &'a Table, name: &str) -> Result<impl Iterator<Item = &'a dyn Array> + 'a, TaskError> {
    let (idx, _) = table.schema().column_with_name(name).ok_or_else(|| missing_column(table, name))?;
    Ok(table.batches().iter().map(move |batch| batch.column(idx).as_ref()))
}

fn missing_column(table: &Table, name: &str) -> TaskError {
    let problem = Problem::missing_column("", name, &table.columns());
    let error = TaskError::permanent("missing_column", problem.message);
    match problem.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn missing_value(name: &str, row: usize) -> TaskError {
    TaskError::permanent("missing_value", format!("column `{name}` has a missing value in row {row}"))
        .hint("drop or fill missing values with `data.clean` before")
}

/// A column of classes. Numbers must be whole.
pub(crate) fn labels(table: &Table, name: &str) -> Result<Vec<Label>, TaskError> {
    let mut labels = Vec::with_capacity(table.n_rows());
    for part in parts(table, name)? {
        if let Some(at) = (0..part.len()).find(|at| part.is_null(*at)) {
            return Err(missing_value(name, labels.len() + at + 1));
        }
        let any = part.as_any();
        if let Some(values) = any.downcast_ref::<StringArray>() {
            labels.extend(values.iter().flatten().map(|text| Label::Text(text.into())));
        } else if let Some(values) = any.downcast_ref::<Int64Array>() {
            labels.extend(values.values().iter().map(|number| Label::Integer(*number)));
        } else if let Some(values) = any.downcast_ref::<BooleanArray>() {
            labels.extend(values.iter().flatten().map(Label::Boolean));
        } else if let Some(values) = any.downcast_ref::<Float64Array>() {
            for number in values.values() {
                if number.fract() != 0.0 || number.abs() > 9e15 {
                    let row = labels.len() + 1;
                    let message = format!(
                        "target `{name}` has the number {number} in row {row}; classes are texts, truths or whole numbers"
                    );
                    return Err(TaskError::permanent("not_classes", message)
                        .hint("use `train.linear` to predict a number"));
                }
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 9e15")]
                labels.push(Label::Integer(*number as i64));
            }
        } else {
            let message =
                format!("target `{name}` has the type {}, which cannot hold classes", part.data_type());
            return Err(TaskError::permanent("not_classes", message));
        }
    }
    Ok(labels)
}

/// A column of numbers as a regression's target.
pub(crate) fn numbers(table: &Table, name: &str) -> Result<Vec<f64>, TaskError> {
    let mut numbers: Vec<f64> = Vec::with_capacity(table.n_rows());
    for part in parts(table, name)? {
        if let Some(at) = (0..part.len()).find(|at| part.is_null(*at)) {
            return Err(missing_value(name, numbers.len() + at + 1));
        }
        let any = part.as_any();
        if let Some(values) = any.downcast_ref::<Float64Array>() {
            numbers.extend_from_slice(values.values());
        } else if let Some(values) = any.downcast_ref::<Int64Array>() {
            numbers.extend(values.values().iter().map(|number| *number as f64));
        } else {
            let message =
                format!("target `{name}` has the type {}, but regression wants numbers", part.data_type());
            return Err(TaskError::permanent("not_numbers", message)
                .hint("use `train.logistic` or `train.svm` for classes"));
        }
    }
    match numbers.iter().position(|number| !number.is_finite()) {
        None => Ok(numbers),
        Some(at) => {
            let message = format!("target `{name}` has the value {} in row {}", numbers[at], at + 1);
            Err(TaskError::permanent("not_finite", message))
        }
    }
}

/// The target of a classifier: its sorted classes, and each row's class as an index.
pub(crate) fn classes(table: &Table, name: &str) -> Result<(Vec<Label>, Vec<usize>), TaskError> {
    let labels = labels(table, name)?;
    let mut classes = labels.clone();
    classes.sort();
    classes.dedup();
    if let [only] = classes.as_slice() {
        let message = format!("target `{name}` has one class only, `{only}`, in all {} rows", labels.len());
        return Err(TaskError::permanent("one_class", message)
            .hint("a classifier needs rows of at least two classes"));
    }
    if classes.len() > MAX_NUMERIC_CLASSES && classes.len() * 2 > labels.len() {
        let message = format!(
            "target `{name}` has {} different values in {} rows; this looks like regression",
            classes.len(),
            labels.len()
        );
        return Err(
            TaskError::permanent("too_many_classes", message).hint("use `train.linear` to predict a number")
        );
    }
    let indices = labels.iter().map(|label| classes.binary_search(label).unwrap_or_default()).collect();
    Ok((classes, indices))
}

/// What a target's column says about the task: texts and truths are classes, numbers with fractions are to be predicted.
pub(crate) fn task_of(table: &Table, name: &str) -> Result<Task, TaskError> {
    let field = table.schema().field_with_name(name).cloned().map_err(|_| missing_column(table, name))?;
    match field.data_type() {
        DataType::Utf8 | DataType::Boolean => Ok(Task::Classification),
        DataType::Float64 if numbers(table, name)?.iter().any(|number| number.fract() != 0.0) => {
            Ok(Task::Regression)
        }
        DataType::Float64 | DataType::Int64 => {
            let message = format!("target `{name}` holds whole numbers, which may be classes or counts");
            Err(TaskError::permanent("task_unclear", message)
                .hint("say `task = \"classification\"` or `task = \"regression\"`"))
        }
        other => {
            let message = format!("target `{name}` has the type {other}, which cannot be predicted");
            Err(TaskError::permanent("not_classes", message))
        }
    }
}

/// A column that says how much each row counts.
pub(crate) fn weights(table: &Table, name: &str) -> Result<Vec<f64>, TaskError> {
    let weights = numbers(table, name)?;
    if let Some(row) = weights.iter().position(|weight| *weight < 0.0) {
        let message = format!("weight `{name}` has the value {} in row {}", weights[row], row + 1);
        return Err(TaskError::permanent("bad_weight", message).hint("a weight is zero or greater"));
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(TaskError::permanent("bad_weight", format!("weight `{name}` is zero in every row")));
    }
    Ok(weights)
}

/// The feature columns of a table: all but the target and the weight, or those named.
pub(crate) fn signature(table: &Table, common: &Common, nullable: bool) -> Result<Signature, TaskError> {
    if table.schema().column_with_name(&common.target).is_none() {
        return Err(missing_column(table, &common.target));
    }
    feature_signature(table, common, nullable)
}

/// The feature columns of a table that need not have a target.
pub(crate) fn feature_signature(
    table: &Table,
    common: &Common,
    nullable: bool,
) -> Result<Signature, TaskError> {
    let schema = table.schema();
    let names: Vec<&str> = match &common.features {
        Columns::All => {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            names.filter(|name| common.is_feature(name)).collect()
        }
        Columns::Named(names) => names.iter().map(String::as_str).collect(),
    };
    if names.is_empty() {
        return Err(TaskError::permanent("no_features", "the table has no column but the target"));
    }
    let mut inputs = Vec::new();
    for name in names {
        let field = schema.field_with_name(name).map_err(|_| missing_column(table, name))?;
        let input_type = match field.data_type() {
            DataType::Float64 | DataType::Int64 => InputType::Number,
            DataType::Boolean => InputType::Boolean,
            DataType::Utf8 => InputType::Text,
            other => {
                let message = format!("feature `{name}` has the type {other}, which a model cannot use");
                return Err(TaskError::permanent("bad_feature", message)
                    .hint("leave it out with `features`, or convert it with `data.sql`"));
            }
        };
        let is_text = input_type == InputType::Text;
        let nullable = nullable || transforms::takes_missing(&common.transforms, name, is_text);
        inputs.push(InputColumn { name: name.into(), input_type, nullable });
    }
    Ok(Signature { inputs })
}

/// The feature values of a table.
pub(crate) fn frame(table: &Table, signature: &Signature) -> Result<Frame, TaskError> {
    if table.n_rows() == 0 {
        return Err(TaskError::permanent("no_rows", "the table has zero rows"));
    }
    Frame::from_table(table, signature).map_err(|error| {
        TaskError::permanent("bad_feature", error.to_string())
            .hint("drop or fill missing values with `data.clean` before")
    })
}

/// Problems of names that a table lacks, for `sluice check`. `None` when the table's columns are not known.
pub(crate) fn check_names(check: &mut SchemaCheck, common: &Common) -> Option<Vec<Column>> {
    let columns = check.inputs.get("table")?.columns.clone();
    let Common { target, features, weight, .. } = common;
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    if !has(target) {
        check.problems.push(Problem::missing_column("/target", target, &columns));
    }
    if !weight.is_empty() && !has(weight) {
        check.problems.push(Problem::missing_column("/weight", weight, &columns));
    }
    for (idx, name) in features.named().iter().enumerate() {
        let problem = |message: String| Problem::new(format!("/features/{idx}"), message);
        if !has(name) {
            check.problems.push(Problem::missing_column(format!("/features/{idx}"), name, &columns));
        } else if name == target {
            check.problems.push(problem(format!("`{name}` is the target and cannot be a feature")));
        } else if name == weight {
            check.problems.push(problem(format!("`{name}` is the weight and cannot be a feature")));
        }
    }
    for (idx, name) in common.exclude.iter().enumerate().filter(|(_, name)| !has(name)) {
        check.problems.push(Problem::missing_column(format!("/exclude/{idx}"), name, &columns));
    }
    let is_feature = |column: &Column| match features {
        Columns::All => common.is_feature(&column.name),
        Columns::Named(names) => names.contains(&column.name),
    };
    Some(columns.into_iter().filter(is_feature).collect())
}
