//! Charts as SVG, or as tables where a table says it better. Each has its numbers in words or in a table too.

mod bars;
mod confusion;
mod lines;
mod roc;
mod scale;
mod scatter;

pub(crate) use bars::{activity, outcomes, shares};
pub(crate) use confusion::confusion;
pub(crate) use lines::{trend_durations, trend_metric};
pub(crate) use roc::roc;
pub(crate) use scatter::residuals;
