//! What an outcome depends on, part by part, so that a miss can say which part changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Everything a task's outcome depends on: named parts and the hash of them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey {
    /// BLAKE3 over the parts, lowercase hexadecimal.
    pub hash: String,
    /// Parts by name (`kind`, `with.c`, `input.table`, `file.data/x.csv`); short values as they are, long ones as a hash.
    pub parts: Parts,
}

/// Named texts in the order of their names. A list, because every task of a run keeps one in memory, and a tree of one entry takes half a
/// kilobyte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(Box<[(String, String)]>);

impl Parts {
    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&String> {
        let at = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Every name with its text.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(name, text)| (name, text))
    }
}

impl From<BTreeMap<String, String>> for Parts {
    fn from(parts: BTreeMap<String, String>) -> Self {
        Self(parts.into_iter().collect())
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::from)
    }
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
        Self { hash: hasher.finalize().to_hex().to_string(), parts: parts.into() }
    }

    /// The parts that differ from those of an earlier key, in the order of their names.
    pub fn changes_since(&self, earlier: &Self) -> Vec<PartChange> {
        let mut names: Vec<_> = self.parts.iter().chain(earlier.parts.iter()).map(|(name, _)| name).collect();
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
