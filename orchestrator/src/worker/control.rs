//! Stopping an attempt from outside, and hearing of its progress.

use sluicegate_plugin::CancelToken;
use tokio::sync::watch;

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

type OnProgress = Box<dyn Fn(f64, &str) + Send + Sync>;

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
    pub(super) async fn stopped(&mut self) -> StopReason {
        loop {
            if let Some(reason) = *self.stop.borrow_and_update() {
                return reason;
            }
            if self.stop.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
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
