//! The runs that this process drives: how to reach their drivers, how to leave them, and when none is there.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, mpsc};

use super::{Engine, EngineError, driver::Message};
use crate::run::{Input, RunId};

/// The drivers of this process.
#[derive(Default)]
pub(super) struct Crew {
    drivers: Mutex<Drivers>,
    /// Held for reading by each driver, and for writing while the store is cleared away.
    gate: Arc<RwLock<()>>,
    left: Notify,
}

#[derive(Default)]
struct Drivers {
    inboxes: HashMap<RunId, mpsc::UnboundedSender<Message>>,
    seated: HashSet<RunId>,
    leaving: bool,
}

/// The right to drive a run, which one driver has at a time. While anyone has it, nothing is cleared away.
pub(super) struct Seat {
    run: RunId,
    crew: Arc<Crew>,
    _gate: OwnedRwLockReadGuard<()>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crew.lock().seated.remove(&self.run);
    }
}

impl Crew {
    /// The right to drive a run; waits while the store is cleared away.
    pub(super) async fn seat(self: &Arc<Self>, run: RunId) -> Result<Seat, EngineError> {
        let gate = Arc::clone(&self.gate).read_owned().await;
        self.sit(run, gate)
    }

    /// The same without waiting.
    pub(super) fn seat_now(self: &Arc<Self>, run: RunId) -> Result<Seat, EngineError> {
        let gate = Arc::clone(&self.gate).try_read_owned().map_err(|_| EngineError::Clearing)?;
        self.sit(run, gate)
    }

    fn sit(self: &Arc<Self>, run: RunId, gate: OwnedRwLockReadGuard<()>) -> Result<Seat, EngineError> {
        let mut drivers = self.lock();
        if drivers.leaving {
            return Err(EngineError::Leaving);
        }
        if !drivers.seated.insert(run) {
            return Err(EngineError::Driven(run));
        }
        Ok(Seat { run, crew: Arc::clone(self), _gate: gate })
    }

    /// Adds a driver.
    pub(super) fn enter(&self, run: RunId, inbox: mpsc::UnboundedSender<Message>) {
        let mut drivers = self.lock();
        if drivers.leaving {
            let _ = inbox.send(Message::Leave);
        }
        drivers.inboxes.insert(run, inbox);
    }

    /// Takes a driver out.
    pub(super) fn leave(&self, run: RunId) {
        let mut drivers = self.lock();
        drivers.inboxes.remove(&run);
        if drivers.inboxes.is_empty() {
            self.left.notify_waiters();
        }
    }

    fn send(&self, run: RunId, input: Input) -> bool {
        let drivers = self.lock();
        drivers.inboxes.get(&run).is_some_and(|inbox| inbox.send(Message::Input(input)).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Drivers> {
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Asks for the end of a run that this process drives, and says who or why; false when it drives no such run.
    pub fn cancel(&self, run: RunId, reason: &str) -> bool {
        self.crew.send(run, Input::Cancel { reason: reason.into() })
    }

    /// Asks that nothing new starts in a run that this process drives, or that it goes on; false when it drives no such run.
    pub fn pause(&self, run: RunId, paused: bool) -> bool {
        self.crew.send(run, if paused { Input::Pause } else { Input::Unpause })
    }

    /// Tells whether this process drives a run.
    pub fn drives(&self, run: RunId) -> bool {
        self.crew.lock().seated.contains(&run)
    }

    /// How many runs this process drives.
    pub fn n_driven(&self) -> usize {
        self.crew.lock().inboxes.len()
    }

    /// Keeps runs from being driven, so that the store can be cleared away; refused while one is.
    pub fn rest(&self) -> Result<OwnedRwLockWriteGuard<()>, EngineError> {
        Arc::clone(&self.crew.gate)
            .try_write_owned()
            .map_err(|_| EngineError::Driving(self.n_driven().max(1)))
    }

    /// Leaves: nothing new begins, tasks in workers go on without this process, and the next one takes them over. Tasks that run on threads of
    /// this process have `patience` to end.
    pub async fn leave(&self, patience: Duration) {
        let inboxes: Vec<_> = {
            let mut drivers = self.crew.lock();
            drivers.leaving = true;
            drivers.inboxes.values().cloned().collect()
        };
        self.options.pool.leave().await;
        for inbox in inboxes {
            let _ = inbox.send(Message::Leave);
        }
        let gone = async {
            loop {
                let notified = self.crew.left.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                if self.n_driven() == 0 {
                    return;
                }
                notified.await;
            }
        };
        if tokio::time::timeout(patience, gone).await.is_err() {
            tracing::warn!("{} runs were left in the middle of a step", self.n_driven());
        }
    }

    /// How many tasks run in workers, and how many could at a time.
    pub fn load_of_workers(&self) -> (usize, usize) {
        self.options.pool.load()
    }
}
