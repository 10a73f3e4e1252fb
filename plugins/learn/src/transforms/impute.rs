//! Fitting what fills missing values: scikit-learn's `SimpleImputer`, but that a column without any value is an error.

use std::collections::BTreeMap;

use sluicegate_model::{
    ColumnData, Fill, FittedTransform, Frame, Impute, MISSING, Texts, numeric::percentile,
};
use sluicegate_plugin::TaskError;

use super::{
    params::{Constant, FillBy, ImputeSettings},
    scale::known,
};

impl FillBy {
    /// Whether it fills columns of text, or of numbers.
    pub(super) fn takes(&self, is_text: bool) -> bool {
        match self {
            Self::Mean | Self::Median | Self::Constant(Constant::Number(_)) => !is_text,
            Self::Constant(Constant::Text(_)) => is_text,
            Self::Mode => true,
        }
    }
}

/// Finds what fills each column.
pub(super) fn impute(
    settings: &ImputeSettings,
    frame: &Frame,
    columns: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let mut fitted = Impute { fills: Vec::new(), indicators: Vec::new() };
    for column in columns {
        let Some(at) = frame.position(&column) else { continue };
        let data = &frame.columns[at].1;
        let has_missing = match data {
            ColumnData::Numbers(values) => values.iter().any(|value| value.is_nan()),
            ColumnData::Texts(texts) => texts.codes.contains(&MISSING),
            ColumnData::Flags(_) => false,
        };
        if settings.indicator && has_missing {
            fitted.indicators.push(column.clone());
        }
        let fill = match data {
            ColumnData::Numbers(values) => number(&settings.by, &known(values)).map(Fill::Number),
            ColumnData::Texts(texts) => text(&settings.by, texts).map(Fill::Text),
            ColumnData::Flags(_) => continue,
        };
        let Some(fill) = fill else {
            let message = format!("column `{column}` has no value in any training row to fill it by");
            return Err(TaskError::permanent("all_missing", message)
                .hint("fill it by a constant, or leave it out with `exclude`"));
        };
        fitted.fills.push((column, fill));
    }
    Ok(FittedTransform::Impute(fitted))
}

fn number(by: &FillBy, known: &[f64]) -> Option<f64> {
    let mut sorted = known.to_vec();
    sorted.sort_by(f64::total_cmp);
    match by {
        FillBy::Constant(Constant::Number(number)) => Some(*number),
        _ if sorted.is_empty() => None,
        FillBy::Mean => Some(known.iter().sum::<f64>() / known.len() as f64),
        FillBy::Median => Some(percentile(&sorted, 50.0)),
        FillBy::Mode => {
            let runs = sorted.chunk_by(|one, other| (one + 0.0).total_cmp(&(other + 0.0)).is_eq());
            // Of equally long runs the first, which is that of the smallest value.
            let longest =
                runs.fold(&sorted[..0], |best, run| if run.len() > best.len() { run } else { best });
            longest.first().copied()
        }
        FillBy::Constant(Constant::Text(_)) => None,
    }
}

fn text(by: &FillBy, texts: &Texts) -> Option<String> {
    if let FillBy::Constant(Constant::Text(text)) = by {
        return Some(text.clone());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in (0..texts.codes.len()).filter_map(|row| texts.get(row)) {
        *counts.entry(text).or_default() += 1;
    }
    let greatest = counts.values().max()?;
    counts.iter().find(|(_, count)| *count == greatest).map(|(text, _)| (*text).to_owned())
}
