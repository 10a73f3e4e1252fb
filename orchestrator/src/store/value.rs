//! Values: small ones in sled, large ones as files by their hash.

use std::path::PathBuf;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    StoreError,
    disk::{self, Points},
};
use crate::artifact::{create_folder_durably, write_durably};

/// Larger values would make sled move whole pages into files that it does not sync.
const MAX_INLINE: usize = 4096;

const INLINE: u8 = 0;
const FILE: u8 = 1;

/// The folder of large values.
pub(super) struct Values {
    root: PathBuf,
}

impl Values {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// A value as sled keeps it. A large one is on the disk when this returns.
    pub(super) fn encode(&self, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if value.len() <= MAX_INLINE {
            let mut inline = vec![INLINE];
            inline.extend(value);
            return Ok(inline);
        }
        let hash = blake3::hash(&value);
        let path = self.path(&hash);
        if !path.is_file() {
            let folder = path.parent().unwrap_or(&self.root);
            create_folder_durably(folder).map_err(StoreError::io("create", folder))?;
            let points = Points("value.write.before", "value.write.after");
            disk::step(points, "write", &path, || write_durably(&path, &value))?;
        }
        let mut pointer = vec![FILE];
        pointer.extend_from_slice(hash.as_bytes());
        Ok(pointer)
    }

    /// The value behind what sled keeps, verified when it is a file.
    pub(super) fn decode<T: DeserializeOwned>(&self, kept: &[u8]) -> Result<T, StoreError> {
        match kept.split_first() {
            Some((&INLINE, value)) => from_json(value),
            Some((&FILE, hash)) => {
                let hash = <[u8; 32]>::try_from(hash)
                    .map_err(|_| StoreError::BadValue("a pointer is cut off".into()))?;
                let path = self.path(&hash.into());
                let value = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
                if blake3::hash(&value).as_bytes() != &hash {
                    return Err(StoreError::BadValue(format!("`{}` is damaged", path.display())));
                }
                from_json(&value)
            }
            _ => Err(StoreError::BadValue("its first byte is unknown".into())),
        }
    }

    /// The file of what sled keeps, when it is in one.
    pub(super) fn file_of(&self, kept: &[u8]) -> Option<PathBuf> {
        let hash = kept.strip_prefix(&[FILE])?;
        Some(self.path(&<[u8; 32]>::try_from(hash).ok()?.into()))
    }

    fn path(&self, hash: &blake3::Hash) -> PathBuf {
        let hex = hash.to_hex();
        let (folder, name) = hex.split_at(2);
        self.root.join(folder).join(name)
    }
}

/// A value as JSON.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("stored types have string keys and no failing serializers")
}

/// A value from JSON.
pub(super) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(text).map_err(|error| StoreError::BadValue(error.to_string()))
}
