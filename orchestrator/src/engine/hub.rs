//! Telling those who follow runs from elsewhere in this process: any number of them, each at its own pace.
//!
//! A follower that is too slow loses news and is told so; what it missed is in the store, because news are told after the commit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;

use super::Engine;
use crate::{
    run::{Event, EventRecord, Run, RunId, RunRow},
    workflow::TaskIdx,
};

/// News that wait for a follower of one run, at most.
const RUN_CAPACITY: usize = 256;

/// Rows that wait for a follower of all runs, at most.
const ALL_CAPACITY: usize = 512;

/// Ends that wait for a follower, at most.
const END_CAPACITY: usize = 1024;

/// News of a run.
#[derive(Clone, Debug)]
pub enum News {
    /// Something happened, and is durable.
    Event {
        /// What.
        record: Arc<EventRecord>,
        /// The name of the task that it is about.
        task: Option<String>,
    },
    /// A running task says how far it is. Nothing keeps this.
    Progress {
        /// The task.
        idx: TaskIdx,
        /// Its name.
        task: String,
        /// From 0 to 1, when it is known.
        fraction: Option<f64>,
        /// A note for people.
        note: String,
    },
}

/// News of one run, from the moment of the subscription.
pub type RunFeed = broadcast::Receiver<Arc<News>>;

/// Who follows what.
pub(super) struct Hub {
    runs: Mutex<HashMap<RunId, broadcast::Sender<Arc<News>>>>,
    all: broadcast::Sender<RunRow>,
    ends: broadcast::Sender<RunRow>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            all: broadcast::Sender::new(ALL_CAPACITY),
            ends: broadcast::Sender::new(END_CAPACITY),
        }
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, broadcast::Sender<Arc<News>>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, run: RunId) -> RunFeed {
        let mut runs = self.lock();
        runs.retain(|_, feed| feed.receiver_count() > 0);
        runs.entry(run).or_insert_with(|| broadcast::Sender::new(RUN_CAPACITY)).subscribe()
    }

    /// Tells what happened to a run.
    pub(super) fn tell(&self, run: &Run, records: &[Arc<EventRecord>]) {
        if records.is_empty() {
            return;
        }
        if self.all.receiver_count() > 0 {
            let _ = self.all.send(run.row());
        }
        let mut runs = self.lock();
        let Some(feed) = runs.get(&run.id()) else { return };
        for record in records {
            let task = record.event.task().map(|task| run.task(task).name.clone());
            let _ = feed.send(Arc::new(News::Event { record: Arc::clone(record), task }));
        }
        if records.iter().any(|record| matches!(record.event, Event::RunFinished { .. })) {
            runs.remove(&run.id());
        }
    }

    /// Tells that nobody drives a run any more, because it ended.
    pub(super) fn tell_end(&self, run: &Run) {
        let _ = self.ends.send(run.row());
    }

    /// Tells how far a task is.
    pub(super) fn tell_progress(&self, run: RunId, idx: TaskIdx, task: &str, fraction: f64, note: &str) {
        let runs = self.lock();
        let Some(feed) = runs.get(&run) else { return };
        let fraction = fraction.is_finite().then_some(fraction);
        let news = News::Progress { idx, task: task.to_owned(), fraction, note: note.to_owned() };
        let _ = feed.send(Arc::new(news));
    }
}

impl Engine {
    /// Follows a run from now on. What happened before is in the store; read it after this call, and nothing is missed. The feed closes
    /// behind the event with which the run ends.
    pub fn follow(&self, run: RunId) -> RunFeed {
        self.hub.follow(run)
    }

    /// Follows the rows of all runs that this process drives.
    pub fn follow_all(&self) -> broadcast::Receiver<RunRow> {
        self.hub.all.subscribe()
    }

    /// The rows of runs that end from now on, whoever started them; each once, when nobody drives it any more.
    pub fn ends(&self) -> broadcast::Receiver<RunRow> {
        self.hub.ends.subscribe()
    }
}
