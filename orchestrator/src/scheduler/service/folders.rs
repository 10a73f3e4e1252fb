//! Workflow files that are added, changed or gone.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use super::{News, Scheduler, ids};
use crate::{
    scheduler::{SchedulerError, Spec, Turn, watch::FolderWatch},
    store::ScheduleId,
    workflow::On,
};

/// How far looking at folders is. Reading many files takes its time, in which schedules go on.
#[derive(Default)]
pub(super) struct Folders {
    is_looking: bool,
    /// Something may have changed since that look began.
    is_stale: bool,
    /// The library's version that the planner has met.
    met: Option<u64>,
    /// Who waits for a look that begins after they asked.
    asked: Vec<Asked>,
}

type Asked = oneshot::Sender<Result<(), SchedulerError>>;

impl Scheduler {
    /// Tells the service, from now on, when folders may have changed.
    pub(super) fn watch_folders(&self) -> tokio::task::JoinHandle<()> {
        let tell = self.news_tx.clone();
        let mut watch = FolderWatch::new(self.options.library.places(), self.options.library.project_file());
        tokio::spawn(async move {
            loop {
                watch.next().await;
                if tell.send(News::Folders).is_err() {
                    return;
                }
            }
        })
    }

    /// The first look: nothing is decided before.
    pub(super) async fn look_first(&mut self) -> Result<(), SchedulerError> {
        let library = Arc::clone(&self.options.library);
        let version = tokio::task::spawn_blocking(move || library.look()).await;
        self.meet(version.map_err(|_| SchedulerError::Gone)?).await
    }

    /// Looks at the folders, and hears of it later.
    pub(super) fn look(&mut self) {
        if self.folders.is_looking {
            self.folders.is_stale = true;
            return;
        }
        self.folders.is_looking = true;
        let (library, tell) = (Arc::clone(&self.options.library), self.news_tx.clone());
        tokio::task::spawn_blocking(move || {
            let _ = tell.send(News::Looked(library.look()));
        });
    }

    /// The same; someone waits for it.
    pub(super) fn look_for(&mut self, asked: Asked) {
        self.folders.asked.push(asked);
        self.look();
    }

    /// Folders were looked at.
    pub(super) async fn looked(&mut self, version: u64) -> Result<(), SchedulerError> {
        self.folders.is_looking = false;
        if self.folders.met != Some(version) {
            self.meet(version).await?;
        }
        if std::mem::take(&mut self.folders.is_stale) {
            self.look();
        } else {
            for asked in std::mem::take(&mut self.folders.asked) {
                let _ = asked.send(Ok(()));
            }
        }
        Ok(())
    }

    /// Lets the planner know which schedules there are.
    async fn meet(&mut self, version: u64) -> Result<(), SchedulerError> {
        let now = self.now();
        let is_first = self.folders.met.replace(version).is_none();
        self.workflows = self.options.library.workflows();
        let mut wanted: BTreeMap<ScheduleId, Arc<Spec>> = BTreeMap::new();
        for workflow in self.workflows.values() {
            for schedule in &workflow.schedules {
                let spec = Spec::new(&workflow.name, schedule);
                wanted.insert(spec.id.clone(), Arc::new(spec));
            }
        }
        let known: BTreeMap<_, _> =
            self.planner.all().map(|(spec, _, _)| (spec.id.clone(), Arc::clone(spec))).collect();
        let mut turn = Turn::default();
        for id in known.keys().filter(|id| !wanted.contains_key(*id)) {
            turn.join(self.planner.forget(id, now));
        }
        self.waiting.clear();
        for (id, spec) in wanted {
            if let On::Run(rule) = &spec.schedule.on {
                self.waiting.entry(rule.workflow.clone()).or_default().push(id.clone());
            }
            let known = known.get(&id);
            if known.is_none_or(|same| same.schedule != spec.schedule) {
                turn.join(self.meet_one(&id, spec, known.is_some()));
            }
        }
        turn.commit.states.extend(self.planner.take_dirty());
        self.meet_file_triggers();
        if is_first {
            turn.join(self.ends_that_were_missed()?);
        }
        self.changed();
        self.perform(turn).await
    }

    fn meet_one(&mut self, id: &ScheduleId, spec: Arc<Spec>, is_known: bool) -> Turn {
        let (now, store) = (self.now(), &self.options.store);
        let mut new_id = ids(&self.options.world);
        if is_known {
            self.planner.meet(spec, None, now);
            return self.planner.reconsider(id, now, &mut new_id);
        }
        self.planner.meet(spec, store.schedule(id), now);
        self.planner.recover(id, now, &|run| Self::run_is(store, run), &mut new_id)
    }
}
