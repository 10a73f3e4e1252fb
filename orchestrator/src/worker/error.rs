//! Why no worker could be had.

/// Why no worker could be had, or why it was lost.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkerError {
    /// The process did not start.
    #[error("cannot start a worker: {0}")]
    Start(std::io::Error),
    /// The process started, but did not speak.
    #[error("a worker did not answer within {0} s of its start")]
    Silent(u64),
    /// The process ended.
    #[error("{0}")]
    Died(String),
}
