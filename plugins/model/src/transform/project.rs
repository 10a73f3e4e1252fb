//! Columns that are weighted sums of others: principal components and singular vectors.

use serde::{Deserialize, Serialize};

use super::no_column;
use crate::{ColumnData, Frame, ModelError};

/// Some columns make way for weighted sums of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// The columns.
    pub columns: Vec<String>,
    /// What is taken off each column before; empty for nothing.
    #[serde(with = "crate::packed")]
    pub centre: Vec<f64>,
    /// The new columns.
    pub outputs: Vec<String>,
    /// For each new column, a weight for each old one.
    #[serde(with = "crate::packed")]
    pub weights: Vec<f64>,
    /// What each new column is divided by; empty for nothing.
    #[serde(with = "crate::packed")]
    pub scale: Vec<f64>,
}

impl Projection {
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        frame.make_numbers(&self.columns);
        let columns = self.columns.iter().map(|name| frame.numbers(name).ok_or_else(|| no_column(name)));
        let columns: Vec<&[f64]> = columns.collect::<Result<_, _>>()?;
        let mut made = Vec::with_capacity(self.outputs.len());
        let weights = self.weights.chunks(self.columns.len().max(1));
        for (output, (name, weights)) in self.outputs.iter().zip(weights).enumerate() {
            let mut sums = vec![0.0; frame.n_rows];
            for (column, (values, weight)) in columns.iter().zip(weights).enumerate() {
                let centre = self.centre.get(column).copied().unwrap_or_default();
                sums.iter_mut().zip(*values).for_each(|(sum, value)| *sum += (value - centre) * weight);
            }
            if let Some(scale) = self.scale.get(output) {
                for sum in &mut sums {
                    *sum /= scale;
                }
            }
            made.push((name.clone(), sums));
        }
        let first =
            frame.columns.iter().position(|(name, _)| self.columns.contains(name)).unwrap_or_default();
        frame.columns.retain(|(name, _)| !self.columns.contains(name));
        for (idx, (name, values)) in made.into_iter().enumerate() {
            frame.insert(first + idx, name, ColumnData::Numbers(values))?;
        }
        Ok(())
    }
}
