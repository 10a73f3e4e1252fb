//! What the server asks of parts that it must not know: deployments.

use std::{path::PathBuf, sync::Arc};

use sluicegate_deploy::{DeploymentHealth, probe, stop};
use sluicegate_plugin::{Deployment, with_causes};

use crate::{
    engine::StoreHost,
    server::{Deployments, FacadeError, Health},
};

/// The deployments' own side.
pub(super) struct OwnDeployments {
    home: PathBuf,
    host: Arc<StoreHost>,
}

impl OwnDeployments {
    pub(super) fn new(home: PathBuf, host: Arc<StoreHost>) -> Self {
        Self { home, host }
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
}
