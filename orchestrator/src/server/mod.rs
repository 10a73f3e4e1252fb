//! The daemon's face: the JSON API, event streams and metrics over TCP, TLS and a Unix socket.
//!
//! [`serve`] answers until it is told to stop. What it may ask of the rest of the program is in [`ServerParts`]; what it tells are views of
//! its own, never the types of the domain.

mod access;
mod api;
mod audit;
mod endpoint;
mod error;
mod extract;
mod facade;
mod guard;
mod limits;
mod listen;
mod metrics;
mod openapi;
mod pages;
mod peer;
mod range;
mod right;
mod rotated;
mod routes;
mod sizes;
mod sse;
mod starts;
mod state;
mod tls;
mod views;

pub use access::{Role, TokenBook, TokenError, TokenInfo};
pub use audit::{AuditEntry, audit_size, read_audit};
pub use facade::{
    BackfillRange, CheckedWorkflow, Deployments, FacadeError, Health, ParamSpec, ScheduleFire, ScheduleInfo,
    Schedules, WorkflowFile, Workflows,
};
pub use listen::{ListenError, Listeners, serve};
pub use peer::user_name;
pub use state::{ServerOptions, ServerParts, ServerState};
pub use tls::Tls;
