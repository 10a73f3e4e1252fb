//! After a death: runs whose orchestrator is gone are marked, driven on, or given up.

use super::{
    EngineError,
    driver::{Engine, RunHandle},
    prepare::attempt_dir,
};
use crate::{
    run::{AttemptResult, EVENT_VERSION, EventRecord, Input, Run, RunId, RunRow, RunStatus, TaskState},
    store::Commit,
    worker::{kill_leftovers, read_outcome},
};

impl Engine {
    /// Marks runs as interrupted that claim to be running: this process holds the store, so no other drives them.
    pub async fn mark_interrupted(&self) -> Result<Vec<RunRow>, EngineError> {
        let mut rows = Vec::new();
        for row in self.options.store.open_runs()? {
            if row.status == RunStatus::Interrupted {
                rows.push(row);
                continue;
            }
            let mut run = self.load(row.id)?;
            self.settle(&mut run, &[Input::Interrupt]).await?;
            rows.push(run.row());
        }
        Ok(rows)
    }

    /// Reads a run back from its events.
    pub fn load(&self, id: RunId) -> Result<Run, EngineError> {
        Ok(Run::replay(id, &self.options.store.events(id)?)?)
    }

    /// Drives an interrupted run on: finished tasks stay finished, outcomes written meanwhile are taken.
    pub fn resume(&self, id: RunId) -> Result<RunHandle, EngineError> {
        let run = self.load(id)?;
        if run.status().is_final() {
            return Err(EngineError::Ended(id));
        }
        let mut inputs = vec![Input::Resume { owner: self.options.owner.clone() }];
        inputs.extend(self.lost_attempts(&run));
        Ok(self.drive(run, inputs))
    }

    /// Ends an interrupted run for good.
    pub async fn abandon(&self, id: RunId, reason: &str) -> Result<Run, EngineError> {
        let mut run = self.load(id)?;
        let mut inputs = vec![
            Input::Resume { owner: self.options.owner.clone() },
            Input::Cancel { reason: reason.into() },
        ];
        inputs.extend(self.lost_attempts(&run));
        inputs.push(Input::Dispatch);
        self.settle(&mut run, &inputs).await?;
        Ok(run)
    }

    /// How the attempts ended that were running when the orchestrator died. Leftover processes are killed first, so
    /// that no attempt can end differently afterwards.
    fn lost_attempts(&self, run: &Run) -> Vec<Input> {
        kill_leftovers(&self.options.home);
        let mut inputs = Vec::new();
        for (task, _, record) in run.tasks() {
            let (TaskState::Running { attempt }, Some(id)) = (&record.state, &record.attempt_id) else {
                continue;
            };
            let folder = attempt_dir(&self.options.home, run, task, *attempt);
            let result = read_outcome(&folder, id).unwrap_or(AttemptResult::Lost);
            // Staged files of an attempt without an outcome are of no use; nobody writes them any more.
            let _ = std::fs::remove_dir_all(folder.join("out"));
            inputs.push(Input::AttemptFinished { task, attempt: *attempt, result, random: 0.0 });
        }
        inputs
    }

    /// Decides about inputs and remembers, without acting: for runs that nobody drives.
    async fn settle(&self, run: &mut Run, inputs: &[Input]) -> Result<(), EngineError> {
        let now = self.options.world.now();
        let mut records = Vec::new();
        for input in inputs {
            let step = run.step(input, now);
            for event in step.events {
                let seq = run.n_events();
                run.apply(&event, now);
                records.push(EventRecord { v: EVENT_VERSION, seq, at: now, event });
            }
        }
        records.retain(|record| record.event.is_durable());
        if records.is_empty() {
            return Ok(());
        }
        self.commit(Commit { run: run.id(), records, row: run.row(), cache: Vec::new() }).await
    }
}
