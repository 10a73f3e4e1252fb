//! Group commit: whoever comes first writes what waits, for itself and for the others.
//!
//! A caller that finds nobody writing commits in its own thread, without a change of threads; a single chain of tasks lives from
//! that. What came in meanwhile is handed to the writer's thread, so that no caller works for the others for long. Commits are made
//! in the order of their arrival.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self},
    },
    thread::JoinHandle,
};

use super::{StoreError, record::Payload, state::State, tape::LastFrame};
use crate::run::RunId;

/// At most so many commits are made together.
const MAX_GROUP: usize = 1024;

/// Called when a commit is durable, or has failed.
pub(super) type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What to write together.
#[derive(Default)]
pub(super) struct Op {
    /// The changes.
    pub(super) payload: Payload,
    /// A line for the registry's ledger; its place is known when it is written.
    pub(super) ledger: Option<Vec<u8>>,
    /// The last frame of a run that ends, packed by the caller.
    pub(super) last_frame: Option<(RunId, LastFrame)>,
}

/// The writer's handle.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    state: Mutex<State>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Op, Done)>,
    /// Someone writes.
    busy: bool,
    /// The thread is to go on.
    handed_over: bool,
    closed: bool,
}

impl Writer {
    pub(super) fn start(state: State, home: &Path) -> Result<Self, StoreError> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new(), state: Mutex::new(state) });
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || for_thread.serve())
            .map_err(StoreError::io("start a thread for", home))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn send(&self, op: Op, done: Done) {
        let mut queue = self.shared.queue();
        queue.waiting.push_back((op, done));
        if queue.busy {
            return;
        }
        queue.busy = true;
        let group = take(&mut queue);
        drop(queue);
        self.shared.commit(group);
        let mut queue = self.shared.queue();
        if queue.waiting.is_empty() {
            queue.busy = false;
        } else {
            queue.handed_over = true;
            self.shared.wake.notify_one();
        }
    }

    /// Writes and waits.
    pub(super) fn write(&self, op: Op) -> Result<(), StoreError> {
        let (tx, rx) = mpsc::channel();
        self.send(op, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// Does something with the writer's state while nobody writes.
    pub(super) fn exclusively<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn take(queue: &mut Queue) -> Vec<(Op, Done)> {
    let n = queue.waiting.len().min(MAX_GROUP);
    queue.waiting.drain(..n).collect()
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, group: Vec<(Op, Done)>) {
        let (ops, waiters): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Sled may panic; then nothing more is written, and nobody waits for ever.
        let result = catch_unwind(AssertUnwindSafe(|| state.commit(ops))).unwrap_or_else(|_| {
            let reason = "the database panicked".to_owned();
            state.broken.get_or_insert_with(|| reason.clone());
            Err(StoreError::Broken(reason))
        });
        drop(state);
        match result {
            Ok(()) => waiters.into_iter().for_each(|done| done(Ok(()))),
            Err(error) => refuse(error, waiters),
        }
    }

    /// The thread: goes on with what waits behind a caller's own group.
    fn serve(&self) {
        let mut queue = self.queue();
        loop {
            if queue.handed_over && queue.waiting.is_empty() {
                queue.handed_over = false;
                queue.busy = false;
            }
            if queue.handed_over {
                let group = take(&mut queue);
                drop(queue);
                self.commit(group);
                queue = self.queue();
            } else if queue.closed {
                return;
            } else {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn refuse(error: StoreError, waiters: Vec<Done>) {
    let reason = error.to_string();
    let mut first = Some(error);
    for done in waiters {
        done(Err(first.take().unwrap_or_else(|| StoreError::Broken(reason.clone()))));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.exclusively(State::close);
        tracing::debug!(n_syncs = super::disk::n_syncs(), "the store is closed");
    }
}
