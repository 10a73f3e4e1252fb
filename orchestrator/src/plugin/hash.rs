//! The content of a plugin in one hash: what is pinned, what descriptions are remembered by, and part of the cache key of its tasks.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sluicegate_plugin::PluginCode;

use super::{FoundPlugin, Refusal, library::LibraryFile};

/// Folders that hold what is made of a plugin, not what it is.
const NOT_CODE: [&str; 6] = ["__pycache__", "target", "node_modules", "venv", "build", "dist"];

/// More files than this are no plugin, but a folder that something went wrong with.
const MAX_FILES: usize = 20_000;

/// The hash of a plugin's code. A library is verified on the way.
pub(super) fn of(plugin: &FoundPlugin) -> Result<String, Refusal> {
    match &plugin.code {
        PluginCode::Library { path } => match LibraryFile::read(path) {
            Ok(file) => Ok(file.hash().to_owned()),
            Err(Refusal::NotBuilt { file, .. }) => {
                Err(Refusal::NotBuilt { file, build: plugin.build.clone() })
            }
            Err(refusal) => Err(refusal),
        },
        PluginCode::Program { folder, command } => of_folder(folder, command),
    }
}

/// The hash of all files of a folder, by their paths, but for what is made of them and what is hidden; and of the command.
pub(super) fn of_folder(folder: &Path, command: &[String]) -> Result<String, Refusal> {
    let unreadable = |file: &Path, source| Refusal::Unreadable { file: file.to_owned(), source };
    let mut files = Vec::new();
    collect(folder, &mut files).map_err(|source| unreadable(folder, source))?;
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for word in command {
        hasher.update(&(word.len() as u64).to_le_bytes()).update(word.as_bytes());
    }
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).as_os_str().as_encoded_bytes().to_vec();
        let content = fs::read(&file).map_err(|source| unreadable(&file, source))?;
        hasher.update(&(name.len() as u64).to_le_bytes()).update(&name);
        hasher.update(blake3::hash(&content).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.')
            || NOT_CODE.contains(&&*name)
            || name.ends_with(".pyc")
            || name.ends_with(".egg-info")
        {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if entry.path().is_file() {
            files.push(entry.path());
        }
        if files.len() > MAX_FILES {
            return Err(io::Error::other(format!("it has more than {MAX_FILES} files")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_follows_the_code_and_not_what_is_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let hash = || of_folder(folder.path(), &["python3".into()]).unwrap();
        write("plugin.py", "one");
        let before = hash();
        write("__pycache__/plugin.pyc", "compiled");
        write(".venv/bin/python", "environment");
        assert_eq!(hash(), before);
        write("inner/more.py", "");
        assert_ne!(hash(), before);
        assert_ne!(of_folder(folder.path(), &["pypy".into()]).unwrap(), hash());
    }
}
