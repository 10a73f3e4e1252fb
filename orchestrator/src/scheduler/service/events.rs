//! Events: runs that end, signed requests, files.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::broadcast::error::RecvError;

use super::{News, Scheduler, ids};
use crate::{
    run::{RunId, RunRow, Timestamp, Trigger},
    scheduler::{
        SchedulerError, Turn,
        handle::Webhook,
        planner::{Event, RunIs},
        scan::files_state,
        webhook::verify,
    },
    store::{RunFilter, ScheduleId},
    workflow::On,
};

/// After a restart so many runs of each workflow are looked at that triggers wait for.
const MAX_RUNS: usize = 1000;

/// Ends of runs are told in another order than they happen, but not by so many milliseconds.
const MARGIN: i64 = 5_000;

/// The longest time between two looks at a trigger's files, in milliseconds.
const MAX_LOOK: i64 = 5_000;

/// What is known of the files that triggers wait for.
#[derive(Default)]
pub(super) struct FileTriggers {
    watched: BTreeMap<ScheduleId, Watched>,
}

struct Watched {
    state: Option<String>,
    since: Timestamp,
    look_at: Timestamp,
    is_looking: bool,
}

impl Scheduler {
    /// A run ended: perhaps one of a schedule, perhaps one that a trigger waits for.
    pub(super) async fn run_ended(&mut self, end: Result<RunRow, RecvError>) -> Result<(), SchedulerError> {
        let now = self.now();
        let turn = match end {
            Ok(row) => {
                let mut turn = self.planner.ended(row.id, now, &mut ids(&self.options.world));
                turn.join(self.trigger_by_run(&row));
                turn
            }
            Err(RecvError::Lagged(_)) => self.look_at_runs()?,
            // The engine is gone; only a stop can follow.
            Err(RecvError::Closed) => {
                tokio::time::sleep(super::TICK).await;
                Turn::default()
            }
        };
        self.changed();
        self.perform(turn).await
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
        let waiting: Vec<(String, Timestamp)> = self
            .planner
            .all()
            .filter_map(|(spec, state, _)| match &spec.schedule.on {
                On::Run(rule) => Some((rule.workflow.clone(), state.watermark)),
                _ => None,
            })
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
        let fits = |on: &On| match on {
            On::Run(rule) => {
                rule.workflow == row.workflow && rule.status.iter().any(|word| word == row.status.word())
            }
            _ => false,
        };
        let ids_of: Vec<ScheduleId> =
            // Within the margin only what follows an end that was handled: a trigger that is new does not look back.
            self.planner.all().filter(|(spec, state, _)| fits(&spec.schedule.on) && (ended_at > state.watermark || !state.seen.is_empty())).map(|(spec, _, _)| spec.id.clone()).collect();
        let (now, key) = (self.now(), row.id.to_string());
        for id in ids_of {
            let event = Event { trigger: Trigger::Run, key: &key, at: ended_at };
            let (_, one) = self.planner.event(&id, &event, now, &mut ids(&self.options.world));
            turn.join(one);
        }
        turn
    }

    /// Takes a signed request.
    pub(super) async fn webhook(
        &mut self,
        id: &ScheduleId,
        hook: Webhook,
    ) -> Result<Option<RunId>, SchedulerError> {
        let workflow = self.workflows.get(&id.workflow).cloned();
        let rule = self.planner.get(id).and_then(|(spec, _, _)| match &spec.schedule.on {
            On::Webhook(rule) => Some(rule.clone()),
            _ => None,
        });
        // Whether there is such a webhook is nobody's business who cannot sign.
        let (Some(workflow), Some(rule)) = (workflow, rule) else { return Err(SchedulerError::Forged) };
        let runs = Arc::clone(&self.options.runs);
        let secret = tokio::task::spawn_blocking(move || runs.secret(&rule.secret, &workflow.base_dir));
        let secret = secret.await.map_err(|_| SchedulerError::Gone)?.map_err(SchedulerError::NoSecret)?;
        if !verify(secret.as_bytes(), &hook.body, &hook.signature) {
            return Err(SchedulerError::Forged);
        }
        let now = self.now();
        let key = hook.delivery.unwrap_or_else(|| format!("{:032x}", self.options.world.random()));
        let event = Event { trigger: Trigger::Webhook, key: &key, at: now };
        let (run, turn) = self.planner.event(id, &event, now, &mut ids(&self.options.world));
        self.perform(turn).await?;
        Ok(run)
    }

    /// Keeps what is known of the files of triggers that there still are.
    pub(super) fn meet_file_triggers(&mut self) {
        let now = self.now();
        let mut watched = std::mem::take(&mut self.files.watched);
        for (spec, _, _) in self.planner.all() {
            if matches!(spec.schedule.on, On::Files(_)) {
                let new = Watched { state: None, since: now, look_at: now, is_looking: false };
                let known = watched.remove(&spec.id).unwrap_or(new);
                self.files.watched.insert(spec.id.clone(), known);
            }
        }
    }

    /// Looks at the files of triggers whose time has come.
    pub(super) fn look_at_files(&mut self, now: Timestamp) {
        for (id, known) in &mut self.files.watched {
            if known.is_looking || known.look_at > now {
                continue;
            }
            let rule = self.planner.get(id).and_then(|(spec, _, _)| match &spec.schedule.on {
                On::Files(rule) => Some(rule.path.clone()),
                _ => None,
            });
            let Some((path, workflow)) = rule.zip(self.workflows.get(&id.workflow)) else { continue };
            known.is_looking = true;
            let (id, tell, base_dir) = (id.clone(), self.news_tx.clone(), workflow.base_dir.clone());
            tokio::task::spawn_blocking(move || {
                let _ = tell.send(News::Files(id, files_state(&base_dir, &path)));
            });
        }
    }

    /// Files are as they are: an event, when they differ from those of the last one and have settled.
    pub(super) async fn files_are(
        &mut self,
        id: &ScheduleId,
        state: Option<String>,
    ) -> Result<(), SchedulerError> {
        let now = self.now();
        let found = self.planner.get(id).and_then(|(spec, state, _)| match &spec.schedule.on {
            On::Files(rule) => Some((rule.settle, state.seen.clone())),
            _ => None,
        });
        let (Some((settle, seen)), Some(known)) = (found, self.files.watched.get_mut(id)) else {
            return Ok(());
        };
        #[expect(clippy::cast_possible_truncation, reason = "a duration is at most a year")]
        let settle = (settle * 1000.0) as i64;
        known.is_looking = false;
        known.look_at = Timestamp(now.0 + (settle / 4).clamp(250, MAX_LOOK));
        if known.state != state {
            known.state.clone_from(&state);
            known.since = now;
        }
        let is_settled = now.0 - known.since.0 >= settle;
        let state = state.unwrap_or_else(|| "none".into());
        let turn = match seen.last() {
            // What is there when the trigger is met is not new.
            None => self.planner.note_seen(id, vec![state], now),
            Some(last) if *last == state || !is_settled => return Ok(()),
            // Files that are gone are nothing to work with.
            Some(_) if state == "none" => self.planner.note_seen(id, vec![state], now),
            Some(_) => {
                let forget = self.planner.note_seen(id, Vec::new(), now);
                let event = Event { trigger: Trigger::Files, key: &state, at: now };
                let (_, mut turn) = self.planner.event(id, &event, now, &mut ids(&self.options.world));
                // Only the last state counts: files may come back to an earlier one.
                turn.commit.states.splice(0..0, forget.commit.states);
                turn
            }
        };
        self.perform(turn).await
    }
}
