//! Loading a native plugin into this process.

use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use sluicegate_plugin::{
    Manifest,
    abi::raw::{ABI_MAJOR, PluginTable, SYMBOL},
    with_causes,
};

use super::{
    file::LibraryFile,
    tables::{KindFunctions, Tables},
};
use crate::plugin::{Refusal, manifest};

/// The loader's flag that keeps a library for good, which libloading does not name.
const RTLD_NODELETE: i32 = 0x1000;

/// Major versions that are looked for to tell which one a library was built for.
const OTHER_MAJORS: std::ops::RangeInclusive<u16> = 0..=9;

/// A native plugin that is loaded. It stays until the process ends.
pub(in crate::plugin) struct OpenLibrary {
    pub(in crate::plugin) name: String,
    pub(in crate::plugin) version: String,
    pub(in crate::plugin) build: String,
    pub(super) kinds: Vec<(Manifest, KindFunctions)>,
}

impl OpenLibrary {
    /// Loads a library that was read, reads its tables and asks every kind for its manifest. From here on its code runs.
    pub(in crate::plugin) fn open(file: &LibraryFile, name: &str) -> Result<Self, Refusal> {
        let path = file.path();
        let not_loaded = |why: String| Refusal::NotLoaded { file: path.to_owned(), why };
        let (sealed, sealed_path) = file
            .sealed(name)
            .map_err(|error| not_loaded(format!("it cannot be put into memory: {error}")))?;
        // SAFETY: a library's constructors run here; this process is a worker, or a child that only describes.
        let library = unsafe { Library::open(Some(&sealed_path), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
            .map_err(|error| not_loaded(without(&with_causes(&error), &sealed_path)))?;
        drop(sealed);
        let table = call_symbol(&library, path);
        // What is loaded stays: threads and thread-local values of it may live on.
        std::mem::forget(library);
        // SAFETY: the header says what the function returns.
        Self::of(unsafe { Tables::read(table?, path) }?, path)
    }

    /// Asks every kind for its manifest.
    pub(super) fn of(tables: Tables, path: &Path) -> Result<Self, Refusal> {
        let Tables { name, version, build, kinds: functions } = tables;
        let mut kinds: Vec<(Manifest, KindFunctions)> = Vec::new();
        for (kind_idx, functions) in functions.into_iter().enumerate() {
            let bad = |why: String| Refusal::BadManifest {
                place: path.to_owned(),
                kind: format!("kind {kind_idx}"),
                why,
            };
            let manifest = manifest::parse(&functions.manifest().map_err(bad)?, &name, path, kind_idx)?;
            if kinds.iter().any(|(other, _)| other.name == manifest.name) {
                return Err(Refusal::DuplicateKind { place: path.to_owned(), kind: manifest.name });
            }
            let asks = if functions.ask.is_some() { manifest.asks } else { Vec::new() };
            kinds.push((Manifest { asks, ..manifest }, functions));
        }
        Ok(Self { name, version, build, kinds })
    }

    /// What its kinds say of themselves.
    pub(in crate::plugin) fn manifests(&self) -> Vec<Manifest> {
        self.kinds.iter().map(|(manifest, _)| manifest.clone()).collect()
    }
}

fn call_symbol(library: &Library, path: &Path) -> Result<*const PluginTable, Refusal> {
    // SAFETY: the header gives the type of the function with this name.
    let found = unsafe { library.get::<unsafe extern "C" fn() -> *const PluginTable>(SYMBOL) };
    match found {
        // SAFETY: it takes nothing, and does nothing but return a constant.
        Ok(function) => Ok(unsafe { function() }),
        Err(_) => Err(other_major(library).map_or_else(
            || Refusal::NoSymbol { file: path.to_owned(), symbol: SYMBOL },
            |found| Refusal::OtherAbi { file: path.to_owned(), found, speaks: ABI_MAJOR },
        )),
    }
}

/// The major version that a library was built for.
fn other_major(library: &Library) -> Option<u16> {
    OTHER_MAJORS.into_iter().find(|major| {
        let symbol = format!("sluice_plugin_v{major}");
        // SAFETY: the symbol is only looked for.
        unsafe { library.get::<*const ()>(symbol.as_str()) }.is_ok()
    })
}

/// The loader names the file by the way it was opened.
fn without(text: &str, path: &Path) -> String {
    text.replace(&format!("{}: ", path.display()), "")
}
