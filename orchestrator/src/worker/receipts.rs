//! Which results are durable, so that the workers that gave them need not remember them any longer.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sluicegate_plugin::AttemptSpec;

use super::attempt::keep_outcome_durably;
use crate::run::AttemptResult;

/// A result that a worker gave and still remembers.
#[derive(Debug)]
pub(super) struct Given {
    attempt_id: String,
    attempt_dir: PathBuf,
    result: AttemptResult,
}

/// The results that workers remember, by the attempt's folder; true once a result is durable. The word is passed on with the next
/// request to the worker, so that it costs no message of its own.
#[derive(Default)]
pub(super) struct Receipts(Mutex<BTreeMap<PathBuf, bool>>);

impl Receipts {
    /// Notes that a worker gave a result.
    pub(super) fn expect(&self, spec: &AttemptSpec, result: AttemptResult) -> Given {
        self.lock().insert(spec.attempt_dir.clone(), false);
        Given { attempt_id: spec.run.attempt_id.clone(), attempt_dir: spec.attempt_dir.clone(), result }
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

    /// Writes the results of a worker that is gone to their files, but for those that are durable: the store may refuse them, and
    /// nobody else remembers them any more.
    pub(super) fn rescue(&self, given: Vec<Given>) {
        // Whoever says afterwards that a result is durable finds the file, and removes it.
        let mut open = self.lock();
        for Given { attempt_id, attempt_dir, result } in given {
            if open.remove(&attempt_dir) == Some(false)
                && let Err(error) = keep_outcome_durably(&attempt_dir, &attempt_id, result)
            {
                tracing::warn!("the result of an attempt is only in memory: {error}");
            }
        }
    }

    /// Forgets the results of a worker that ended in order, and kept what is not durable itself.
    pub(super) fn forget(&self, given: Vec<Given>) {
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
    use crate::worker::{read_outcome, tests::yard::spec};

    #[test]
    fn what_is_durable_is_passed_on_once_and_what_is_not_is_rescued() {
        let home = tempfile::tempdir().unwrap();
        let receipts = Receipts::default();
        let specs = [1, 2].map(|attempt| spec(home.path(), attempt, serde_json::json!({})));
        let mut given: Vec<_> =
            specs.iter().map(|spec| receipts.expect(spec, AttemptResult::Cancelled)).collect();
        assert_eq!(receipts.take(&mut given), Vec::<String>::new());
        receipts.kept(&[specs[1].attempt_dir.clone(), "of an inline attempt".into()]);
        assert_eq!(receipts.take(&mut given), ["attempt-2"]);
        assert_eq!(given.len(), 1);
        receipts.rescue(given);
        assert!(receipts.lock().is_empty());
        assert_eq!(read_outcome(&specs[0].attempt_dir, "attempt-1"), Some(AttemptResult::Cancelled));
        assert_eq!(read_outcome(&specs[1].attempt_dir, "attempt-2"), None);
    }
}
