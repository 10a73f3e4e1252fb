//! Asking for runs, and for their ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{News, Scheduler, StartFailure, StartRequest, ids};
use crate::{
    failpoint,
    run::{Cause, RunId},
    scheduler::SchedulerError,
    store::{Fire, ScheduleId},
    workflow::Schedule,
};

/// So many runs are started at a time.
const MAX_STARTS: usize = 32;

/// Runs that were asked for and are not there yet.
pub(super) struct Starts {
    places: Arc<Semaphore>,
    pending: BTreeSet<RunId>,
    /// Those of them that are to end at once: there is nothing yet that could be asked to.
    unwanted: BTreeSet<RunId>,
}

impl Default for Starts {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(MAX_STARTS));
        Self { places, pending: BTreeSet::new(), unwanted: BTreeSet::new() }
    }
}

impl Scheduler {
    /// Asks for the run of a fire that is durable.
    pub(super) fn start(&mut self, id: &ScheduleId, fire: Fire) {
        let (tell, run) = (self.news_tx.clone(), fire.run);
        self.starts.pending.insert(run);
        let request = match self.request(id, fire) {
            Ok(request) => request,
            Err(failure) => {
                let _ = tell.send(News::Started(run, Err(failure)));
                return;
            }
        };
        let (runs, places) = (Arc::clone(&self.options.runs), Arc::clone(&self.starts.places));
        tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            let started = runs.start(request).await;
            let _ = tell.send(News::Started(run, started));
            failpoint::pass("schedule.start.after");
        });
    }

    fn request(&self, id: &ScheduleId, fire: Fire) -> Result<StartRequest, StartFailure> {
        let found = self.planner.get(id).zip(self.workflows.get(&id.workflow));
        let Some(((spec, _, _), workflow)) = found else {
            return Err(StartFailure(format!("there is no workflow `{}` any more", id.workflow)));
        };
        let Fire { run, cause, params, .. } = fire;
        let overrides = overrides(&spec.schedule, &cause, params).map_err(StartFailure)?;
        Ok(StartRequest { run, cause, workflow: Arc::clone(workflow), overrides })
    }

    /// A run is there, or cannot be.
    pub(super) async fn started(
        &mut self,
        run: RunId,
        done: Result<(), StartFailure>,
    ) -> Result<(), SchedulerError> {
        self.starts.pending.remove(&run);
        let is_unwanted = self.starts.unwanted.remove(&run);
        let Err(StartFailure(reason)) = done else {
            if is_unwanted {
                self.cancel(run);
            }
            return Ok(());
        };
        tracing::error!("run {run} could not be started: {reason}");
        let turn = self.planner.failed(run, &reason, self.now(), &mut ids(&self.options.world));
        self.perform(turn).await
    }

    /// Asks for the end of a run, now or once it is there.
    pub(super) fn cancel(&mut self, run: RunId) {
        if self.starts.pending.contains(&run) {
            self.starts.unwanted.insert(run);
        } else {
            self.options.runs.cancel(run, "a later run of its schedule takes its place");
        }
    }
}

/// What an event tells the parameters of its run, whatever else it brought.
pub(super) fn about(cause: &Cause, more: Value) -> Value {
    let mut about = json!({
        "trigger": cause.trigger.word(),
        "schedule": cause.schedule,
        "scheduled_at": cause.scheduled_at.to_rfc3339(),
    });
    if let (Some(about), Value::Object(more)) = (about.as_object_mut(), more) {
        about.extend(more);
    }
    about
}

/// The parameters of a run. Those that were recorded with its fire come first: events are not remembered.
pub(super) fn overrides(
    schedule: &Schedule,
    cause: &Cause,
    recorded: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    schedule.given(&about(cause, Value::Null), recorded)
}
