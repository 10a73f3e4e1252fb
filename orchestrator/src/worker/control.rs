//! Stopping an attempt from outside, hearing of its progress, and how it ended.

use sluicegate_plugin::{CancelToken, ProcessId};
use tokio::sync::watch;

use crate::run::AttemptResult;

/// Why an attempt is stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StopReason {
    /// The run was cancelled.
    Cancelled,
    /// The attempt took too long.
    TimedOut {
        /// Its timeout, in seconds.
        after: f64,
    },
}

impl StopReason {
    /// How an attempt ended that was asked to stop: an attempt that got its work done nevertheless has succeeded; any
    /// other end is the stop's doing.
    pub(super) fn settle(self, result: Option<AttemptResult>) -> AttemptResult {
        match (result, self) {
            (Some(done @ AttemptResult::Succeeded { .. }), _) => done,
            (_, Self::Cancelled) => AttemptResult::Cancelled,
            (_, Self::TimedOut { after }) => AttemptResult::TimedOut { after, stubborn: None },
        }
    }
}

/// How an attempt ended, and where it ran.
#[derive(Debug)]
pub struct AttemptReport {
    /// Its result.
    pub result: AttemptResult,
    /// The worker process; `None` for an inline attempt, or when none could be had.
    pub worker: Option<ProcessId>,
}

impl AttemptReport {
    /// The report of an attempt that no worker saw.
    pub(super) fn without_worker(result: AttemptResult) -> Self {
        Self { result, worker: None }
    }
}

/// Takes a fraction from 0 to 1, NaN when unknown, and a note.
pub type OnProgress = Box<dyn Fn(f64, &str) + Send + Sync>;

/// The engine's side of a running attempt: where it hears of a stop and tells of progress.
pub struct AttemptControl {
    pub(super) stop: watch::Receiver<Option<StopReason>>,
    pub(super) on_progress: OnProgress,
    pub(super) token: CancelToken,
}

/// Stops an attempt. Cheap to clone.
#[derive(Clone)]
pub struct CancelHandle {
    stop: watch::Sender<Option<StopReason>>,
    token: CancelToken,
}

impl AttemptControl {
    /// A control and the handle that stops it.
    pub fn new(on_progress: OnProgress) -> (Self, CancelHandle) {
        let (tx, rx) = watch::channel(None);
        let token = CancelToken::default();
        (Self { stop: rx, on_progress, token: token.clone() }, CancelHandle { stop: tx, token })
    }

    /// Waits until the attempt should stop; for ever when nobody asks.
    pub async fn stopped(&mut self) -> StopReason {
        stop_asked(&mut self.stop).await
    }
}

/// Waits until someone asks for a stop; for ever when nobody does.
pub(super) async fn stop_asked(stop: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    loop {
        if let Some(reason) = *stop.borrow_and_update() {
            return reason;
        }
        if stop.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl CancelHandle {
    /// Asks the attempt to stop. The first reason stands.
    pub fn stop(&self, reason: StopReason) {
        self.stop.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
        self.token.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_to_stop_stands() {
        let (mut control, handle) = AttemptControl::new(Box::new(|_, _| ()));
        handle.stop(StopReason::TimedOut { after: 2.0 });
        handle.stop(StopReason::Cancelled);
        assert_eq!(control.stopped().await, StopReason::TimedOut { after: 2.0 });
        assert!(control.token.is_cancelled());
    }

    #[test]
    fn work_that_was_done_when_the_stop_came_counts() {
        let done = AttemptResult::Succeeded { outcome: crate::run::Outcome::default() };
        assert_eq!(StopReason::Cancelled.settle(Some(done.clone())), done);
        let failed = AttemptResult::Failed { error: sluicegate_plugin::TaskError::cancelled() };
        assert_eq!(
            StopReason::TimedOut { after: 1.0 }.settle(Some(failed)),
            AttemptResult::TimedOut { after: 1.0, stubborn: None }
        );
        assert_eq!(StopReason::Cancelled.settle(None), AttemptResult::Cancelled);
    }
}
