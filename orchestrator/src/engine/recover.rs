//! After a death: runs whose orchestrator is gone are marked, driven on, or given up.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use sluicegate_plugin::{Effect, Kind, Probe, ProbeContext};

use super::{
    Engine, EngineError, RunHandle, nested,
    prepare::{Preparer, attempt_dir, run_info},
    scope::scope,
    secrets,
};
use crate::{
    run::{
        AttemptResult, EVENT_VERSION, Event, EventRecord, Input, Outcome, Resolution, Run, RunId, RunRow,
        RunStatus, TaskState,
    },
    store::{Commit, StoreError},
    worker::{Orphan, kill_strays, read_outcome},
    workflow::TaskIdx,
};

/// How often the workers of runs that nobody drives are looked at, while others may wait for what they hold.
const LOOK: Duration = Duration::from_millis(200);

impl Engine {
    /// Marks runs as interrupted that claim to be running: this process holds the store, so no other drives them.
    pub async fn mark_interrupted(&self) -> Result<Vec<RunRow>, EngineError> {
        let mut rows = Vec::new();
        for row in self.options.store.open_runs()? {
            if row.status == RunStatus::Interrupted {
                rows.push(row);
                continue;
            }
            let Some(mut run) = self.load_if_whole(row.id)? else { continue };
            self.settle(&mut run, &[Input::Interrupt]).await?;
            rows.push(run.row());
        }
        Ok(rows)
    }

    /// Lets interrupted runs hold the slots of pools and mutexes that their workers still use, for as long as these live.
    pub fn respect_orphans(&self) -> Result<(), EngineError> {
        for row in self.options.store.open_runs()? {
            let Some(run) = self.load_if_whole(row.id)? else { continue };
            let orphans = self.orphans(&run);
            if orphans.is_empty() || run.held_slots().is_empty() {
                continue;
            }
            self.slots.enter_undriven(&run);
            let engine = self.clone();
            tokio::spawn(async move {
                while orphans.iter().any(Orphan::lives) {
                    tokio::time::sleep(LOOK).await;
                }
                engine.slots.leave_undriven(run.id());
            });
        }
        Ok(())
    }

    /// The workers that still run attempts of a run that no process drives.
    fn orphans(&self, run: &Run) -> Vec<Orphan> {
        let open = self.open_attempts(run).into_iter();
        open.filter_map(|open| Orphan::find(&self.options.home, &open.attempt_id)).collect()
    }

    /// Reads a run back from its events.
    pub fn load(&self, id: RunId) -> Result<Run, EngineError> {
        Ok(Run::replay(id, &self.options.store.events(id)?)?)
    }

