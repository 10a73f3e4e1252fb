//! The model server: as a library, and as the small program `sluice-server` that processes and images start.
//!
//! It knows bundles and HTTP, and nothing of workflows, training, data engines or containers: what serves a model is
//! small.

mod program;
mod server;

pub use program::{LIBRARIES_COMMAND, ServerArguments, main};
pub use server::{ServeError, ServeOptions, bundle_hash, reachable_ip, serve, serve_until};
