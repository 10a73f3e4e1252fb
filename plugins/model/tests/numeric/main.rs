//! Power, quantile and binning transforms beside scikit-learn's, and on columns that are hard to take.
#![expect(clippy::unwrap_used, reason = "tests")]

mod edge_cases;
mod golden;
