//! What this process is asked for by signals: to end its run, to pause it, to let it go on.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::AppError;

/// What someone asked for.
pub(super) enum Asked {
    /// To end the run, and why.
    End(&'static str),
    /// To pause it (true), or to let it go on.
    Pause(bool),
}

/// The signals that a process which drives a run listens to.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    pause: Signal,
    go_on: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, AppError> {
        let listen = |kind| {
            signal(kind).map_err(|error| AppError::Internal(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            pause: listen(SignalKind::user_defined1())?,
            go_on: listen(SignalKind::user_defined2())?,
        })
    }

    /// Waits until someone asks for something.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End("interrupted from the keyboard"),
            _ = self.terminate.recv() => Asked::End("asked to terminate"),
            _ = self.hang_up.recv() => Asked::End("the terminal was closed"),
            _ = self.pause.recv() => Asked::Pause(true),
            _ = self.go_on.recv() => Asked::Pause(false),
        }
    }
}
