//! Workflow files that are added, changed or gone.

use std::{collections::BTreeMap, sync::Arc};

use super::{News, Scheduler, ids};
use crate::{
    scheduler::{LoadedWorkflow, SchedulerError, Spec, Turn, scan::workflow_files, watch::FolderWatch},
    store::{ScheduleCommit, ScheduleId},
};

impl Scheduler {
    /// Tells the service, from now on, when folders may have changed.
    pub(super) fn watch_folders(&self) -> tokio::task::JoinHandle<()> {
        let (folders, tell) = (self.options.folders.clone(), self.news_tx.clone());
        let mut watch = FolderWatch::new(&folders);
        tokio::spawn(async move {
            loop {
                watch.next().await;
                if tell.send(News::Folders).is_err() {
                    return;
                }
            }
        })
    }

    /// Reads what changed in the folders.
    pub(super) async fn scan(&mut self) -> Result<(), SchedulerError> {
        let folders = self.options.folders.clone();
        let found = tokio::task::spawn_blocking(move || workflow_files(&folders)).await;
        let found = found.map_err(|_| SchedulerError::Gone)?;
        let (changed, gone) = self.folder.changed(&found);
        if changed.is_empty() && gone.is_empty() && self.is_met {
            return Ok(());
        }
        let runs = Arc::clone(&self.options.runs);
        let paths = changed.clone();
        let loaded =
            tokio::task::spawn_blocking(move || paths.iter().map(|path| runs.load(path)).collect::<Vec<_>>());
        let loaded = loaded.await.map_err(|_| SchedulerError::Gone)?;
        let now = self.now();
        for (path, loaded) in changed.iter().zip(loaded) {
            if let Some(stamp) = found.get(path) {
                self.folder.put(path, *stamp, loaded, now);
            }
        }
        for path in &gone {
            self.folder.remove(path);
        }
        let workflows = self.folder.workflows();
        self.meet(workflows).await?;
        self.changed();
        Ok(())
    }

    /// Lets the planner know which schedules there are.
    async fn meet(&mut self, workflows: BTreeMap<String, Arc<LoadedWorkflow>>) -> Result<(), SchedulerError> {
        let now = self.now();
        self.workflows = workflows;
        let mut wanted: BTreeMap<ScheduleId, Arc<Spec>> = BTreeMap::new();
        for workflow in self.workflows.values() {
            for schedule in &workflow.schedules {
                let spec = Spec::new(&workflow.name, schedule);
                wanted.insert(spec.id.clone(), Arc::new(spec));
            }
        }
        let known: BTreeMap<_, _> =
            self.planner.all().map(|(spec, _, _)| (spec.id.clone(), Arc::clone(spec))).collect();
        let mut commit = ScheduleCommit::default();
        for id in known.keys().filter(|id| !wanted.contains_key(*id)) {
            commit.states.extend(self.planner.forget(id));
        }
        let mut turn = Turn { commit, effects: Vec::new() };
        let store = self.options.store.clone();
        for (id, spec) in wanted {
            match known.get(&id) {
                Some(same) if same.schedule == spec.schedule => {}
                Some(_) => self.planner.meet(spec, None, now),
                None => {
                    self.planner.meet(spec, store.schedule(&id), now);
                    let is = |run| Self::run_is(&store, run);
                    let turns = self.planner.recover(&id, now, &is, &mut ids(&self.options.world));
                    turn.join(turns);
                }
            }
        }
        turn.commit.states.extend(self.planner.take_dirty());
        self.meet_file_triggers();
        if !self.is_met {
            self.is_met = true;
            turn.join(self.ends_that_were_missed()?);
        }
        self.perform(turn).await
    }
}
