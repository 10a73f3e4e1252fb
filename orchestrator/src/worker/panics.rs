//! Where a task panicked, written to its attempt's log.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::RefCell,
    panic::PanicHookInfo,
    sync::{Mutex, Once, PoisonError},
};

use sluicegate_plugin::AttemptLog;

/// Whose panics belong to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PanicScope {
    /// Those of the attempt's own thread: other attempts run in the same process.
    Thread,
    /// Those of every thread: the process runs one attempt at a time.
    Process,
}

thread_local! {
    static THREAD_LOG: RefCell<Option<AttemptLog>> = const { RefCell::new(None) };
}
static PROCESS_LOG: Mutex<Option<AttemptLog>> = Mutex::new(None);

/// While it lives, panics go to an attempt's log.
pub(super) struct PanicLog {
    scope: PanicScope,
}

impl PanicLog {
    pub(super) fn new(log: AttemptLog, scope: PanicScope) -> Self {
        install();
        set(scope, Some(log));
        Self { scope }
    }
}

impl Drop for PanicLog {
    fn drop(&mut self) {
        set(self.scope, None);
    }
}

fn set(scope: PanicScope, log: Option<AttemptLog>) {
    match scope {
        PanicScope::Thread => THREAD_LOG.with_borrow_mut(|current| *current = log),
        PanicScope::Process => *PROCESS_LOG.lock().unwrap_or_else(PoisonError::into_inner) = log,
    }
}

/// Puts a hook before the one that is there; panics that belong to no attempt go on to it.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !note(info) {
                before(info);
            }
        }));
    });
}

/// Writes a panic to the log it belongs to; false when there is none.
fn note(info: &PanicHookInfo<'_>) -> bool {
    let on_thread =
        THREAD_LOG.try_with(|log| log.try_borrow().ok().and_then(|log| log.clone())).ok().flatten();
    let log = on_thread.or_else(|| PROCESS_LOG.try_lock().ok()?.clone());
    log.is_some_and(|log| log.line(&text_of(info)).is_ok())
}

fn text_of(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = info.payload_as_str().unwrap_or("no message");
    let backtrace = Backtrace::capture();
    let trace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    format!("panicked{place}: {message}{trace}")
}
