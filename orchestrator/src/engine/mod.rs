//! What makes it happen: one driver a run, around the pure [`Run`](crate::run).
//!
//! The driver collects inputs, lets the run decide, makes the events durable, tells, and only then acts.

mod act;
mod driver;
mod error;
mod host;
mod plan;
mod prepare;
mod recover;
mod scope;

pub use driver::{Engine, EngineOptions, RunHandle, StartRequest, Update};
pub use error::EngineError;
pub use host::StoreHost;
pub use plan::{PlannedTask, Prediction};
