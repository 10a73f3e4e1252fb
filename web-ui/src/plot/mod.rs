//! Charts as SVG, or as tables where a table says it better. Each has its numbers in words or in a table too.

mod bars;
mod confusion;
mod curve;
mod lines;
mod scale;
mod scatter;

pub(crate) use bars::{activity, outcome_bars, outcomes, shares};
pub(crate) use confusion::confusion;
pub(crate) use curve::curves;
pub(crate) use lines::{trend_durations, trend_metric};
pub(crate) use scatter::residuals;
