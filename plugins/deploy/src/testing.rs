//! A host that keeps its records in memory, for the tests of this crate.

use std::sync::Mutex;

use sluicegate_plugin::{AliasMove, Deployment, Host, HostError, ModelVersion, Registration, Selector};

/// Records in memory.
#[derive(Default)]
pub(crate) struct MemoryHost {
    pub(crate) versions: Mutex<Vec<ModelVersion>>,
    pub(crate) moves: Mutex<Vec<AliasMove>>,
    pub(crate) deployments: Mutex<Vec<Deployment>>,
}

impl Host for MemoryHost {
    fn find_model(&self, model: &str, selector: &Selector) -> Result<Option<ModelVersion>, HostError> {
        let version = match selector {
            Selector::Alias(alias) => {
                let moves = self.moves.lock().unwrap();
                let last = moves.iter().rev().find(|step| step.model == model && step.alias == *alias);
                let Some(step) = last else { return Ok(None) };
                Selector::Version(step.version)
            }
            other => other.clone(),
        };
        let versions = self.versions.lock().unwrap();
        let wanted = |found: &&ModelVersion| {
            found.model == model
                && match &version {
                    Selector::Version(number) => found.version == *number,
                    Selector::Bundle(hash) => found.bundle == *hash,
                    Selector::Alias(_) => false,
                }
        };
        Ok(versions.iter().find(wanted).cloned())
    }

    fn register_model(&self, registration: Registration) -> Result<ModelVersion, HostError> {
        if let Some(known) =
            self.find_model(&registration.model, &Selector::Bundle(registration.bundle.clone()))?
        {
            return Ok(known);
        }
        let mut versions = self.versions.lock().unwrap();
        let version =
            versions.iter().filter(|version| version.model == registration.model).count() as u64 + 1;
        let Registration { model, bundle, size, run_id, task, metrics, decision } = registration;
        versions.push(ModelVersion {
            model,
            version,
            bundle,
            size,
            run_id,
            task,
            registered_at: 0,
            metrics,
            decision,
        });
        Ok(versions.last().cloned().expect("it was pushed"))
    }

    fn move_alias(&self, step: AliasMove) -> Result<(), HostError> {
        self.moves.lock().unwrap().push(step);
        Ok(())
    }

    fn deployments(&self, name: &str) -> Result<Vec<Deployment>, HostError> {
        let all = self.deployments.lock().unwrap();
        Ok(all.iter().filter(|deployment| deployment.name == name).cloned().collect())
    }

    fn record_deployment(&self, deployment: &Deployment) -> Result<(), HostError> {
        let mut all = self.deployments.lock().unwrap();
        let same = |known: &&mut Deployment| {
            known.name == deployment.name && known.generation == deployment.generation
        };
        match all.iter_mut().find(same) {
            Some(known) => *known = deployment.clone(),
            None => all.push(deployment.clone()),
        }
        Ok(())
    }
}
