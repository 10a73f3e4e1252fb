//! The plugins of a project, loaded one by one when something of them is needed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use sluicegate_plugin::{Effect, Kind, Manifest, PluginSource};

use super::{FoundPlugin, Misfit, Pins, Refusal, asked::AskedKind, find, hash, inspector::Inspector};

/// The version of remembered descriptions. Others are not read.
const VERSION: u32 = 1;

/// What a set of plugins works with.
#[derive(Clone, Debug)]
pub struct PluginOptions {
    /// The folders with plugins.
    pub folders: Vec<PathBuf>,
    /// The file with the pinned hashes.
    pub lock: PathBuf,
    /// The folder of the state, when there is one: descriptions are remembered there.
    pub home: Option<PathBuf>,
    /// This program, which starts children.
    pub sluice: PathBuf,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginAbout {
    /// Its version.
    pub version: String,
    /// What it was made with, for people.
    pub build: String,
    /// Its kinds.
    pub kinds: Vec<Manifest>,
}

/// A plugin that can be used.
pub struct Plugin {
    /// Where it was found.
    pub found: FoundPlugin,
    /// BLAKE3 of its code.
    pub hash: String,
    /// True when `plugins.lock` has it.
    pub is_pinned: bool,
    /// What it says of itself.
    pub about: PluginAbout,
    inspector: Arc<Inspector>,
}

/// A kind of a plugin, for the catalog.
pub struct PluginKind {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What workers load.
    pub source: PluginSource,
    /// The kind, as far as it can be asked; it runs in workers alone.
    pub kind: Arc<dyn Kind>,
}

/// The plugins of a project.
pub struct PluginSet {
    options: PluginOptions,
    found: BTreeMap<String, (FoundPlugin, OnceLock<Result<Plugin, Refusal>>)>,
    misfits: Vec<Misfit>,
}

impl PluginSet {
    /// Looks which plugins there are. Runs none of their code.
    pub fn new(options: PluginOptions) -> Self {
        let (found, misfits) = find(&options.folders);
        let found = found.into_iter().map(|(name, plugin)| (name, (plugin, OnceLock::new()))).collect();
        Self { options, found, misfits }
    }

    /// A set of one plugin, wherever it is.
    pub fn of(plugin: FoundPlugin, options: PluginOptions) -> Self {
        let found = BTreeMap::from([(plugin.name.clone(), (plugin, OnceLock::new()))]);
        Self { options, found, misfits: Vec::new() }
    }

    /// The names of all plugins, also of those that turn out to be refused.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.found.keys().map(String::as_str)
    }

    /// Where a plugin was found.
    pub fn place(&self, name: &str) -> Option<&Path> {
        self.found.get(name).map(|(found, _)| found.place.as_path())
    }

    /// Plugins that are no plugins.
    pub fn misfits(&self) -> &[Misfit] {
        &self.misfits
    }

    /// A plugin by name, loaded when it was not yet; `None` when nothing with that name was found.
    pub fn plugin(&self, name: &str) -> Option<Result<&Plugin, &Refusal>> {
        if let Some((found, slot)) = self.found.get(name) {
            return Some(slot.get_or_init(|| self.load(found)).as_ref());
        }
        self.misfits.iter().find(|misfit| misfit.name == name).map(|misfit| Err(&misfit.refusal))
    }

    fn load(&self, found: &FoundPlugin) -> Result<Plugin, Refusal> {
        let hash = hash::of(found)?;
        let pins = Pins::read(&self.options.lock)?;
        if let Some(pins) = &pins {
            pins.verify(&found.name, found.code.place(), &hash)?;
        }
        let PluginOptions { home, sluice, .. } = &self.options;
        let (name, code) = (found.name.clone(), found.code.clone());
        let source = PluginSource { name, hash: hash.clone(), code, confined: false, max_memory: None };
        let inspector = Arc::new(Inspector::new(source, sluice.clone(), home.clone()));
        let remembered = home.as_deref().and_then(|home| recall(home, &found.name, &hash));
        let about = match remembered {
            Some(about) => about,
            None => {
                let about = inspector.describe()?;
                if let Some(home) = home {
                    remember(home, &found.name, &hash, &about);
                }
                about
            }
        };
        Ok(Plugin { found: found.clone(), hash, is_pinned: pins.is_some(), about, inspector })
    }
}

impl Plugin {
    /// Its kinds.
    pub fn kinds(&self) -> impl Iterator<Item = PluginKind> {
        self.about.kinds.iter().map(|manifest| PluginKind {
            manifest: manifest.clone(),
            source: PluginSource {
                name: self.found.name.clone(),
                hash: self.hash.clone(),
                code: self.found.code.clone(),
                confined: manifest.effect == Effect::Pure,
                max_memory: total_memory().map(|bytes| bytes / 4 * 3),
            },
            kind: Arc::new(AskedKind::new(manifest.clone(), self.inspector.clone())),
        })
    }
}

/// The memory of this machine, in bytes.
fn total_memory() -> Option<u64> {
    static TOTAL: OnceLock<Option<u64>> = OnceLock::new();
    *TOTAL.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
        Some(kib.trim().parse::<u64>().ok()? * 1024)
    })
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    version: u32,
    name: String,
    about: PluginAbout,
}

fn memory(home: &Path, hash: &str) -> PathBuf {
    home.join("plugins").join(format!("{hash}.json"))
}

fn recall(home: &Path, name: &str, hash: &str) -> Option<PluginAbout> {
    let text = std::fs::read(memory(home, hash)).ok()?;
    let remembered: Remembered = serde_json::from_slice(&text).ok()?;
    (remembered.version == VERSION && remembered.name == name).then_some(remembered.about)
}

/// A description that cannot be remembered is asked for again.
fn remember(home: &Path, name: &str, hash: &str, about: &PluginAbout) {
    let path = memory(home, hash);
    let staged = path.with_extension(format!("{}.new", std::process::id()));
    let remembered = Remembered { version: VERSION, name: name.into(), about: about.clone() };
    let Ok(text) = serde_json::to_vec(&remembered) else { return };
    let written = std::fs::create_dir_all(home.join("plugins"))
        .and_then(|()| std::fs::write(&staged, text))
        .and_then(|()| std::fs::rename(&staged, &path));
    if let Err(error) = written {
        tracing::warn!("the description of plugin `{name}` cannot be remembered: {error}");
    }
}
