//! When: which times of which schedules became runs, will, or did not, and why.
//!
//! [`Planner`] is pure: states, times and ids in, decisions out. [`Scheduler`] is the service around it: it lets the planner decide, makes
//! the decisions durable with the ids of the runs to come, and only then asks for the runs. So a restart in between finds what was
//! decided and starts the very runs that are named there; a run that exists already is never started again.

mod decide;
mod error;
mod handle;
mod library;
mod overlap;
mod planner;
mod scan;
mod service;
mod simulate;
mod spec;
#[cfg(test)]
mod tests;
mod watch;
mod webhook;

pub use error::SchedulerError;
pub use handle::{BackfillRequest, ScheduleView, SchedulerHandle};
pub use library::{FileStatus, Library, LoadFiles, LoadedFile, LoadedWorkflow, Place};
pub use overlap::{Effect, Turn};
pub use planner::{Event, NewId, Planner, RunIs};
pub use service::{Doing, Scheduler, SchedulerOptions, StartFailure, StartRequest, StartRuns};
pub use simulate::{Simulation, Step, simulate};
pub use spec::{Due, Spec};
pub use webhook::{sign, verify};

pub use crate::store::{Backfill, Decision, Fire, LogEntry, Pause, ScheduleId, ScheduleState};
