//! What others ask of the service.

use super::{Scheduler, ids};
use crate::{
    run::Timestamp,
    scheduler::{BackfillRequest, ScheduleView, SchedulerError, handle::Command},
    store::{Backfill, ScheduleId},
};

impl Scheduler {
    /// Does what is asked, and answers. Nobody need be there any more for the answer.
    pub(super) async fn obey(&mut self, command: Command) -> Result<(), SchedulerError> {
        match command {
            Command::List(n, reply) => drop(reply.send(Ok(self.views(n)))),
            Command::Files(reply) => drop(reply.send(Ok(self.folder.statuses()))),
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
                if let Err(unknown) = self.known(&id) {
                    let _ = reply.send(Err(unknown));
                    return Ok(());
                }
                let now = self.now();
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
            Command::Webhook(id, hook, reply) => {
                let done = self.webhook(&id, hook).await;
                if let Err(SchedulerError::Store(error)) = done {
                    return Err(error.into());
                }
                let _ = reply.send(done);
            }
            Command::Rescan(reply) => {
                self.scan().await?;
                let _ = reply.send(Ok(()));
            }
            Command::Stop => {}
        }
        Ok(())
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
