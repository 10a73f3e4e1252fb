//! Where a project's plugins are: libraries, and folders with a `plugin.toml`, in its plugin folders.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sluicegate_plugin::PluginCode;

use super::{Refusal, manifest::is_name};

/// The file that makes a folder a plugin.
pub const PLUGIN_FILE: &str = "plugin.toml";

/// What `plugin.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginFile {
    name: String,
    #[serde(default)]
    library: Option<PathBuf>,
    #[serde(default)]
    command: Option<Vec<String>>,
    #[serde(default)]
    build: Option<String>,
}

/// A plugin that was found; nothing of it was read yet but its `plugin.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPlugin {
    /// Its name.
    pub name: String,
    /// The folder with `plugin.toml`, or the library.
    pub place: PathBuf,
    /// Where its code is.
    pub code: PluginCode,
    /// How it is built, as its `plugin.toml` says.
    pub build: Option<String>,
}

/// A plugin that cannot even be named for sure, by what stands for its name.
#[derive(Debug)]
pub struct Misfit {
    /// The name of the file or folder, or of the plugin.
    pub name: String,
    /// Where it is.
    pub place: PathBuf,
    /// Why it is not used.
    pub refusal: Refusal,
}

/// Finds the plugins in folders. A folder that is not there has none.
pub fn find(folders: &[PathBuf]) -> (BTreeMap<String, FoundPlugin>, Vec<Misfit>) {
    let (mut found, mut misfits) = (BTreeMap::<String, FoundPlugin>::new(), Vec::new());
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut places: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        places.sort();
        for place in places {
            match find_at(&place) {
                Some(Ok(plugin)) => match found.get(&plugin.name) {
                    Some(first) => {
                        let (name, first) = (plugin.name.clone(), first.place.clone());
                        let refusal =
                            Refusal::DuplicatePlugin { name: name.clone(), first, second: place.clone() };
                        misfits.push(Misfit { name, place, refusal });
                    }
                    None => drop(found.insert(plugin.name.clone(), plugin)),
                },
                Some(Err(refusal)) => {
                    let name = place.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    misfits.push(Misfit { name, place, refusal });
                }
                None => {}
            }
        }
    }
    // Neither of two that have the same name can be meant.
    for misfit in &misfits {
        if matches!(misfit.refusal, Refusal::DuplicatePlugin { .. }) {
            found.remove(&misfit.name);
        }
    }
    (found, misfits)
}

/// The plugin at a place: a library, or a folder with a `plugin.toml`; `None` for anything else.
pub fn find_at(place: &Path) -> Option<Result<FoundPlugin, Refusal>> {
    if place.is_dir() {
        let file = place.join(PLUGIN_FILE);
        return file.exists().then(|| read(place, &file));
    }
    let is_library = place.extension().is_some_and(|extension| extension == "so" || extension == "dylib");
    is_library.then(|| {
        let stem = place.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.strip_prefix("lib").unwrap_or(&stem).to_owned();
        let bad = |why: String| Refusal::BadPluginFile { file: place.to_owned(), why };
        verify_name(&name).map_err(bad)?;
        let code = PluginCode::Library { path: place.to_owned() };
        Ok(FoundPlugin { name, place: place.to_owned(), code, build: None })
    })
}

fn read(folder: &Path, file: &Path) -> Result<FoundPlugin, Refusal> {
    let bad = |why: String| Refusal::BadPluginFile { file: file.to_owned(), why };
    let text = std::fs::read_to_string(file)
        .map_err(|source| Refusal::Unreadable { file: file.to_owned(), source })?;
    let PluginFile { name, library, command, build } =
        toml::from_str(&text).map_err(|error| bad(error.to_string().trim().to_owned()))?;
    verify_name(&name).map_err(bad)?;
    let code = match (library, command) {
        (Some(library), None) => PluginCode::Library { path: folder.join(library) },
        (None, Some(command)) if command.first().is_some_and(|program| !program.is_empty()) => {
            PluginCode::Program { folder: folder.to_owned(), command }
        }
        (None, Some(_)) => return Err(bad("`command` is empty; it is the program and its arguments".into())),
        (None, None) => return Err(bad("it has neither `library` nor `command`".into())),
        (Some(_), Some(_)) => return Err(bad("it has both `library` and `command`".into())),
    };
    Ok(FoundPlugin { name, place: folder.to_owned(), code, build })
}

/// Tells whether a text can be the name of a plugin.
pub(super) fn verify_name(name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot be the name of a plugin: letters a to z, digits, `_` and `-` can, beginning with a letter"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_folders_are_found_and_what_is_wrong_is_named() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("libacme.so", "");
        write("notes.txt", "");
        write("empty/readme", "");
        write("py/plugin.toml", "name = \"py\"\ncommand = [\"python3\", \"plugin.py\"]\n");
        write("both/plugin.toml", "name = \"both\"\ncommand = [\"x\"]\nlibrary = \"y\"\n");
        write("typo/plugin.toml", "name = \"typo\"\nlibary = \"y\"\n");
        write("twice/plugin.toml", "name = \"twice\"\nlibrary = \"x\"\n");
        write("zwice/plugin.toml", "name = \"twice\"\nlibrary = \"x\"\n");
        let (found, misfits) = find(&[root.path().to_owned(), root.path().join("nowhere")]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["acme", "py"]);
        let told: Vec<_> =
            misfits.iter().map(|misfit| (misfit.name.as_str(), misfit.refusal.to_string())).collect();
        let said = |name: &str| told.iter().find(|(of, _)| *of == name).unwrap().1.clone();
        assert!(said("both").ends_with("it has both `library` and `command`"));
        assert!(said("typo").contains("unknown field `libary`"), "{}", said("typo"));
        assert!(said("twice").starts_with("two plugins are named `twice`"));
    }
}
