//! Foreign kinds in a worker: loaded with the first task that needs them, and kept.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sluicegate_plugin::{Kind, Manifest, PluginCode, PluginSource, TaskError};

use super::{
    Refusal,
    asked::{AskedKind, Code},
    hash,
    library::{LibraryCode, LibraryFile, OpenLibrary},
    manifest,
    program::ProgramCode,
};

/// The kinds of plugins that this worker has loaded.
pub struct Loader {
    sluice: PathBuf,
    loaded: Mutex<HashMap<(String, bool), Arc<Loaded>>>,
}

/// A plugin that was loaded.
struct Loaded {
    kinds: HashMap<String, Arc<dyn Kind>>,
    /// The program, when it is one: it may have ended since.
    program: Option<Arc<ProgramCode>>,
}

impl Loader {
    /// A loader without plugins. `sluice` is this program, which confines others.
    pub fn new(sluice: PathBuf) -> Self {
        Self { sluice, loaded: Mutex::default() }
    }

    /// A kind of a plugin, which may write below `staging` alone when it is confined.
    pub fn kind(
        &self,
        source: &PluginSource,
        name: &str,
        home: &Path,
        staging: &Path,
    ) -> Result<Arc<dyn Kind>, TaskError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source.hash.clone(), source.confined);
        let plugin = match loaded.get(&key) {
            Some(plugin) => plugin.clone(),
            None => {
                let plugin = Arc::new(self.load(source, home, staging)?);
                loaded.insert(key, plugin.clone());
                plugin
            }
        };
        if let Some(program) = &plugin.program {
            // A program that had to end is started again here, where the worker looks which processes are to stay.
            program.warm(home)?;
        }
        plugin.kinds.get(name).cloned().ok_or_else(|| {
            TaskError::permanent("unknown_kind", format!("plugin `{}` has no kind `{name}`", source.name))
        })
    }

    fn load(&self, source: &PluginSource, home: &Path, staging: &Path) -> Result<Loaded, Refusal> {
        let confined_to = source.confined.then(|| vec![staging.to_owned()]);
        match &source.code {
            PluginCode::Library { path } => {
                let file = LibraryFile::read(path)?;
                unchanged(path, &source.hash, file.hash())?;
                let library = OpenLibrary::open(&file, &source.name)?;
                let manifests = library.manifests();
                Ok(Loaded::of(manifests, Arc::new(LibraryCode::new(library, confined_to)), None))
            }
            PluginCode::Program { folder, command } => {
                unchanged(folder, &source.hash, &hash::of_folder(folder, command)?)?;
                let code = ProgramCode::new(source.clone(), confined_to, self.sluice.clone());
                let hello = code.warm(home)?;
                let kinds = hello.map(|hello| hello.kinds).unwrap_or_default();
                let parse = |(kind_idx, kind): (usize, &serde_json::Value)| {
                    manifest::parse(&kind.to_string(), &source.name, folder, kind_idx)
                };
                let manifests = kinds.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
                let code = Arc::new(code);
                Ok(Loaded::of(manifests, code.clone(), Some(code)))
            }
        }
    }
}

impl Loaded {
    fn of<C: Code>(manifests: Vec<Manifest>, code: Arc<C>, program: Option<Arc<ProgramCode>>) -> Self {
        let kind = |manifest: Manifest| -> (String, Arc<dyn Kind>) {
            (manifest.name.clone(), Arc::new(AskedKind::new(manifest, code.clone())))
        };
        Self { kinds: manifests.into_iter().map(kind).collect(), program }
    }
}

/// Verifies that code is what it was when a task was prepared.
pub(super) fn unchanged(place: &Path, before: &str, found: &str) -> Result<(), Refusal> {
    if before == found {
        return Ok(());
    }
    Err(Refusal::ChangedMeanwhile { place: place.to_owned(), before: before.into(), found: found.into() })
}
