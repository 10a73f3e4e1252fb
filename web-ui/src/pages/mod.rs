//! One function a page.

mod api_docs;
mod compare;
mod deployments;
mod error;
mod kinds;
mod models;
mod overview;
mod run;
mod runs;
mod schedules;
mod system;
mod workflow;
mod workflows;

pub use api_docs::api_docs;
pub use compare::compare;
pub use deployments::deployments;
pub use error::{error, login};
pub use kinds::{kind, kinds};
pub use models::{model, models};
pub use overview::overview;
pub use run::{log, run, task};
pub use runs::runs;
pub use schedules::schedules;
pub use system::system;
pub use workflow::workflow;
pub use workflows::workflows;
