//! Why the scheduler refused.

use crate::{run::RunId, store::StoreError};

/// Why the scheduler refused.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// There is no such schedule.
    #[error("there is no schedule `{0}`")]
    NoSchedule(String),
    /// What was asked is not for schedules of this kind.
    #[error("`{id}` {what}")]
    NotFor {
        /// The schedule.
        id: String,
        /// Why not.
        what: &'static str,
    },
    /// A range has no times.
    #[error("`{0}` has no times in that range")]
    NoTimes(String),
    /// A webhook's signature is not that of its body, or there is no such webhook.
    #[error("the signature is wrong, or there is no such webhook")]
    Forged,
    /// A webhook's secret cannot be had.
    #[error("the webhook's secret cannot be had: {0}")]
    NoSecret(String),
    /// An event does not bring what the parameters of its run need.
    #[error("`{id}` starts no run: {what}")]
    Useless {
        /// The schedule.
        id: String,
        /// What is missing.
        what: String,
    },
    /// The decision was made, but no run came of it.
    #[error("run {0} could not be started")]
    NotStarted(RunId),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service has ended.
    #[error("the scheduler has ended")]
    Gone,
}
