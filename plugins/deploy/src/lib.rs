//! The built-in pack `deploy`: registering models and putting them into service, and the model server itself.
//!
//! [`serve`] is the server. `deploy.process` starts it as a process of its own and `deploy.docker` in a container; both follow the
//! same steps (module `rollout`): record, start, wait until ready, record, then stop what was in service before.
//! [`probe`] and [`stop`] work on what is recorded, whoever deployed it.

mod docker;
mod health;
mod name;
mod process;
mod register;
mod rollout;
mod server;
mod stop;
#[cfg(test)]
mod testing;

use sluicegate_plugin::Pack;

pub use docker::DeployDocker;
pub use process::{DeployProcess, ServerProgram};
pub use register::Register;
pub use server::{ServeError, ServeOptions, serve, serve_until};
pub use stop::{DeploymentHealth, probe, stop};

/// The kinds `register`, `deploy.process` and `deploy.docker`.
pub fn pack() -> Pack {
    Pack::new("deploy").with(Register).with(DeployProcess::default()).with(DeployDocker::default())
}
