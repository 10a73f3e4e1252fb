//! The registry and the deployments, as inline kinds see them.

use std::sync::Arc;

use sluicegate_plugin::{AliasMove, Deployment, Host, HostError, ModelVersion, Registration, Selector};

use crate::{
    store::{Store, StoreError},
    world::World,
};

/// The store as a [`Host`].
pub struct StoreHost {
    store: Store,
    world: Arc<dyn World>,
}

impl StoreHost {
    /// A host over a store.
    pub fn new(store: Store, world: Arc<dyn World>) -> Self {
        Self { store, world }
    }
}

fn refused(error: &StoreError) -> HostError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    HostError(text)
}

impl Host for StoreHost {
    fn find_model(&self, model: &str, selector: &Selector) -> Result<Option<ModelVersion>, HostError> {
        self.store.find_model(model, selector).map_err(|error| refused(&error))
    }

    fn register_model(&self, registration: Registration) -> Result<ModelVersion, HostError> {
        self.store.register_model(registration, self.world.now()).map_err(|error| refused(&error))
    }

    fn move_alias(&self, step: AliasMove) -> Result<(), HostError> {
        self.store.move_alias(step, self.world.now()).map(drop).map_err(|error| refused(&error))
    }

    fn deployments(&self, name: &str) -> Result<Vec<Deployment>, HostError> {
        self.store.deployments(Some(name)).map_err(|error| refused(&error))
    }

    fn record_deployment(&self, deployment: &Deployment) -> Result<(), HostError> {
        self.store.record_deployment(deployment.clone(), self.world.now()).map_err(|error| refused(&error))
    }
}
