//! Which results are durable, so that the workers that gave them need not remember them any longer.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A result that a worker gave and still remembers.
#[derive(Debug)]
pub(super) struct Given {
    attempt_id: String,
    attempt_dir: PathBuf,
}

/// The results that workers remember, by the attempt's folder; true once a result is durable. The word is passed on with the next
/// request to the worker, so that it costs no message of its own.
#[derive(Default)]
pub(super) struct Receipts(Mutex<BTreeMap<PathBuf, bool>>);

impl Receipts {
    /// Notes that a worker gave a result.
    pub(super) fn expect(&self, attempt_id: &str, attempt_dir: &Path) -> Given {
        self.lock().insert(attempt_dir.to_owned(), false);
        Given { attempt_id: attempt_id.to_owned(), attempt_dir: attempt_dir.to_owned() }
    }

    /// Notes that results are durable. Those of attempts that no worker remembers are passed over.
    pub(super) fn kept(&self, attempt_dirs: &[PathBuf]) {
        let mut open = self.lock();
        for attempt_dir in attempt_dirs {
            if let Some(is_kept) = open.get_mut(attempt_dir) {
                *is_kept = true;
            }
        }
    }

    /// Takes the results out of `given` that are durable, and returns their attempts' ids.
    pub(super) fn take(&self, given: &mut Vec<Given>) -> Vec<String> {
        let mut open = self.lock();
        let is_kept = |given: &mut Given| {
            let is_kept = open.get(&given.attempt_dir).copied().unwrap_or_default();
            if is_kept {
                open.remove(&given.attempt_dir);
            }
            is_kept
        };
        let kept = given.extract_if(.., is_kept);
        kept.map(|given| given.attempt_id).collect()
    }

    /// Forgets what a worker remembered that is gone.
    pub(super) fn forget(&self, given: &[Given]) {
        let mut open = self.lock();
        for given in given {
            open.remove(&given.attempt_dir);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_durable_is_passed_on_and_only_once() {
        let receipts = Receipts::default();
        let mut given: Vec<_> = ["a", "b"].map(|id| receipts.expect(id, Path::new(id))).into_iter().collect();
        assert_eq!(receipts.take(&mut given), Vec::<String>::new());
        receipts.kept(&["b".into(), "of an inline attempt".into()]);
        assert_eq!(receipts.take(&mut given), ["b"]);
        assert_eq!(given.len(), 1);
        receipts.forget(&given);
        assert!(receipts.lock().is_empty());
    }
}
