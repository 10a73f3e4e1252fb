//! What is named by whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{Store, StoreError, query::ALL_RUNS};
use crate::{
    artifact::ArtifactStore,
    run::{RunId, RunRow},
};

/// Runs, artifacts, and which run names which artifact.
pub(super) struct Marks {
    /// Every run, newest first.
    pub(super) runs: Vec<RunRow>,
    /// Artifacts that exist: hash and size.
    pub(super) artifacts: Vec<(String, u64)>,
    /// The artifacts that a run names, by their number in `artifacts`.
    pub(super) named: BTreeMap<RunId, BTreeSet<usize>>,
    /// Artifacts that a model version or a deployment names.
    pub(super) registered: BTreeSet<usize>,
}

impl Marks {
    /// Reads everything that is kept and looks for hashes of artifacts in it.
    pub(super) fn of(store: &Store, artifacts: &ArtifactStore) -> Result<Self, StoreError> {
        let root = store.shared.home.join("artifacts");
        let artifacts = artifacts.list().map_err(StoreError::io("read", &root))?;
        let numbers: HashMap<[u8; 64], usize> = artifacts
            .iter()
            .enumerate()
            .filter_map(|(number, (hash, _))| Some((hash.as_bytes().try_into().ok()?, number)))
            .collect();
        let runs = store.runs(&ALL_RUNS)?;
        let mut named = BTreeMap::new();
        if !artifacts.is_empty() {
            for row in &runs {
                let hashes = hashes_in(&store.lines(row.id)?, &numbers);
                if !hashes.is_empty() {
                    named.insert(row.id, hashes);
                }
            }
        }
        let mut registered = BTreeSet::new();
        for prefix in [b"m/".as_slice(), b"d/"] {
            for item in store.shared.db.prefix(prefix) {
                registered.extend(hashes_in(&item?.1, &numbers));
            }
        }
        Ok(Self { runs, artifacts, named, registered })
    }

    /// Artifacts that any of these runs, or the registry, names.
    pub(super) fn needed(&self, removed: &BTreeSet<RunId>) -> BTreeSet<usize> {
        let kept = self.named.iter().filter(|(run, _)| !removed.contains(run));
        kept.flat_map(|(_, hashes)| hashes).chain(&self.registered).copied().collect()
    }
}

/// The artifacts whose hashes stand in some bytes.
fn hashes_in(bytes: &[u8], numbers: &HashMap<[u8; 64], usize>) -> BTreeSet<usize> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    bytes
        .split(|byte| !is_hex(byte))
        .filter_map(|word| numbers.get(<&[u8; 64]>::try_from(word).ok()?))
        .copied()
        .collect()
}
