//! The SDK for Python, which is built in: a plugin in Python needs nothing but an interpreter.

use std::{
    io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use tempfile::TempDir;

macro_rules! sources {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../plugins/python/src/", $path)))),+]
    };
}

/// The package's files, by their paths below the folder that Python looks into.
const FILES: &[(&str, &str)] = sources![
    "sluicegate/__init__.py",
    "sluicegate/arrow/__init__.py",
    "sluicegate/arrow/flat.py",
    "sluicegate/arrow/layout.py",
    "sluicegate/arrow/reader.py",
    "sluicegate/arrow/writer.py",
    "sluicegate/channel.py",
    "sluicegate/columns.py",
    "sluicegate/context.py",
    "sluicegate/errors.py",
    "sluicegate/hints.py",
    "sluicegate/kind.py",
    "sluicegate/plugin.py",
    "sluicegate/ports.py",
    "sluicegate/py.typed",
    "sluicegate/shapes.py",
    "sluicegate/tables.py",
    "sluicegate/version.py",
    "sluicegate/worker.py",
];

/// A folder with the package in it.
pub(super) enum PythonSdk {
    /// In the folder of the state, for good.
    Kept(PathBuf),
    /// Only as long as it is needed: there is no state yet.
    Temporary(TempDir),
}

impl PythonSdk {
    /// What Python must look into.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Puts the package where Python can find it: below the folder of the state when there is one, else somewhere for now.
pub(super) fn python(home: Option<&Path>) -> io::Result<PythonSdk> {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = blake3::Hasher::new();
        for (path, text) in FILES {
            hasher.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
        }
        hasher.finalize().to_hex()[..16].to_owned()
    });
    let Some(home) = home else {
        let folder = tempfile::tempdir()?;
        write(folder.path())?;
        return Ok(PythonSdk::Temporary(folder));
    };
    let folder = home.join("python").join(&*HASH);
    if !folder.is_dir() {
        // Whoever is first gives it its name, whole.
        let parent = home.join("python");
        std::fs::create_dir_all(&parent)?;
        let staged = tempfile::Builder::new().prefix(".new-").tempdir_in(&parent)?;
        write(staged.path())?;
        if let Err(error) = std::fs::rename(staged.path(), &folder)
            && !folder.is_dir()
        {
            return Err(error);
        }
    }
    Ok(PythonSdk::Kept(folder))
}

fn write(folder: &Path) -> io::Result<()> {
    for (path, text) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_below(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !entry.ends_with("__pycache__") {
                files_below(&entry, root, found);
            } else if entry.is_file() {
                found.push(entry.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn every_file_of_the_package_is_built_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/python/src");
        let mut found = Vec::new();
        files_below(&root.join("sluicegate"), &root, &mut found);
        found.sort();
        assert_eq!(found, FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }

    #[test]
    fn the_package_is_written_once_and_whole() {
        let home = tempfile::tempdir().unwrap();
        let first = python(Some(home.path())).unwrap().path().to_owned();
        assert_eq!(python(Some(home.path())).unwrap().path(), first);
        assert!(first.join("sluicegate/__init__.py").is_file());
        let temporary = python(None).unwrap().path().to_owned();
        assert!(!temporary.exists(), "it goes with whoever asked for it");
    }
}
