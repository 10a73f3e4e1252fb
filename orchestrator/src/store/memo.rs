//! Remembered hashes of large files, so that an input of gigabytes is read once.

use std::{
    fs::Metadata,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use super::{
    Store,
    codec::{Unpacker, put_bytes, put_number, put_signed},
    key,
};
use crate::{
    artifact::{ArtifactError, hash_file},
    run::Timestamp,
};

/// Smaller files are hashed in less time than it takes to remember them.
const MIN_SIZE: u64 = 1 << 20;

/// A file that changed so many milliseconds ago may change again without a new time.
const RACY: i64 = 2000;

impl Store {
    /// The BLAKE3 of a file's content in lowercase hexadecimal, and its size. A large file that has its size, time and inode of the last
    /// look is not read again, unless it changed within the last two seconds.
    pub fn file_hash(&self, path: &Path, now: Timestamp) -> Result<(String, u64), ArtifactError> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let Some(before) = std::fs::metadata(&absolute).ok().filter(|about| is_stable(about, now)) else {
            return hash_file(path);
        };
        let name = key::file_hash(&absolute);
        let stamp = stamp(&absolute, &before);
        if let Ok(Some(kept)) = self.shared.db.get(&name)
            && let Some(hash) = kept.strip_prefix(stamp.as_slice())
            && let Ok(hash) = Unpacker::new(hash).array()
        {
            return Ok((blake3::Hash::from_bytes(hash).to_hex().to_string(), before.len()));
        }
        let (hash, size) = hash_file(path)?;
        let unchanged = std::fs::metadata(&absolute).is_ok_and(|after| same(&before, &after));
        if let Some(bytes) = blake3::Hash::from_hex(&hash).ok().filter(|_| unchanged) {
            let kept = [stamp.as_slice(), bytes.as_bytes()].concat();
            if let Err(error) = self.shared.db.put_lightly(&name, &kept) {
                tracing::warn!("the hash of `{}` could not be remembered: {error}", path.display());
            }
        }
        Ok((hash, size))
    }
}

fn is_stable(about: &Metadata, now: Timestamp) -> bool {
    let changed = about.mtime().saturating_mul(1000).saturating_add(about.mtime_nsec() / 1_000_000);
    about.is_file() && about.len() >= MIN_SIZE && now.0.saturating_sub(changed) >= RACY
}

fn same(a: &Metadata, b: &Metadata) -> bool {
    let facts = |about: &Metadata| (about.len(), about.mtime(), about.mtime_nsec(), about.ino());
    facts(a) == facts(b)
}

/// What a file must still have for its hash to hold.
fn stamp(path: &Path, about: &Metadata) -> Vec<u8> {
    let mut stamp = Vec::new();
    put_bytes(&mut stamp, path.as_os_str().as_bytes());
    put_number(&mut stamp, about.len());
    put_signed(&mut stamp, about.mtime());
    put_signed(&mut stamp, about.mtime_nsec());
    put_number(&mut stamp, about.ino());
    put_number(&mut stamp, about.dev());
    stamp
}
