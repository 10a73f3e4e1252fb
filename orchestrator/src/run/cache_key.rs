//! What an outcome depends on, part by part, so that a miss can say which part changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything a task's outcome depends on: named parts and the hash of them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey {
    /// BLAKE3 over the parts, lowercase hexadecimal.
    pub hash: String,
    /// Parts by name (`kind`, `with.c`, `input.table`, `file.data/x.csv`); short values as they are, long ones as a hash.
    pub parts: BTreeMap<String, String>,
}

impl CacheKey {
    /// A key over parts. Lengths are hashed too, so that no two sets of parts run together.
    pub fn new(parts: BTreeMap<String, String>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for (name, value) in &parts {
            for text in [name, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        Self { hash: hasher.finalize().to_hex().to_string(), parts }
    }

    /// The parts that differ from those of an earlier key, in the order of their names.
    pub fn changes_since(&self, earlier: &Self) -> Vec<PartChange> {
        let mut names: Vec<_> = self.parts.keys().chain(earlier.parts.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .map(|name| PartChange {
                part: name.clone(),
                before: earlier.parts.get(name).cloned(),
                after: self.parts.get(name).cloned(),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

/// A part of a key that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    /// The part's name.
    pub part: String,
    /// What it was; absent when the part is new.
    pub before: Option<String>,
    /// What it is; absent when the part is gone.
    pub after: Option<String>,
}

/// Why a task ran although the cache was asked, or why it was not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum CacheMiss {
    /// The task is not cached: its effect is not pure, or `cache = false`.
    NotCached,
    /// The caller asked for a run without the cache.
    Refused,
    /// The task never succeeded in this workflow before.
    FirstTime,
    /// Something that the outcome depends on changed.
    Changed {
        /// The parts that changed.
        changes: Vec<PartChange>,
    },
    /// The outcome is known, but the content of an output is gone or damaged.
    ArtifactGone {
        /// The output's port.
        port: String,
    },
}
