//! What happened: a run's states, events and transitions. Pure: `now`, ids and chance are arguments.
//!
//! [`Run::step`] decides, [`Run::apply`] becomes. Replaying the stored events through `apply` gives the same run.

mod apply;
mod behind;
mod cache_key;
mod cause;
mod diff;
mod dispatch;
mod event;
mod execution;
mod expand;
mod id;
mod outcome;
mod queue;
mod record;
mod reopen;
mod replay;
mod retry;
mod row;
mod state;
mod step;
mod story;
#[cfg(test)]
mod tests;
mod time;

pub use cache_key::{CacheKey, CacheMiss, PartChange, Parts};
pub use cause::{Cause, Trigger};
pub use diff::{MetricDiff, RunDiff, TaskDiff};
pub use event::{EVENT_VERSION, Event, EventRecord, Owner, Resolution};
pub use expand::items;
pub use id::{IdParseError, RunId};
pub use outcome::{AttemptResult, CacheEntry, Origin, Outcome, OutputArtifact};
pub use record::TaskRecord;
pub use replay::ReplayError;
pub use row::{RunRow, RunStatus};
pub use state::{SkipReason, TaskState};
pub use step::{Effect, Input, Prepared, Step};
pub use story::{RunStory, Trouble};
pub use time::Timestamp;

pub(crate) use behind::gate_reason;
pub(crate) use execution::Run;
pub(crate) use queue::{project_pool_key, project_pool_name};
pub(crate) use story::one_line;
