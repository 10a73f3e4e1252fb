//! The folder of artifacts.

use std::{
    fs::{File, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::durable::{create_folder_durably, sync_folder};
use crate::failpoint;

/// An artifact could not be taken in, found or trusted.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file operation failed.
    #[error("cannot {verb} `{path}`", path = path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A link or a folder was staged.
    #[error("`{path}` is not a regular file", path = path.display())]
    NotAFile {
        /// The staged path.
        path: PathBuf,
    },
    /// The content is not what its name says.
    #[error("artifact {hash} is damaged: its content hashes to {found}")]
    Damaged {
        /// The name.
        hash: String,
        /// The hash of the content.
        found: String,
    },
}

impl ArtifactError {
    fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { verb, path, source }
    }
}

/// An artifact's name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// BLAKE3 of the content, lowercase hexadecimal.
    pub hash: String,
    /// Size in bytes.
    pub size: u64,
}

/// The folder of artifacts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    root: PathBuf,
}

impl ArtifactStore {
    /// Uses a folder, which is made when the first artifact is taken in.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        Ok(Self { root: root.to_owned() })
    }

    /// Takes a staged file in: hashes it, syncs it, makes it read only and renames it to its place.
    pub fn adopt(&self, staged: &Path) -> Result<Artifact, ArtifactError> {
        let about = std::fs::symlink_metadata(staged).map_err(ArtifactError::io("read", staged))?;
        if !about.is_file() {
            return Err(ArtifactError::NotAFile { path: staged.to_owned() });
        }
        let (hash, size) = hash_file(staged)?;
        let place = self.path(&hash);
        if self.contains(&hash, size) {
            // It is wanted again now: what clears away goes by the time.
            let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let now = rustix::fs::Timestamps { last_access: now, last_modification: now };
            rustix::fs::utimensat(rustix::fs::CWD, &place, &now, rustix::fs::AtFlags::empty())
                .map_err(|error| ArtifactError::io("touch", &place)(error.into()))?;
            std::fs::remove_file(staged).map_err(ArtifactError::io("remove", staged))?;
            return Ok(Artifact { hash, size });
        }
        let folder = place.parent().unwrap_or(&self.root);
        create_folder_durably(folder).map_err(ArtifactError::io("create", folder))?;
        let file = File::open(staged).map_err(ArtifactError::io("open", staged))?;
        file.set_permissions(Permissions::from_mode(0o444)).map_err(ArtifactError::io("protect", staged))?;
        failpoint::step("artifact.sync.before", "artifact.sync.after", || file.sync_all())
            .map_err(ArtifactError::io("sync", staged))?;
        failpoint::step("artifact.rename.before", "artifact.rename.after", || {
            std::fs::rename(staged, &place)
        })
        .map_err(ArtifactError::io("rename", staged))?;
        sync_folder(folder).map_err(ArtifactError::io("sync", folder))?;
        Ok(Artifact { hash, size })
    }

    /// Keeps bytes that this process has.
    pub fn put(&self, bytes: &[u8]) -> Result<Artifact, ArtifactError> {
        static N_STAGED: AtomicU64 = AtomicU64::new(0);
        create_folder_durably(&self.root).map_err(ArtifactError::io("create", &self.root))?;
        let number = N_STAGED.fetch_add(1, Ordering::Relaxed);
        let staged = self.root.join(format!(".put.{}-{number}", std::process::id()));
        std::fs::write(&staged, bytes).map_err(ArtifactError::io("write", &staged))?;
        self.adopt(&staged)
    }

    /// Where the content with a hash is, or would be.
    pub fn path(&self, hash: &str) -> PathBuf {
        path_below(&self.root, hash)
    }

    /// Every artifact: its hash and its size.
    pub fn list(&self) -> std::io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for folder in folder_entries(&self.root)? {
            let Ok(start) = folder.file_name().into_string() else { continue };
            if start.len() != 2 || !folder.path().is_dir() {
                continue;
            }
            for entry in folder_entries(&folder.path())? {
                let Ok(rest) = entry.file_name().into_string() else { continue };
                if rest.len() == 62 {
                    found.push((format!("{start}{rest}"), entry.metadata()?.len()));
                }
            }
        }
        Ok(found)
    }

    /// Tells whether an artifact of that size is there.
    pub fn contains(&self, hash: &str, size: u64) -> bool {
        std::fs::metadata(self.path(hash)).is_ok_and(|about| about.is_file() && about.len() == size)
    }

    /// Reads an artifact again and compares its content with its name.
    pub fn verify(&self, hash: &str) -> Result<(), ArtifactError> {
        let (found, _) = hash_file(&self.path(hash))?;
        if found == hash { Ok(()) } else { Err(ArtifactError::Damaged { hash: hash.into(), found }) }
    }
}

/// Where the content with a hash is below a folder of artifacts.
pub(crate) fn path_below(root: &Path, hash: &str) -> PathBuf {
    let (folder, name) = hash.split_at(hash.len().min(2));
    root.join(folder).join(name)
}

/// The entries of a folder; an absent one has none.
fn folder_entries(folder: &Path) -> std::io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Hashes a file: BLAKE3 in lowercase hexadecimal, and its size in bytes.
pub fn hash_file(path: &Path) -> Result<(String, u64), ArtifactError> {
    let mut file = File::open(path).map_err(ArtifactError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let n_bytes = file.read(&mut buffer).map_err(ArtifactError::io("read", path))?;
        if n_bytes == 0 {
            return Ok((hasher.finalize().to_hex().to_string(), size));
        }
        hasher.update(&buffer[..n_bytes]);
        size += n_bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adopted_content_is_found_by_its_hash_and_a_flipped_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().join("artifacts")).unwrap();
        let staged = folder.path().join("staged");
        std::fs::write(&staged, b"content").unwrap();
        let artifact = store.adopt(&staged).unwrap();
        assert!(store.contains(&artifact.hash, 7) && !staged.exists());
        store.verify(&artifact.hash).unwrap();
        let place = store.path(&artifact.hash);
        std::fs::set_permissions(&place, Permissions::from_mode(0o644)).unwrap();
        std::fs::write(&place, b"cOntent").unwrap();
        assert!(matches!(store.verify(&artifact.hash), Err(ArtifactError::Damaged { .. })));
    }

    #[test]
    fn a_staged_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().join("artifacts")).unwrap();
        let staged = folder.path().join("staged");
        std::os::unix::fs::symlink("/etc/passwd", &staged).unwrap();
        assert!(matches!(store.adopt(&staged), Err(ArtifactError::NotAFile { .. })));
    }
}
