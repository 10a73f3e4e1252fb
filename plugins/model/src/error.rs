//! Why a bundle cannot be read, or a row not predicted.

use serde::Serialize;

/// Why a bundle cannot be read or a table not predicted.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read the bundle `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("the file is not a model bundle")]
    NotABundle,
    /// The file was written by a newer program.
    #[error("the bundle has format {found}; this program reads formats up to {known}: use a newer `sluice`")]
    Newer {
        /// The file's format.
        found: u32,
        /// The newest format this program reads.
        known: u32,
    },
    /// The content is not what was written.
    #[error("the bundle is damaged: {0}")]
    Damaged(String),
    /// The table does not fit the signature.
    #[error("{0}")]
    Columns(String),
}

/// One thing that is wrong with a row of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// The row, from 0.
    pub row: usize,
    /// The column, when one is to blame.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
