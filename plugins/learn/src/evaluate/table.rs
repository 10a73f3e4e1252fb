//! The output `predictions`: what `foreign` reads.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use sluicegate_model::{Label, Output, Predictions};
use sluicegate_plugin::{Table, TaskError};

use super::Truth;

/// Row, truth, prediction, and for classes the probability of each, or the score. Classes keep their type.
pub(super) fn predictions_table(truth: &Truth, predictions: &Predictions) -> Result<Table, TaskError> {
    let n_rows = predictions.n_rows();
    #[expect(clippy::cast_possible_wrap, reason = "a table has fewer rows than that")]
    let rows = Int64Array::from_iter_values((0..n_rows).map(|row| row as i64));
    let mut columns: Vec<(String, ArrayRef)> = vec![("row".into(), Arc::new(rows))];
    match (truth, &predictions.output) {
        (Truth::Numbers(truth), Output::Values(values)) => {
            columns.push(("truth".into(), Arc::new(Float64Array::from(truth.clone()))));
            columns.push(("prediction".into(), Arc::new(Float64Array::from(values.clone()))));
        }
        (Truth::Labels(truth), Output::Classes(classes)) => {
            let truth: Vec<&Label> = truth.iter().collect();
            let predicted: Vec<&Label> = classes.iter().map(|class| &predictions.classes[*class]).collect();
            columns.push(("truth".into(), label_array(&truth)));
            columns.push(("prediction".into(), label_array(&predicted)));
        }
        _ => {}
    }
    let n_classes = predictions.classes.len();
    if let Some(probabilities) = &predictions.probabilities {
        for (at, class) in predictions.classes.iter().enumerate() {
            let values = (0..n_rows).map(|row| probabilities[row * n_classes + at]);
            columns.push((format!("probability_{class}"), Arc::new(Float64Array::from_iter_values(values))));
        }
    } else if let Some(scores) = &predictions.scores {
        columns.push(("score".into(), Arc::new(Float64Array::from(scores.clone()))));
    }
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|error| TaskError::permanent("bad_output", error.to_string()))?;
    Ok(Table::from_batch(batch))
}

/// Labels of one type as an array of this type; of several types as text.
fn label_array(labels: &[&Label]) -> ArrayRef {
    let integers: Option<Vec<i64>> = labels
        .iter()
        .map(|label| if let Label::Integer(number) = label { Some(*number) } else { None })
        .collect();
    if let Some(integers) = integers {
        return Arc::new(Int64Array::from(integers));
    }
    let truths: Option<Vec<bool>> = labels
        .iter()
        .map(|label| if let Label::Boolean(truth) = label { Some(*truth) } else { None })
        .collect();
    match truths {
        Some(truths) => Arc::new(BooleanArray::from(truths)),
        None => Arc::new(StringArray::from_iter_values(labels.iter().map(ToString::to_string))),
    }
}
