//! Every kind at hand, by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use sluicegate_plugin::{Description, Kind, Pack};

use crate::{
    worker::KindTable,
    workflow::{KindEntry, KindSource},
};

/// A kind with what it says of itself, asked once.
pub struct CatalogEntry {
    /// The pack it ships with.
    pub pack: &'static str,
    /// What it says of itself.
    pub description: Description,
    /// The kind.
    pub kind: Arc<dyn Kind>,
    schema: OnceLock<Value>,
}

impl CatalogEntry {
    /// The JSON Schema of its parameters, made when it is first asked for: most commands, and workers, need few or none.
    pub fn schema(&self) -> &Value {
        self.schema.get_or_init(|| self.kind.params_schema())
    }
}

/// Every kind at hand, by name.
pub struct Catalog {
    entries: BTreeMap<String, CatalogEntry>,
}

impl Catalog {
    /// A catalog of packs. Asks every kind for its description.
    ///
    /// # Panics
    /// When two kinds have the same name: packs are linked in, so this is a mistake in the program.
    pub fn new(packs: Vec<Pack>) -> Self {
        let mut entries = BTreeMap::new();
        for pack in packs {
            for kind in pack.kinds {
                let description = kind.describe();
                let name = description.name.clone();
                let entry = CatalogEntry { pack: pack.name, description, kind, schema: OnceLock::new() };
                assert!(entries.insert(name.clone(), entry).is_none(), "two kinds are named `{name}`");
            }
        }
        Self { entries }
    }

    /// A kind by name.
    pub fn entry(&self, name: &str) -> Option<&CatalogEntry> {
        self.entries.get(name)
    }

    /// Every kind, by name.
    pub fn entries(&self) -> impl Iterator<Item = &CatalogEntry> {
        self.entries.values()
    }
}

impl KindSource for Catalog {
    fn kind(&self, name: &str) -> Option<KindEntry<'_>> {
        self.entry(name).map(|entry| KindEntry {
            description: &entry.description,
            schema: entry.schema(),
            kind: entry.kind.as_ref(),
        })
    }

    fn names(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }
}

impl KindTable for Catalog {
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>> {
        self.entry(name).map(|entry| entry.kind.clone())
    }
}
