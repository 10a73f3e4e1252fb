//! Which workers there are and what each does, for people.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sluicegate_plugin::{ProcessId, RunInfo};

use super::{entry::Entry, process::memory_below};
use crate::run::Timestamp;

/// A worker that lives.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerNews {
    /// Its process.
    pub process: ProcessId,
    /// What it does; nothing while it is idle.
    pub work: Option<Work>,
    /// When it began its latest attempt, when it had one.
    pub since: Option<Timestamp>,
    /// Resident bytes of it and of all that it started.
    pub memory: u64,
}

/// An attempt that a worker runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The attempt's id.
    pub attempt_id: String,
    /// The run; empty when an earlier orchestrator started the attempt.
    pub run: String,
    /// The task; empty likewise.
    pub task: String,
}

/// The attempts that a pool has given to workers.
#[derive(Default)]
pub(super) struct Roster {
    busy: Mutex<BTreeMap<String, Work>>,
}

/// An attempt is on the roster as long as this lives.
pub(super) struct OnRoster<'a> {
    roster: &'a Roster,
    attempt_id: String,
}

impl Drop for OnRoster<'_> {
    fn drop(&mut self) {
        self.roster.lock().remove(&self.attempt_id);
    }
}

impl Roster {
    /// Notes that a worker is given an attempt.
    pub(super) fn enter(&self, run: &RunInfo) -> OnRoster<'_> {
        let attempt_id = run.attempt_id.clone();
        let work = Work { attempt_id: attempt_id.clone(), run: run.run_id.clone(), task: run.task.clone() };
        self.lock().insert(attempt_id.clone(), work);
        OnRoster { roster: self, attempt_id }
    }

    /// The workers of a folder that live, by their numbers; `idle` are those that wait for work.
    pub(super) fn list(&self, home: &Path, idle: &[ProcessId]) -> Vec<WorkerNews> {
        let mut found: BTreeMap<u32, WorkerNews> = BTreeMap::new();
        let news = |process: &ProcessId, work, since| WorkerNews {
            process: process.clone(),
            work,
            since,
            memory: 0,
        };
        for process in idle {
            found.insert(process.pid, news(process, None, None));
        }
        for entry in Entry::all(home).iter().filter(|entry| entry.process().is_some()) {
            let process = entry.id();
            let work = if idle.contains(process) { None } else { entry.latest().map(|id| self.work(id)) };
            found.insert(process.pid, news(process, work, entry.since()));
        }
        let memory = memory_below(&found.keys().copied().collect::<Vec<_>>());
        for (pid, worker) in &mut found {
            worker.memory = memory.get(pid).copied().unwrap_or_default();
        }
        found.into_values().collect()
    }

    fn work(&self, attempt_id: &str) -> Work {
        let known = self.lock().get(attempt_id).cloned();
        known.unwrap_or_else(|| Work {
            attempt_id: attempt_id.to_owned(),
            run: String::new(),
            task: String::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Work>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::{cgroup::Groups, entry::OwnEntry};

    #[test]
    fn a_worker_is_listed_with_the_attempt_it_was_given_until_it_is_idle() {
        let home = tempfile::tempdir().unwrap();
        let _own = OwnEntry::new(home.path(), &Groups::default(), &["a7"]).unwrap();
        let roster = Roster::default();
        let unknown = roster.list(home.path(), &[]);
        assert_eq!(
            unknown[0].work.as_ref().map(|work| (work.attempt_id.as_str(), work.run.as_str())),
            Some(("a7", ""))
        );
        let run = RunInfo {
            run_id: "r".into(),
            workflow: "w".into(),
            task: "model".into(),
            attempt: 1,
            attempt_id: "a7".into(),
        };
        let given = roster.enter(&run);
        let busy = roster.list(home.path(), &[]);
        assert_eq!(busy[0].work.as_ref().map(|work| work.task.as_str()), Some("model"));
        assert!(busy[0].memory > 0 && busy[0].since.is_some());
        drop(given);
        let own = ProcessId::of(std::process::id()).unwrap();
        let idle = roster.list(home.path(), &[own]);
        assert_eq!((idle.len(), &idle[0].work), (1, &None));
    }
}
