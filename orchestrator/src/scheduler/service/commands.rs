//! What others ask of the service.

use std::collections::BTreeMap;

use super::{Scheduler, ids, starts::overrides};
use crate::{
    run::{Cause, Timestamp, Trigger},
    scheduler::{BackfillRequest, ScheduleView, SchedulerError, handle::Command},
    store::{Backfill, ScheduleId},
};

impl Scheduler {
    /// Does what is asked, and answers. Nobody need be there any more for the answer.
    pub(super) async fn obey(&mut self, command: Command) -> Result<(), SchedulerError> {
        match command {
            Command::List(n, reply) => drop(reply.send(Ok(self.views(n)))),
            Command::Log(id, limit, reply) => {
                let log = self.options.store.schedule_log(&id, limit).map_err(SchedulerError::Store);
                let _ = reply.send(self.known(&id).and(log));
            }
            Command::Pause(id, by, reply) => {
                let turn = self.planner.pause(&id, &by, self.now());
                self.perform(turn).await?;
                let _ = reply.send(self.known(&id));
            }
            Command::Resume(id, reply) => {
                let turn = self.planner.resume(&id, self.now());
                self.perform(turn).await?;
                let _ = reply.send(self.known(&id));
            }
            Command::Fire(id, params, reply) => {
                let now = self.now();
                let params = match self.by_hand(&id, params, now) {
                    Ok(params) => params,
                    Err(refused) => {
                        let _ = reply.send(Err(refused));
                        return Ok(());
                    }
                };
                let (run, turn) = self.planner.fire(&id, params, now, &mut ids(&self.options.world));
                self.perform(turn).await?;
                let _ = reply.send(Ok(run));
            }
            Command::Backfill(id, request, reply) => {
                let done = self.backfill(&id, request).await;
                if let Err(SchedulerError::Store(error)) = done {
                    return Err(error.into());
                }
                let _ = reply.send(done);
            }
            Command::StopBackfills(id, reply) => {
                let turn = self.planner.stop_backfills(&id, self.now());
                let stopped = !turn.is_empty();
                self.perform(turn).await?;
                let _ = reply.send(self.known(&id).map(|()| stopped));
            }
            Command::Webhook(id, hook, reply) => self.verify(&id, hook, reply),
            Command::Rescan(reply) => self.look_for(reply),
            Command::Stop => {}
        }
        Ok(())
    }

    /// The parameters of a run that someone asks for, which no event brings.
    fn by_hand(
        &self,
        id: &ScheduleId,
        params: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, SchedulerError> {
        self.known(id)?;
        let Some((spec, _, _)) = self.planner.get(id) else { return Ok(params) };
        let cause = Cause { trigger: Trigger::Hand, schedule: id.schedule.clone(), scheduled_at: now };
        overrides(&spec.schedule, &cause, params)
            .map_err(|what| SchedulerError::Useless { id: id.to_string(), what })
    }

    fn known(&self, id: &ScheduleId) -> Result<(), SchedulerError> {
        self.planner.get(id).map(drop).ok_or_else(|| SchedulerError::NoSchedule(id.to_string()))
    }

    async fn backfill(&mut self, id: &ScheduleId, request: BackfillRequest) -> Result<(), SchedulerError> {
        self.known(id)?;
        let BackfillRequest { from, to, parallel, params } = request;
        let Some((spec, _, _)) = self.planner.get(id) else { return Ok(()) };
        if spec.schedule.time().is_none() {
            let what = "waits for events, so that there are no times to repeat";
            return Err(SchedulerError::NotFor { id: id.to_string(), what });
        }
        let done = Timestamp(from.0.saturating_sub(1));
        if spec.next(done).is_none_or(|due| due.scheduled_at > to) {
            return Err(SchedulerError::NoTimes(id.to_string()));
        }
        let backfill = Backfill { done, until: to, parallel: parallel.max(1), params };
        let turn = self.planner.backfill(id, backfill, self.now(), &mut ids(&self.options.world));
        self.perform(turn).await
    }

    fn views(&self, n: usize) -> Vec<ScheduleView> {
        let now = self.now();
        let file =
            |workflow: &str| self.workflows.get(workflow).map(|it| it.file.clone()).unwrap_or_default();
        self.planner
            .all()
            .map(|(spec, state, _)| ScheduleView::new(spec, state, file(&spec.id.workflow), now, n))
            .collect()
    }
}
