//! Events: runs that end, and signed requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};
use tokio::sync::{
    Semaphore,
    broadcast::error::{RecvError, TryRecvError},
    oneshot,
};

use super::{News, Scheduler, ids, starts::about};
use crate::{
    run::{Cause, RunId, RunRow, Timestamp, Trigger},
    scheduler::{
        SchedulerError, Turn,
        handle::Webhook,
        planner::{Event, RunIs},
        webhook::verify,
    },
    store::{RunFilter, ScheduleId},
    workflow::On,
};

/// After a restart so many runs of each workflow are looked at that triggers wait for.
const MAX_RUNS: usize = 1000;

/// Ends of runs are told in another order than they happen, but not by so many milliseconds.
const MARGIN: i64 = 5_000;

/// So many requests are verified at a time: whoever cannot sign must not keep others from it, nor times from coming.
static VERIFYING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(8)));

/// Who waits for what comes of a request.
type Sender = oneshot::Sender<Result<Option<RunId>, SchedulerError>>;

/// A request whose signature is right.
pub(super) struct Hook {
    body: Vec<u8>,
    delivery: Option<String>,
    reply: Sender,
}

impl Scheduler {
    /// Takes in what ended already, in one decision: a run that is at its end keeps no fire from happening, however late this hears of it.
    /// What ends meanwhile waits for the next time, or runs that start each other would keep everyone else waiting.
    pub(super) async fn hear_ends(&mut self) -> Result<(), SchedulerError> {
        let mut turn = Turn::default();
        for _ in 0..self.options.ends.len() {
            match self.options.ends.try_recv() {
                Ok(row) => turn.join(self.end_of(&row)),
                Err(TryRecvError::Lagged(_)) => turn.join(self.look_at_runs()?),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.perform(turn).await
    }

    /// A run ended: perhaps one of a schedule, perhaps one that a trigger waits for.
    pub(super) async fn run_ended(&mut self, end: Result<RunRow, RecvError>) -> Result<(), SchedulerError> {
        let turn = match end {
            Ok(row) => self.end_of(&row),
            Err(RecvError::Lagged(_)) => self.look_at_runs()?,
            // The engine is gone; only a stop can follow.
            Err(RecvError::Closed) => {
                tokio::time::sleep(super::TICK).await;
                Turn::default()
            }
        };
        self.perform(turn).await
    }

    fn end_of(&mut self, row: &RunRow) -> Turn {
        let mut turn = self.planner.ended(row.id, self.now(), &mut ids(&self.options.world));
        turn.join(self.trigger_by_run(row));
        self.changed();
        turn
    }

    /// Finds out what ended while nobody listened.
    fn look_at_runs(&mut self) -> Result<Turn, SchedulerError> {
        let now = self.now();
        let open: Vec<RunId> =
            self.planner.all().flat_map(|(_, state, _)| state.open.iter().map(|fire| fire.run)).collect();
        let mut turn = self.ends_that_were_missed()?;
        for run in open {
            if Self::run_is(&self.options.store, run) == RunIs::Ended {
                turn.join(self.planner.ended(run, now, &mut ids(&self.options.world)));
            }
        }
        Ok(turn)
    }

    /// Ends of runs that triggers wait for, which came while this did not listen.
    pub(super) fn ends_that_were_missed(&mut self) -> Result<Turn, SchedulerError> {
        let mut turn = Turn::default();
        let watermark = |id: &ScheduleId| self.planner.get(id).map(|(_, state, _)| state.watermark);
        let waiting: Vec<(String, Timestamp)> = self
            .waiting
            .iter()
            .filter_map(|(workflow, ids)| Some((workflow.clone(), ids.iter().filter_map(watermark).min()?)))
            .collect();
        for (workflow, watermark) in waiting {
            let filter = RunFilter { workflow: Some(&workflow), status: None, limit: MAX_RUNS };
            let mut rows = self.options.store.runs(&filter)?;
            rows.retain(|row| row.ended_at.is_some_and(|at| at.0 > watermark.0 - MARGIN));
            rows.sort_by_key(|row| row.ended_at);
            for row in rows {
                turn.join(self.trigger_by_run(&row));
            }
        }
        Ok(turn)
    }

    fn trigger_by_run(&mut self, row: &RunRow) -> Turn {
        let mut turn = Turn::default();
        let Some(ended_at) = row.ended_at.filter(|_| row.parent.is_none() && self.options.by_itself) else {
            return turn;
        };
        let waiting = self.waiting.get(&row.workflow).cloned().unwrap_or_default();
        let key = row.id.to_string();
        let run = json!({ "id": key, "workflow": row.workflow, "status": row.status.word(), "ended_at": ended_at.to_rfc3339() });
        for id in waiting {
            let fits = self.planner.get(&id).is_some_and(|(spec, state, _)| {
                // Within the margin only what follows an end that was handled: a trigger that is new does not look back.
                let counts = ended_at.0 > state.watermark.0 - MARGIN
                    && (ended_at > state.watermark || !state.seen.is_empty());
                counts
                    && matches!(&spec.schedule.on, On::Run(rule) if rule.status.iter().any(|word| word == row.status.word()))
            });
            if fits {
                let event = Coming { trigger: Trigger::Run, key: &key, at: ended_at };
                let (_, one) = self.event(&id, &event, json!({ "run": run }));
                turn.join(one);
            }
        }
        turn
    }

    /// Verifies a signed request, beside everything else: where the secret comes from may take its time.
    pub(super) fn verify(&mut self, id: &ScheduleId, hook: Webhook, reply: Sender) {
        let workflow = self.workflows.get(&id.workflow).cloned();
        let rule = self.planner.get(id).and_then(|(spec, _, _)| match &spec.schedule.on {
            On::Webhook(rule) => Some(rule.clone()),
            _ => None,
        });
        // Whether there is such a webhook is nobody's business who cannot sign.
        let (Some(workflow), Some(rule)) = (workflow, rule) else {
            let _ = reply.send(Err(SchedulerError::Forged));
            return;
        };
        let (runs, tell, id) = (Arc::clone(&self.options.runs), self.news_tx.clone(), id.clone());
        tokio::spawn(async move {
            let _place = VERIFYING.acquire().await;
            let secret = tokio::task::spawn_blocking(move || runs.secret(&rule.secret, &workflow.base_dir));
            let refused = match secret.await {
                Ok(Ok(secret)) if verify(secret.as_bytes(), &hook.body, &hook.signature) => {
                    let Webhook { body, delivery, .. } = hook;
                    let _ = tell.send(News::Hook(id, Hook { body, delivery, reply }));
                    return;
                }
                Ok(Ok(_)) => SchedulerError::Forged,
                Ok(Err(why)) => SchedulerError::NoSecret(why),
                Err(_) => SchedulerError::Gone,
            };
            let _ = reply.send(Err(refused));
        });
    }

    /// Takes a signed request.
    pub(super) async fn hook(&mut self, id: &ScheduleId, hook: Hook) -> Result<(), SchedulerError> {
        let Hook { body, delivery, reply } = hook;
        let key = delivery.unwrap_or_else(|| format!("{:032x}", self.options.world.random()));
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned()));
        let event = Coming { trigger: Trigger::Webhook, key: &key, at: self.now() };
        let (came, turn) = self.event(id, &event, json!({ "body": body }));
        self.perform(turn).await?;
        let came = came.map_err(|what| SchedulerError::Useless { id: id.to_string(), what });
        let _ = reply.send(came);
        Ok(())
    }

    /// Lets the planner decide about an event that brought something. Returns the run that comes of it, if any, or why its parameters cannot
    /// be had.
    pub(super) fn event(
        &mut self,
        id: &ScheduleId,
        coming: &Coming<'_>,
        more: Value,
    ) -> (Result<Option<RunId>, String>, Turn) {
        let &Coming { trigger, key, at } = coming;
        let Some((spec, _, _)) = self.planner.get(id) else { return (Ok(None), Turn::default()) };
        let cause = Cause { trigger, schedule: id.schedule.clone(), scheduled_at: at };
        let params = spec.schedule.given(&about(&cause, more), BTreeMap::new());
        let event = Event { trigger, key, at, params: &params };
        let (run, turn) = self.planner.event(id, &event, self.now(), &mut ids(&self.options.world));
        let is_refused = run.is_none() && !turn.commit.log.is_empty();
        let came = params.map(|_| run).or_else(|why| if is_refused { Err(why) } else { Ok(None) });
        (came, turn)
    }
}

/// An event, before anyone decided about it.
pub(super) struct Coming<'a> {
    pub(super) trigger: Trigger,
    /// Unlike that of any other event.
    pub(super) key: &'a str,
    pub(super) at: Timestamp,
}
