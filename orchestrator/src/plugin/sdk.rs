//! The SDK for Python, which is built in: a plugin in Python needs nothing but an interpreter.

use std::{
    io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use tempfile::TempDir;

/// The package's files, by their paths below the folder that Python looks into.
const FILES: &[(&str, &str)] = &[];

/// What `sluice plugins new --lang python` writes.
pub(super) const TEMPLATE: &[(&str, &str)] = &[];

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
