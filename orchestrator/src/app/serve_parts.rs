//! What the server asks of parts that it must not know: deployments.

use std::{path::PathBuf, sync::Arc};

use sluicegate_deploy::{DeploymentHealth, probe, roll_back, stop};
use sluicegate_plugin::{Deployment, with_causes};

use crate::{
    artifact::ArtifactStore,
    engine::StoreHost,
    server::{Deployments, FacadeError, Health},
};

/// The deployments' own side.
pub(super) struct OwnDeployments {
    home: PathBuf,
    host: Arc<StoreHost>,
    artifacts: ArtifactStore,
}

impl OwnDeployments {
    pub(super) fn new(home: PathBuf, host: Arc<StoreHost>, artifacts: ArtifactStore) -> Self {
        Self { home, host, artifacts }
    }
}

impl Deployments for OwnDeployments {
    fn health(&self, deployment: &Deployment) -> Result<Health, FacadeError> {
        match probe(deployment) {
            Ok(DeploymentHealth::Ready) => Ok(Health::Ready),
            Ok(DeploymentHealth::Alive) => Ok(Health::Alive),
            Ok(DeploymentHealth::Gone) => Ok(Health::Gone),
            Err(error) => Err(FacadeError::Failed(with_causes(&error))),
        }
    }

    fn stop(&self, deployment: &Deployment) -> Result<(), FacadeError> {
        stop(&self.home, self.host.as_ref(), deployment)
            .map_err(|error| FacadeError::Failed(with_causes(&error)))
    }

    fn roll_back(&self, name: &str) -> Result<Deployment, FacadeError> {
        roll_back(&self.home, self.host.clone(), name, |hash| self.artifacts.path(hash)).map_err(|error| {
            match error.code.as_str() {
                "host" | "io" => FacadeError::Failed(with_causes(&error)),
                // How things stand is in the way: nothing to go back to, or a server that does not become ready.
                _ => {
                    FacadeError::Conflict {
                        message: with_causes(&error),
                        hint: error.hints.first().cloned().unwrap_or_else(|| {
                            format!("`sluice deployments show {name}` lists its generations")
                        }),
                    }
                }
            }
        })
    }
}
