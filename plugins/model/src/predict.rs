//! Predicting: rows or tables through the bundle's transforms and estimator.

use serde_json::{Map, Value, json};
use sluicegate_plugin::Table;

use crate::{Bundle, Frame, InputColumn, InputType, Label, ModelError, ModelTask, RowProblem, apply_all};

/// What was predicted for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Classes, as indices into the bundle's sorted classes.
    Classes(Vec<usize>),
    /// Numbers.
    Values(Vec<f64>),
}

/// Predictions for some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// What was predicted.
    pub output: Output,
    /// The model's classes; empty for regression.
    pub classes: Vec<Label>,
    /// Probabilities, one for each class, row after row.
    pub probabilities: Option<Vec<f64>>,
    /// For two classes: a decision value that grows with the second (greater) class.
    pub scores: Option<Vec<f64>>,
}

impl Predictions {
    pub(crate) fn of(output: Output) -> Self {
        Self { output, classes: Vec::new(), probabilities: None, scores: None }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        match &self.output {
            Output::Classes(classes) => classes.len(),
            Output::Values(values) => values.len(),
        }
    }

    /// One object for each row: `prediction`, and what else the model says: `probabilities` by class, or a `score`.
    pub fn to_json_rows(&self) -> Vec<Value> {
        (0..self.n_rows()).map(|row| self.to_json_row(row)).collect()
    }

    fn to_json_row(&self, row: usize) -> Value {
        let classes = match &self.output {
            Output::Values(values) => return json!({ "prediction": values[row] }),
            Output::Classes(classes) => classes,
        };
        let mut object = Map::new();
        object.insert("prediction".into(), self.classes[classes[row]].to_json());
        if let Some(probabilities) = &self.probabilities {
            let n_classes = self.classes.len();
            let own = &probabilities[row * n_classes..(row + 1) * n_classes];
            let by_class = self.classes.iter().zip(own).map(|(class, p)| (class.to_string(), json!(p)));
            object.insert("probabilities".into(), Value::Object(by_class.collect()));
        } else if let Some(scores) = &self.scores {
            object.insert("score".into(), json!(scores[row]));
        }
        Value::Object(object)
    }
}

impl Bundle {
    /// Predicts every row of a table. Other columns than the signature's are not looked at.
    pub fn predict_table(&self, table: &Table) -> Result<Predictions, ModelError> {
        self.predict_frame(Frame::from_table(table, &self.signature)?)
    }

    /// Predicts rows given as JSON objects. All problems of all rows are named.
    pub fn predict_rows(&self, rows: &[Map<String, Value>]) -> Result<Predictions, Vec<RowProblem>> {
        if let [row] = rows
            && let Some(values) = self.row_of_numbers(row)
        {
            return Ok(self.predict_matrix(&values, values.len(), 1));
        }
        let frame = Frame::from_rows(rows, &self.signature)?;
        self.predict_frame(frame).map_err(|error| {
            vec![RowProblem { row: 0, column: None, message: error.to_string(), hint: None }]
        })
    }

    fn predict_frame(&self, mut frame: Frame) -> Result<Predictions, ModelError> {
        apply_all(&self.transforms, &mut frame)?;
        let (matrix, n_columns) = frame.to_matrix()?;
        if n_columns != self.estimator.n_features() {
            let wanted = self.estimator.n_features();
            return Err(ModelError::Damaged(format!(
                "its transforms give {n_columns} features, its estimator wants {wanted}"
            )));
        }
        Ok(self.predict_matrix(&matrix, n_columns, frame.n_rows))
    }

    /// Scales a valid row of numbers without making a frame: a short way for the most frequent request. `None` for any
    /// other row, which the long way either takes or refuses with a reason.
    fn row_of_numbers(&self, row: &Map<String, Value>) -> Option<Vec<f64>> {
        let inputs = &self.signature.inputs;
        if row.len() != inputs.len() || inputs.len() != self.estimator.n_features() {
            return None;
        }
        let number = |input: &InputColumn| match (row.get(&input.name)?, input.input_type) {
            (Value::Number(number), InputType::Number) => number.as_f64().filter(|number| number.is_finite()),
            (Value::Bool(truth), InputType::Boolean) => Some(f64::from(u8::from(*truth))),
            _ => None,
        };
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            values.push(number(input)?);
        }
        self.transforms.iter().try_for_each(|transform| transform.apply_to_row(inputs, &mut values))?;
        Some(values)
    }

    fn predict_matrix(&self, matrix: &[f64], n_columns: usize, n_rows: usize) -> Predictions {
        let mut predictions = self.estimator.predict(matrix, n_columns, n_rows);
        if let ModelTask::Classification { classes } = &self.task {
            predictions.classes.clone_from(classes);
        }
        predictions
    }
}
