//! Models, their aliases, and deployments. Versions are immutable; every move of an alias is kept.

use std::{collections::BTreeMap, sync::PoisonError};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sluicegate_plugin::{AliasMove, Deployment, ModelVersion, Registration, Selector};

use super::{
    Store, StoreError, key,
    ledger::{LedgerEntry, LedgerLine},
    value,
    writer::Op,
};
use crate::run::Timestamp;

/// A move of an alias, with where it came from and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasRecord {
    /// The move.
    pub step: AliasMove,
    /// The version it stood for before.
    pub from: Option<u64>,
    /// When.
    pub at: Timestamp,
}

/// A model in one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Its name.
    pub name: String,
    /// The number of versions.
    pub n_versions: usize,
    /// The newest version.
    pub latest: u64,
    /// What each alias stands for.
    pub aliases: BTreeMap<String, u64>,
}

impl Store {
    /// Registers a bundle as the next version of its model. A bundle that is registered already keeps its version.
    pub fn register_model(
        &self,
        registration: Registration,
        now: Timestamp,
    ) -> Result<ModelVersion, StoreError> {
        let _guard = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = self.versions(&registration.model)?;
        if let Some(known) = versions.iter().find(|version| version.bundle == registration.bundle) {
            return Ok(known.clone());
        }
        let version = ModelVersion {
            version: versions.last().map_or(1, |latest| latest.version + 1),
            model: registration.model,
            bundle: registration.bundle,
            size: registration.size,
            run_id: registration.run_id,
            task: registration.task,
            registered_at: now.0,
            metrics: registration.metrics,
            decision: registration.decision,
        };
        self.write_ledger(LedgerEntry::Registered(version.clone()))?;
        Ok(version)
    }

    /// Lets an alias stand for a version; false when it did already.
    pub fn move_alias(&self, step: AliasMove, now: Timestamp) -> Result<bool, StoreError> {
        let _guard = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if self.find_model(&step.model, &Selector::Version(step.version))?.is_none() {
            return Err(StoreError::NoVersion { model: step.model, version: step.version });
        }
        let history = self.alias_history(&step.model)?;
        let from = history
            .iter()
            .rev()
            .find(|record| record.step.alias == step.alias)
            .map(|record| record.step.version);
        if from == Some(step.version) {
            return Ok(false);
        }
        let record = AliasRecord { step, from, at: now };
        self.write_ledger(LedgerEntry::AliasMoved(history.len() as u64, record))?;
        Ok(true)
    }

    /// Records a generation of a deployment, replacing what was recorded of it before.
    pub fn record_deployment(&self, mut deployment: Deployment, now: Timestamp) -> Result<(), StoreError> {
        deployment.updated_at = now.0;
        self.write_ledger(LedgerEntry::Deployed(deployment))
    }

    fn write_ledger(&self, entry: LedgerEntry) -> Result<(), StoreError> {
        let line = LedgerLine::new(entry);
        let mut op = Op { ledger: Some(line.to_line()), ..Op::default() };
        line.put_rows(&mut op.payload);
        self.shared.writer.write(op)
    }

    fn all<T: DeserializeOwned>(&self, prefix: &[u8]) -> Result<Vec<T>, StoreError> {
        self.shared.db.prefix(prefix).map(|item| value::from_json(&item?.1)).collect()
    }

    /// All versions of a model, oldest first.
    pub fn versions(&self, model: &str) -> Result<Vec<ModelVersion>, StoreError> {
        self.all(&key::versions(model))
    }

    /// Every move of a model's aliases, oldest first.
    pub fn alias_history(&self, model: &str) -> Result<Vec<AliasRecord>, StoreError> {
        self.all(&key::alias_moves(model))
    }

    /// What each alias of a model stands for.
    pub fn aliases(&self, model: &str) -> Result<BTreeMap<String, u64>, StoreError> {
        let history = self.alias_history(model)?;
        Ok(history.into_iter().map(|record| (record.step.alias, record.step.version)).collect())
    }

    /// Finds a version of a model.
    pub fn find_model(&self, model: &str, selector: &Selector) -> Result<Option<ModelVersion>, StoreError> {
        let number = match selector {
            Selector::Bundle(hash) => {
                return Ok(self.versions(model)?.into_iter().find(|version| version.bundle == *hash));
            }
            Selector::Version(number) => *number,
            Selector::Alias(alias) => match self.aliases(model)?.get(alias) {
                Some(number) => *number,
                None => return Ok(None),
            },
        };
        let found = self.shared.db.get(&key::version(model, number))?;
        found.map(|bytes| value::from_json(&bytes)).transpose()
    }

    /// Every model, by name.
    pub fn models(&self) -> Result<Vec<ModelSummary>, StoreError> {
        let mut models: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for version in self.all::<ModelVersion>(b"m/v/")? {
            models.entry(version.model).or_default().push(version.version);
        }
        models
            .into_iter()
            .map(|(name, versions)| {
                let aliases = self.aliases(&name)?;
                let latest = versions.iter().copied().max().unwrap_or_default();
                Ok(ModelSummary { name, n_versions: versions.len(), latest, aliases })
            })
            .collect()
    }

    /// Recorded generations, of one deployment or of all; by name, oldest first.
    pub fn deployments(&self, name: Option<&str>) -> Result<Vec<Deployment>, StoreError> {
        self.all(&name.map_or_else(|| b"d/".to_vec(), key::deployments))
    }
}
