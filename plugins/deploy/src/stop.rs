//! Looking at what is recorded as deployed, and taking it out of service.

use std::path::{Path, PathBuf};

use sluicegate_plugin::{Deployment, DeploymentState, Host, Target, TaskError};

use crate::{docker, health, process, rollout};

/// How a recorded deployment is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentHealth {
    /// It answers, and serves the bundle that is recorded.
    Ready,
    /// Its process or container runs, but does not answer as it should.
    Alive,
    /// There is no such process or container.
    Gone,
}

/// Looks at a deployment: its process or container, and what it answers.
pub fn probe(deployment: &Deployment) -> Result<DeploymentHealth, TaskError> {
    Ok(rollout::runtime()?.block_on(health(deployment)))
}

/// Takes a deployment out of service, and records it as stopped. One that is gone already is only recorded.
pub fn stop(home: &Path, host: &dyn Host, deployment: &Deployment) -> Result<(), TaskError> {
    rollout::runtime()?.block_on(take_down(home, deployment))?;
    host.record_deployment(&Deployment { state: DeploymentState::Stopped, ..deployment.clone() })?;
    Ok(())
}

/// See [`probe`].
pub(crate) async fn health(deployment: &Deployment) -> DeploymentHealth {
    let lives = match deployment.target {
        Target::Process => deployment.process.as_ref().is_some_and(sluicegate_plugin::ProcessId::is_alive),
        Target::Docker => docker::runs(deployment).await,
    };
    if !lives {
        return DeploymentHealth::Gone;
    }
    match health::ready(&deployment.address).await {
        Ok(identity) if identity.bundle == deployment.bundle => DeploymentHealth::Ready,
        _ => DeploymentHealth::Alive,
    }
}

/// Removes whatever runs for a record, also when the record was written before anything was started.
pub(crate) async fn take_down(home: &Path, deployment: &Deployment) -> Result<(), TaskError> {
    match deployment.target {
        Target::Process => process::take_down(&folder(home, deployment), deployment).await,
        Target::Docker => docker::take_down(deployment).await,
    }
}

/// The folder of a generation: its log and, for a process, its bundle and its address.
pub(crate) fn folder(home: &Path, deployment: &Deployment) -> PathBuf {
    home.join("deployments").join(&deployment.name).join(deployment.generation.to_string())
}
