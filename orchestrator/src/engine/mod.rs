//! What makes it happen: one driver a run, around the pure [`Run`](crate::run).
//!
//! The driver collects inputs, lets the run decide, makes the events durable, tells, and only then acts.

mod act;
mod crew;
mod driver;
mod error;
mod handle;
mod host;
mod hub;
mod nested;
mod placed;
mod plan;
mod prepare;
mod recover;
mod rerun;
mod scope;
mod secrets;
mod service;
mod slots;
mod staff;

pub use error::EngineError;
pub use handle::{RunHandle, TaskNews, Update};
pub use host::StoreHost;
pub use hub::{News, RunFeed};
pub use plan::{PlannedTask, Prediction};
pub use rerun::RerunFrom;
pub use secrets::secret_text;
pub use service::{Engine, EngineOptions, StartRequest};
pub use staff::PoolLoad;

pub use crate::worker::{Work, WorkerNews};
