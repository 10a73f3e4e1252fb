//! Why no worker could be had.

use std::path::PathBuf;

use sluicegate_plugin::TaskError;

/// Why no worker could be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkerError {
    /// The process did not start.
    #[error("cannot start a worker from `{program}`: {source}", program = program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why it did not start.
        source: std::io::Error,
    },
    /// The process started, but did not speak.
    #[error("a worker did not say hello within {after} s of its start")]
    Silent {
        /// How long it was given, in seconds.
        after: u64,
    },
    /// The process speaks, but not as this program does.
    #[error("a worker cannot be used: {why}")]
    Stranger {
        /// What does not fit.
        why: String,
    },
    /// The process ended before it was ready.
    #[error("{how} before it was ready{}", if stderr.is_empty() { String::new() } else { format!("; it last wrote: {stderr}") })]
    Died {
        /// Signal or exit code.
        how: String,
        /// The end of its standard error.
        stderr: String,
    },
}

impl From<WorkerError> for TaskError {
    fn from(error: WorkerError) -> Self {
        let failed = Self::transient("no_worker", error.to_string());
        match error {
            WorkerError::Start { .. } | WorkerError::Stranger { .. } => {
                failed.hint("was `sluice` replaced or removed while it ran? start the run again")
            }
            WorkerError::Silent { .. } => {
                failed.hint("the machine may be overloaded; fewer tasks at a time may help")
            }
            WorkerError::Died { .. } => failed,
        }
    }
}
