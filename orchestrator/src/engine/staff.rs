//! What the engine has to work with, for people: its workers and the pools that all runs share.

use super::{Engine, EngineError};
use crate::{
    run::{TaskState, project_pool_name},
    worker::WorkerNews,
};

/// A pool that all runs share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLoad {
    /// Its name.
    pub name: String,
    /// Slots in use.
    pub used: u32,
    /// All slots.
    pub slots: u32,
}

impl Engine {
    /// The worker processes, by their numbers: idle and busy ones, and those that an earlier orchestrator left at work.
    pub fn workers(&self) -> Result<Vec<WorkerNews>, EngineError> {
        let mut workers = self.options.pool.workers();
        let mut strangers: Vec<_> = workers
            .iter_mut()
            .filter_map(|worker| worker.work.as_mut().filter(|work| work.run.is_empty()))
            .collect();
        if strangers.is_empty() {
            return Ok(workers);
        }
        for row in self.options.store.open_runs()? {
            let run = self.load(row.id)?;
            for (_, task, record) in run.tasks() {
                let is_running = matches!(record.state, TaskState::Running { .. });
                let own = strangers.iter_mut().find(|work| {
                    is_running && record.attempt_id.as_deref() == Some(work.attempt_id.as_str())
                });
                if let Some(work) = own {
                    (work.run, work.task) = (row.id.to_string(), task.name.clone());
                }
            }
        }
        Ok(workers)
    }

    /// The pools of the project, by name.
    pub fn pools(&self) -> Vec<PoolLoad> {
        let loads = self.slots.loads().into_iter();
        loads
            .map(|(key, used, slots)| PoolLoad { name: project_pool_name(&key).to_owned(), used, slots })
            .collect()
    }
}