    /// Reads a run back; `None`, and a word in the program's log, when what is stored of it does not make a run. One such run must not
    /// keep the others from going on.
    fn load_if_whole(&self, id: RunId) -> Result<Option<Run>, EngineError> {
        match self.load(id) {
            Ok(run) => Ok(Some(run)),
            Err(error @ (EngineError::Replay(_) | EngineError::Store(StoreError::BadValue(_)))) => {
                let causes = sluicegate_plugin::with_causes(&error);
                tracing::error!("run {id} is left as it is: {causes}; `sluice doctor` tells more");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Drives an interrupted run on: finished tasks stay finished, outcomes written meanwhile are taken, and attempts that still run
    /// are taken over with their workers.
    pub fn resume(&self, id: RunId) -> Result<RunHandle, EngineError> {
        self.resume_with(id, Vec::new())
    }

    /// The same; a run that was paused when its orchestrator left stays paused.
    pub fn resume_as_it_was(&self, id: RunId) -> Result<RunHandle, EngineError> {
        let records = self.options.store.events(id)?;
        let paused = records.iter().rev().find_map(|record| match record.event {
            Event::RunPaused => Some(true),
            Event::RunUnpaused | Event::RunResumed { .. } => Some(false),
            _ => None,
        });
        self.resume_with(id, if paused == Some(true) { vec![Input::Pause] } else { Vec::new() })
    }

    fn resume_with(&self, id: RunId, then: Vec<Input>) -> Result<RunHandle, EngineError> {
        let run = self.load(id)?;
        if run.status().is_final() {
            return Err(EngineError::Ended(id));
        }
        let seat = self.crew.seat_now(id)?;
        self.kill_strays()?;
        let mut inputs = vec![Input::Resume { owner: self.options.owner.clone() }];
        inputs.extend(then);
        let mut adopted = Vec::new();
        for open in self.open_attempts(&run) {
            if let Some(child) = open.child {
                match self.child(child)? {
                    Child::Goes(handle) => adopted.push(Adopted { open, remains: Remains::Run(handle) }),
                    Child::Ended(result) => inputs.push(open.finished(Some(result))),
                }
                continue;
            }
            // In this order: a worker that is gone by now has left its outcome before, if it left one at all.
            let orphan = Orphan::find(&self.options.home, &open.attempt_id);
            match (orphan, read_outcome(&open.folder, &open.attempt_id)) {
                (Some(orphan), None) => {
                    adopted.push(Adopted { open, remains: Remains::Worker(Box::new(orphan)) });
                }
                (_, outcome) => {
                    let outcome = outcome.or_else(|| self.probed(&run, &open));
                    inputs.push(open.finished(outcome));
                }
            }
        }
        Ok(self.drive(seat, run, inputs, adopted))
    }

    /// What the kind finds out about an attempt whose outcome is lost and that must not happen twice; nothing when it cannot tell.
    fn probed(&self, run: &Run, open: &OpenAttempt) -> Option<AttemptResult> {
        let (task, record) = (run.task(open.task), run.record(open.task));
        let entry = self.options.catalog.entry(&task.kind).filter(|_| task.effect == Effect::Once)?;
        let env = Preparer::env(task, &scope(run, open.task)).ok()?;
        let secrets = secrets::resolve(&task.secrets, run.base_dir()).ok()?;
        let about = run_info(run, open.task, open.attempt, open.attempt_id.clone());
        let ctx = ProbeContext { run: about, base_dir: run.base_dir().to_owned(), env, secrets };
        tokio::task::block_in_place(|| probe(entry.kind.as_ref(), &ctx, &record.params))
    }

    /// The run that a task had started when its orchestrator died.
    fn child(&self, id: RunId) -> Result<Child, EngineError> {
        let Some(row) = self.options.store.row(id)? else {
            return Ok(Child::Ended(AttemptResult::NeverHappened));
        };
        Ok(if row.status.is_final() {
            Child::Ended(nested::result_of(&self.load(id)?))
        } else {
            Child::Goes(Box::new(self.resume(id)?))
        })
    }

    /// Lets a run that ended without success go on: what did not succeed starts over, with the recorded plan.
    pub fn retry(&self, id: RunId) -> Result<RunHandle, EngineError> {
        let run = self.load(id)?;
        if !run.status().is_final() {
            return Err(EngineError::Open(id));
        }
        if !run.can_go_on() {
            return Err(EngineError::NothingToRepeat(id));
        }
        let seat = self.crew.seat_now(id)?;
        self.kill_strays()?;
        Ok(self.drive(seat, run, vec![Input::Reopen { owner: self.options.owner.clone() }], Vec::new()))
    }

    /// Records what a person says of a task whose outcome was lost.
    pub async fn resolve(
        &self,
        id: RunId,
        task: TaskIdx,
        resolution: Resolution,
    ) -> Result<Run, EngineError> {
        let mut run = self.load(id)?;
        self.settle(&mut run, &[Input::Resolve { task, resolution }]).await?;
        Ok(run)
    }

    /// Ends an interrupted run for good, with the workers that still run its attempts. Its hooks run.
    pub async fn abandon(&self, id: RunId, reason: &str) -> Result<Run, EngineError> {
        let handle = self.resume_with(id, vec![Input::Cancel { reason: reason.into() }])?;
        handle.wait().await
    }

    /// The attempts that were running when a run's orchestrator died.
    fn open_attempts(&self, run: &Run) -> Vec<OpenAttempt> {
        let open = run.tasks().filter_map(|(task, spec, record)| {
            let (TaskState::Running { attempt }, Some(id)) = (&record.state, &record.attempt_id) else {
                return None;
            };
            Some(OpenAttempt {
                task,
                attempt: *attempt,
                attempt_id: id.clone(),
                child: record.child,
                folder: attempt_dir(&self.options.home, run, task, *attempt),
                timeout: spec.timeout,
            })
        });
        open.collect()
    }

    /// Ends what no open run needs any more, so that no attempt that counts as lost can end differently afterwards.
    fn kill_strays(&self) -> Result<(), EngineError> {
        let mut needed = Vec::new();
        for row in self.options.store.open_runs()? {
            needed.extend(self.open_attempts(&self.load(row.id)?).into_iter().map(|open| open.attempt_id));
        }
        kill_strays(&self.options.home, &needed);
        Ok(())
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
        self.commit(&Commit { run: run.id(), records, row: run.row(), cache: Vec::new() }).await
    }
}

/// What a kind finds out about an attempt that may have done its work; nothing when it cannot tell. Blocks.
pub(super) fn probe(kind: &dyn Kind, ctx: &ProbeContext, params: &Value) -> Option<AttemptResult> {
    match kind.probe(ctx, params) {
        Probe::Happened => Some(AttemptResult::Succeeded {
            outcome: Outcome { summary: Some("found done by its probe".into()), ..Outcome::default() },
        }),
        Probe::DidNotHappen => Some(AttemptResult::NeverHappened),
        Probe::Unknown => None,
    }
}

/// A run that a task had started.
enum Child {
    Goes(Box<RunHandle>),
    Ended(AttemptResult),
}

/// An attempt that was running when its orchestrator died.
pub(super) struct OpenAttempt {
    pub(super) task: TaskIdx,
    pub(super) attempt: u32,
    pub(super) attempt_id: String,
    pub(super) child: Option<RunId>,
    pub(super) folder: PathBuf,
    pub(super) timeout: Option<f64>,
}

/// What of an attempt goes on.
pub(super) enum Remains {
    /// Its worker.
    Worker(Box<Orphan>),
    /// The run that it started.
    Run(Box<RunHandle>),
}

/// An attempt of which something goes on.
pub(super) struct Adopted {
    pub(super) open: OpenAttempt,
    pub(super) remains: Remains,
}

impl OpenAttempt {
    /// The attempt's end; without an outcome it is lost.
    fn finished(self, outcome: Option<AttemptResult>) -> Input {
        if outcome.is_none() {
            // Staged files of an attempt without an outcome are of no use; nobody writes them any more.
            let _ = std::fs::remove_dir_all(self.folder.join("out"));
        }
        let result = outcome.unwrap_or(AttemptResult::Lost);
        Input::AttemptFinished { task: self.task, attempt: self.attempt, result, random: 0.0 }
    }
}
