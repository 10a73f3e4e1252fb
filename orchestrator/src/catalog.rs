//! Every kind at hand, by name: those that are linked in, and those of the project's plugins.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use sluicegate_plugin::{Description, Kind, Pack, PluginSource, TaskError};

use crate::{
    plugin::{Loader, Plugin, PluginKind, PluginSet, Refusal},
    worker::KindTable,
    workflow::{KindEntry, KindSource},
};

/// How much of a plugin's hash is in the version of its kinds.
const SHORT_HASH: usize = 16;

/// A kind with what it says of itself, asked once.
pub struct CatalogEntry {
    /// The pack or plugin that it comes with.
    pub pack: Cow<'static, str>,
    /// What it says of itself.
    pub description: Description,
    /// The kind.
    pub kind: Arc<dyn Kind>,
    /// Where it comes from, when it is not built in.
    pub plugin: Option<PluginSource>,
    /// What stands for its behaviour in cache keys: its version, and for a plugin its content.
    pub version: String,
    schema: OnceLock<Value>,
}

impl CatalogEntry {
    fn built_in(pack: &'static str, kind: Arc<dyn Kind>) -> Self {
        let description = kind.describe();
        let version = description.version.clone();
        Self { pack: pack.into(), description, kind, plugin: None, version, schema: OnceLock::new() }
    }

    fn foreign(plugin: &Plugin, kind: PluginKind) -> Self {
        let PluginKind { manifest, source, kind } = kind;
        let hash = source.hash.get(..SHORT_HASH).unwrap_or(&source.hash);
        let version = format!("{}+{hash}", manifest.version);
        let description = manifest.description();
        let pack = plugin.found.name.clone().into();
        Self { pack, description, kind, plugin: Some(source), version, schema: manifest.params.into() }
    }

    /// The JSON Schema of its parameters, made when it is first asked for: most commands, and workers, need few or none.
    pub fn schema(&self) -> &Value {
        self.schema.get_or_init(|| self.kind.params_schema())
    }
}

/// Every kind at hand, by name. Plugins are loaded when one of their kinds is first asked for.
pub struct Catalog {
    built_in: BTreeMap<String, CatalogEntry>,
    plugins: Option<PluginSet>,
    /// The kinds of each plugin that was loaded.
    foreign: BTreeMap<String, OnceLock<Vec<CatalogEntry>>>,
    /// Plugins whose names would hide built-in kinds.
    conflicts: BTreeMap<String, Refusal>,
}

impl Catalog {
    /// A catalog of packs. Asks every kind for its description.
    ///
    /// # Panics
    /// When two kinds have the same name: packs are linked in, so this is a mistake in the program.
    pub fn new(packs: Vec<Pack>) -> Self {
        let mut built_in = BTreeMap::new();
        for pack in packs {
            for kind in pack.kinds {
                let entry = CatalogEntry::built_in(pack.name, kind);
                let name = entry.description.name.clone();
                assert!(built_in.insert(name.clone(), entry).is_none(), "two kinds are named `{name}`");
            }
        }
        Self { built_in, plugins: None, foreign: BTreeMap::new(), conflicts: BTreeMap::new() }
    }

    /// The same catalog with the plugins of a project.
    #[must_use]
    pub fn with_plugins(mut self, plugins: PluginSet) -> Self {
        for name in plugins.names() {
            let prefix = format!("{name}.");
            let hidden = self.built_in.keys().find(|kind| *kind == name || kind.starts_with(&prefix));
            if let Some(kind) = hidden {
                let place = plugins.place(name).unwrap_or(Path::new("")).to_owned();
                let refusal = Refusal::BuiltInName { name: name.into(), place, kind: kind.clone() };
                self.conflicts.insert(name.into(), refusal);
            }
            self.foreign.insert(name.into(), OnceLock::new());
        }
        self.plugins = Some(plugins);
        self
    }

    /// A kind by name.
    pub fn entry(&self, name: &str) -> Option<&CatalogEntry> {
        self.built_in.get(name).or_else(|| {
            let (plugin, _) = name.split_once('.')?;
            self.kinds_of(plugin).iter().find(|entry| entry.description.name == name)
        })
    }

    /// Every kind: those that are linked in, by name, and those of the plugins.
    pub fn entries(&self) -> impl Iterator<Item = &CatalogEntry> {
        let foreign = self.foreign.keys().flat_map(|plugin| self.kinds_of(plugin));
        self.built_in.values().chain(foreign)
    }

    /// The kinds that are linked in.
    pub fn built_in(&self) -> impl Iterator<Item = &CatalogEntry> {
        self.built_in.values()
    }

    /// The names of all plugins that were found, also of those that are refused.
    pub fn plugin_names(&self) -> Vec<&str> {
        let Some(plugins) = &self.plugins else { return Vec::new() };
        let mut names: Vec<_> =
            plugins.names().chain(plugins.misfits().iter().map(|misfit| misfit.name.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A plugin by name; `None` when there is none.
    pub fn plugin(&self, name: &str) -> Option<Result<&Plugin, &Refusal>> {
        match self.conflicts.get(name) {
            Some(conflict) => Some(Err(conflict)),
            None => self.plugins.as_ref()?.plugin(name),
        }
    }

    /// The plugins of the project, as they were found.
    pub fn plugins(&self) -> Option<&PluginSet> {
        self.plugins.as_ref()
    }

    /// The kinds of a plugin: none when it is refused.
    fn kinds_of(&self, plugin: &str) -> &[CatalogEntry] {
        let Some(slot) = self.foreign.get(plugin) else { return &[] };
        slot.get_or_init(|| match self.plugin(plugin) {
            Some(Ok(loaded)) => loaded.kinds().map(|kind| CatalogEntry::foreign(loaded, kind)).collect(),
            _ => Vec::new(),
        })
    }
}

impl KindSource for Catalog {
    fn kind(&self, name: &str) -> Option<KindEntry<'_>> {
        self.entry(name).map(|entry| KindEntry {
            description: &entry.description,
            version: &entry.version,
            schema: entry.schema(),
            kind: entry.kind.as_ref(),
        })
    }

    fn names(&self) -> Vec<&str> {
        self.entries().map(|entry| entry.description.name.as_str()).collect()
    }

    fn why_missing(&self, name: &str) -> Option<(String, String)> {
        let (plugin, _) = name.split_once('.')?;
        match self.plugin(plugin)? {
            Err(refusal) => {
                let error = sluicegate_plugin::with_causes(refusal);
                Some((format!("plugin `{plugin}` is not used: {error}"), refusal.hint()))
            }
            Ok(loaded) => {
                let kinds: Vec<_> =
                    loaded.about.kinds.iter().map(|kind| format!("`{}`", kind.name)).collect();
                Some((format!("plugin `{plugin}` has no such kind"), format!("it has {}", kinds.join(", "))))
            }
        }
    }
}

/// What a worker knows: the kinds that are linked in, and a loader for those of plugins.
pub struct WorkerKinds {
    /// The kinds that are linked in.
    pub built_in: Catalog,
    /// Loads plugins.
    pub loader: Loader,
}

impl KindTable for WorkerKinds {
    fn kind(&self, name: &str) -> Option<Arc<dyn Kind>> {
        self.built_in.built_in.get(name).map(|entry| entry.kind.clone())
    }

    fn foreign(
        &self,
        source: &PluginSource,
        name: &str,
        home: &Path,
        staging: &Path,
    ) -> Result<Arc<dyn Kind>, TaskError> {
        self.loader.kind(source, name, home, staging)
    }
}
