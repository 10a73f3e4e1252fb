//! A run that is being driven, as its owner holds it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{EngineError, driver::Message};
use crate::{
    run::{EventRecord, Input, Run, RunId, TaskRecord, Timestamp},
    workflow::{TaskIdx, Workflow},
};

/// News of a run, after they are durable.
#[derive(Clone, Debug)]
pub enum Update {
    /// Something happened.
    Event {
        /// What.
        record: Arc<EventRecord>,
        /// The task that it is about, as it is now.
        task: Option<Box<TaskNews>>,
    },
    /// A running task says how far it is.
    Progress {
        /// The task.
        task: TaskIdx,
        /// From 0 to 1; NaN when unknown.
        fraction: f64,
        /// A note for people.
        note: String,
    },
}

/// A task after something happened to it.
#[derive(Clone, Debug)]
pub struct TaskNews {
    /// Its place.
    pub idx: TaskIdx,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub record: TaskRecord,
}

/// A run that is being driven.
pub struct RunHandle {
    /// Its id.
    pub id: RunId,
    /// The frozen plan.
    pub workflow: Arc<Workflow>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Tasks whose attempts went on without an orchestrator and were taken over, with their names.
    pub adopted: Vec<(TaskIdx, String)>,
    /// Its news, in order; ends with the run.
    pub(super) updates: mpsc::UnboundedReceiver<Update>,
    pub(super) inbox: mpsc::UnboundedSender<Message>,
    pub(super) done: oneshot::Receiver<Result<Run, EngineError>>,
    pub(super) ended: Option<Result<Run, EngineError>>,
}

/// The end of a driver that did not say how it ended.
fn vanished() -> EngineError {
    EngineError::Thread("the driver of the run".into())
}

impl RunHandle {
    /// Asks for the run's end; says who or why.
    pub fn cancel(&self, reason: &str) {
        self.send(Input::Cancel { reason: reason.into() });
    }

    /// Asks that nothing new starts.
    pub fn pause(&self) {
        self.send(Input::Pause);
    }

    /// Lets a paused run go on.
    pub fn unpause(&self) {
        self.send(Input::Unpause);
    }

    fn send(&self, input: Input) {
        let _ = self.inbox.send(Message::Input(input));
    }

    /// The next news; nothing once the run has ended, even when an attempt that does not obey still has something to say.
    pub async fn next(&mut self) -> Option<Update> {
        if self.ended.is_none() {
            tokio::select! {
                biased;
                Some(update) = self.updates.recv() => return Some(update),
                done = &mut self.done => self.ended = Some(done.unwrap_or_else(|_| Err(vanished()))),
            }
        }
        self.updates.try_recv().ok()
    }

    /// Waits for the run's end.
    pub async fn wait(self) -> Result<Run, EngineError> {
        match self.ended {
            Some(ended) => ended,
            None => self.done.await.unwrap_or_else(|_| Err(vanished())),
        }
    }

    /// Waits for the end of a run whose news nobody follows; when `stop` comes first, the run is cancelled with what it says.
    pub(super) async fn wait_or_stop(
        mut self,
        stop: impl Future<Output = String>,
    ) -> Result<Run, EngineError> {
        self.updates.close();
        tokio::select! {
            done = &mut self.done => return done.unwrap_or_else(|_| Err(vanished())),
            reason = stop => self.cancel(&reason),
        }
        self.wait().await
    }
}
