//! What a run would do: which tasks would run, in which order, and which the cache would serve.

use serde::{Deserialize, Serialize};

use super::{
    Engine,
    prepare::{AttemptNames, Claim},
};
use crate::{
    run::{CacheMiss, Event, Input, Origin, Prepared, Run, RunId, SkipReason, TaskState, Timestamp},
    workflow::{self, TaskIdx},
};

use super::StartRequest;

/// What a run would do with a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "would", rename_all = "snake_case")]
pub enum Prediction {
    /// The cache would serve it.
    Cached {
        /// Where the outcome was made.
        origin: Origin,
    },
    /// It would run.
    Run {
        /// Why the cache would not serve it.
        miss: CacheMiss,
    },
    /// It would run if what stands before it gives other outputs; that is not known before they ran.
    Depends {
        /// The first task before it that would run.
        on: String,
    },
    /// It would run once for each of its items.
    Expand {
        /// How many there are.
        n_items: usize,
    },
    /// It would be skipped.
    Skip {
        /// Why.
        reason: SkipReason,
    },
    /// It could not start.
    Fail {
        /// Why.
        message: String,
    },
}

/// A task with what a run would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedTask {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The prediction.
    #[serde(flatten)]
    pub prediction: Prediction,
}

impl Engine {
    /// Predicts what [`Engine::start`] would do, in the order of the run. Starts and records nothing.
    pub fn plan(&self, request: StartRequest) -> Vec<PlannedTask> {
        let order = request.workflow.graph().order();
        let created = self.created(request, None, None);
        let at = Timestamp::default();
        let mut run = Run::create(RunId::from_parts(0, 0), &created, at)
            .expect("the event is the one that creates a run");
        order
            .into_iter()
            .map(|task| {
                let prediction = self.predict(&mut run, task);
                let spec = run.task(task);
                PlannedTask { name: spec.name.clone(), kind: spec.kind.clone(), prediction }
            })
            .collect()
    }

    fn predict(&self, run: &mut Run, task: TaskIdx) -> Prediction {
        if let TaskState::Skipped { reason } = &run.record(task).state {
            return Prediction::Skip { reason: reason.clone() };
        }
        let upstream = run.workflow().graph().upstream(task);
        let open = upstream.into_iter().find(|up| !run.record(*up).state.is_final());
        let prepared = match (unwanted(run, task), open) {
            (Some(unwanted), _) => unwanted,
            (None, Some(open)) => return Prediction::Depends { on: run.task(open).name.clone() },
            (None, None) => {
                let preparer = &self.preparer;
                let names = AttemptNames { attempt_id: String::new(), child: None };
                preparer.prepare(Claim::of(run, task, preparer, names)).prepared
            }
        };
        let at = Timestamp::default();
        run.apply(&Event::TaskClaimed { task }, at);
        let prediction = match &prepared {
            Prepared::Unwanted { when } => {
                Prediction::Skip { reason: SkipReason::Condition { when: when.clone() } }
            }
            Prepared::Broken { error } => Prediction::Fail { message: error.message.clone() },
            Prepared::Cached { entry, .. } => Prediction::Cached { origin: entry.origin.clone() },
            Prepared::Runnable { miss, .. } => return Prediction::Run { miss: miss.clone() },
            Prepared::Expanded { items } => return Prediction::Expand { n_items: items.len() },
            Prepared::Joined { .. } => return Prediction::Expand { n_items: 0 },
        };
        let step = run.step(&Input::Prepared { task, prepared: Box::new(prepared) }, at);
        for event in &step.events {
            run.apply(event, at);
        }
        prediction
    }
}

/// A condition that parameters alone decide, and that is false.
fn unwanted(run: &Run, task: TaskIdx) -> Option<Prepared> {
    let when = run.task(task).when.clone()?;
    // Without the tasks in scope, a condition that looks at them is an error and decides nothing.
    let scope = serde_json::json!({ "params": run.workflow().params });
    let holds = workflow::evaluate_condition(&when, &scope).ok()?;
    (!holds).then_some(Prepared::Unwanted { when })
}
