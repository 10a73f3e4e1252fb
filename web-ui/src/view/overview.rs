//! `/`

use super::{DeploymentRow, Fire, RunRow, WorkflowRow};

/// How many runs ended how in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// When the span begins.
    pub at: i64,
    /// Runs that succeeded.
    pub n_succeeded: u32,
    /// Runs that were rejected.
    pub n_rejected: u32,
    /// Runs that failed.
    pub n_failed: u32,
    /// Runs that were cancelled.
    pub n_cancelled: u32,
}

/// What runs now, what went wrong lately, what comes next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// The number of workflows in the workflows folder.
    pub n_workflows: usize,
    /// The number of runs that are known.
    pub n_runs: u64,
    /// Runs at work, queued, paused or interrupted; newest first, some dozens at most.
    pub running: Vec<RunRow>,
    /// Runs that failed or were rejected lately, newest first, about ten.
    pub troubled: Vec<RunRow>,
    /// Runs that ended lately, newest first, about ten.
    pub recent: Vec<RunRow>,
    /// The next fires of schedules, soonest first, about eight.
    pub fires: Vec<Fire>,
    /// What is deployed.
    pub deployments: Vec<DeploymentRow>,
    /// Workflows whose file is broken.
    pub broken: Vec<WorkflowRow>,
    /// Runs by hour (or day) up to now, oldest first, all spans equally long; empty when it is not known.
    pub activity: Vec<Activity>,
    /// Seconds that each span of `activity` has.
    pub activity_seconds: u32,
}
