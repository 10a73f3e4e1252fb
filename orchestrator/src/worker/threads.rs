//! Threads for inline attempts: their own, not the runtime's, because those must end before the runtime does, and a task that never
//! ends would hold the whole process. A thread takes one attempt after the other, and ends when there has been none for a while.

use std::{
    collections::VecDeque,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a thread waits for the next attempt.
const IDLE: Duration = Duration::from_secs(10);

/// What a thread does.
type Job = Box<dyn FnOnce() + Send>;

static THREADS: Threads =
    Threads { state: Mutex::new(State { jobs: VecDeque::new(), n_idle: 0 }), ready: Condvar::new() };

struct Threads {
    state: Mutex<State>,
    ready: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait.
    n_idle: usize,
}

/// Runs a job on a thread that is idle, or on a new one: a job never waits for another. Panics in it must not get out.
pub(super) fn run(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut state = THREADS.lock();
    if state.n_idle <= state.jobs.len() {
        std::thread::Builder::new().name("inline task".into()).spawn(|| THREADS.work())?;
    }
    state.jobs.push_back(Box::new(job));
    drop(state);
    THREADS.ready.notify_one();
    Ok(())
}

impl Threads {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs jobs until none comes for a while.
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        if let Some(job) = state.jobs.pop_front() {
            return Some(job);
        }
        state.n_idle += 1;
        let no_job = |state: &mut State| state.jobs.is_empty();
        let waited = self.ready.wait_timeout_while(state, IDLE, no_job);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.n_idle -= 1;
        state.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_job_never_waits_for_another() {
        let (tx, rx) = channel();
        let (go, wait) = channel::<()>();
        run(move || {
            let _ = wait.recv();
        })
        .unwrap();
        for n in 0..20 {
            let tx = tx.clone();
            run(move || tx.send(n).unwrap()).unwrap();
        }
        let mut seen: Vec<_> = rx.iter().take(20).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        go.send(()).unwrap();
    }
}
