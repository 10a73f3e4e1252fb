//! The built-in pack `deploy`: registering models and putting them into service.
//!
//! The server is the program `sluice-server` (package `sluicegate-serve`). `deploy.process` starts it as a process of
//! its own and `deploy.docker` in a container; both follow the same steps (module `rollout`): record, start, wait until
//! ready, record, then stop what was in service before. [`roll_back`] takes the same steps with the model before.
//! [`probe`] and [`stop`] work on what is recorded, whoever deployed it.

mod docker;
mod health;
mod name;
mod process;
mod program;
mod register;
mod rollback;
mod rollout;
mod stop;
#[cfg(test)]
mod testing;

use sluicegate_plugin::Pack;

pub use docker::{DaemonImage, DeployDocker, build_daemon_image};
pub use process::DeployProcess;
pub use program::{SERVER_COMMAND, ServerProgram};
pub use register::Register;
pub use rollback::roll_back;
pub use stop::{DeploymentHealth, probe, stop};

/// The kinds `register`, `deploy.process` and `deploy.docker`.
pub fn pack() -> Pack {
    Pack::new("deploy").with(Register).with(DeployProcess::default()).with(DeployDocker::default())
}
