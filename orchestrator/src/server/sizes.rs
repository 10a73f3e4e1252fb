//! How much the folders of the state hold. Counting walks through them, which may take seconds where artifacts are many: it is done at
//! most once a minute, beside whatever asks.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::run::Timestamp;

/// How long a count counts.
const FRESH: i64 = 60_000;

/// How long whoever asks waits for the first count.
const PATIENCE: Duration = Duration::from_millis(300);

/// The folders of the state that are counted, with what they hold.
pub(super) const PARTS: [(&str, &str); 5] = [
    ("artifacts", "outputs, by their content"),
    ("history", "events of finished runs, packed"),
    ("journal", "what was committed since the last checkpoint"),
    ("db", "rows, indexes, cache, registry"),
    ("values", "large cached outcomes"),
];

/// What the folders hold, in the order of [`PARTS`], and when that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) at: Timestamp,
    pub(super) bytes: [u64; PARTS.len()],
}

#[derive(Default)]
struct Known {
    sizes: Option<Sizes>,
    is_counting: bool,
}

/// The latest count.
pub(super) struct Ledger {
    home: PathBuf,
    known: Arc<Mutex<Known>>,
}

impl Ledger {
    pub(super) fn of(home: &Path) -> Self {
        Self { home: home.to_owned(), known: Arc::default() }
    }

    /// The latest count; begins a new one when that is old. Nothing while the first one takes longer than a moment.
    pub(super) async fn sizes(&self, now: Timestamp) -> Option<Sizes> {
        let counting = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let is_fresh = known.sizes.is_some_and(|sizes| (now.0 - sizes.at.0).abs() < FRESH);
            if is_fresh || known.is_counting {
                return known.sizes;
            }
            known.is_counting = true;
            let (home, shared) = (self.home.clone(), Arc::clone(&self.known));
            tokio::task::spawn_blocking(move || {
                let bytes = PARTS.map(|(name, _)| size_of(&home.join(name)));
                let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Known { sizes: Some(Sizes { at: now, bytes }), is_counting: false };
            })
        };
        let _ = tokio::time::timeout(PATIENCE, counting).await;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).sizes
    }
}

/// Bytes of a folder with what is below it.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => size_of(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_count_is_remembered_for_a_minute() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("artifacts/ab");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("one"), [0; 10]).unwrap();
        let ledger = Ledger::of(home.path());
        let count = async |at| ledger.sizes(Timestamp(at)).await.unwrap();
        assert_eq!(count(0).await.bytes, [10, 0, 0, 0, 0]);
        std::fs::write(folder.join("two"), [0; 5]).unwrap();
        assert_eq!(count(FRESH - 1).await, Sizes { at: Timestamp(0), bytes: [10, 0, 0, 0, 0] });
        assert_eq!(count(FRESH).await, Sizes { at: Timestamp(FRESH), bytes: [15, 0, 0, 0, 0] });
    }
}
