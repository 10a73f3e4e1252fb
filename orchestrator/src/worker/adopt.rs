//! Workers that outlived their orchestrator: found by what they noted of themselves, and taken over.
//!
//! A worker notes who it is, and which attempts it answers for, before a task begins (see [`super::entry`]). The next orchestrator compares
//! process number, start time and boot with what runs now, so that no other process is ever taken for it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    AttemptControl, AttemptReport, StopReason,
    attempt::read_outcome,
    entry::Entry,
    mark::is_leftover,
    process::{Process, marks},
    tree::{clear_away, kill_marked, kill_tree},
};
use crate::run::{AttemptResult, Timestamp};

/// How often an adopted worker is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long leftover workers have to note what they do, or to end because nobody asks them any more.
const SETTLING: Duration = Duration::from_millis(500);

/// A worker that still runs an attempt of an orchestrator that is gone, or is about to write its outcome.
#[derive(Debug)]
pub struct Orphan {
    process: Process,
    entry: Entry,
    since: Timestamp,
    /// False when the attempt has ended, and the worker already runs another: it must not be killed for this one.
    is_running: bool,
}

impl Orphan {
    /// The worker that answers for an attempt, when it lives.
    pub fn find(home: &Path, attempt_id: &str) -> Option<Self> {
        let entry = Entry::all(home).into_iter().find(|entry| entry.answers_for(attempt_id))?;
        let (process, since) = (entry.process()?, entry.since()?);
        Some(Self { process, since, is_running: entry.began_last(attempt_id), entry })
    }

    /// Tells whether it still lives.
    pub fn lives(&self) -> bool {
        self.process.lives()
    }

    /// When the attempt began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Takes the worker over: waits until it ends, and reads the outcome that it leaves. A stop ends it with everything it
    /// started, politely at first.
    pub async fn adopt(
        self,
        attempt_dir: PathBuf,
        attempt_id: String,
        mut control: AttemptControl,
        grace: Duration,
    ) -> AttemptReport {
        let ended = self.ended(&attempt_dir, &attempt_id);
        let stopped = if self.is_running {
            tokio::select! {
                () = ended => None,
                reason = control.stopped() => Some(reason),
            }
        } else {
            ended.await;
            None
        };
        if self.is_running {
            let grace = if stopped.is_some() { grace } else { Duration::ZERO };
            let Self { process, entry, .. } = self;
            let kill = move || kill_tree(Some(process), entry.mark(), Some(&entry), grace);
            let _ = tokio::task::spawn_blocking(kill).await;
        }
        let outcome = read_outcome(&attempt_dir, &attempt_id);
        AttemptReport::without_worker(settle(stopped, outcome))
    }

    /// Waits until the outcome is there or the worker is not.
    async fn ended(&self, attempt_dir: &Path, attempt_id: &str) {
        while self.process.lives() && read_outcome(attempt_dir, attempt_id).is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the attempt: the worker with everything it started, unless it runs another one already.
    pub fn kill(self) {
        if self.is_running {
            self.process.signal(Signal::STOP);
            kill_tree(Some(self.process), self.entry.mark(), Some(&self.entry), Duration::ZERO);
        }
    }
}

fn settle(stopped: Option<StopReason>, outcome: Option<AttemptResult>) -> AttemptResult {
    match stopped {
        Some(reason) => reason.settle(outcome),
        None => outcome.unwrap_or_else(|| AttemptResult::Crashed {
            message: "the worker ended without an outcome after its orchestrator was gone".into(),
            stderr: String::new(),
            exit: None,
            out_of_memory: false,
        }),
    }
}

/// Ends what earlier orchestrators of a state folder left behind, except the workers that answer for the attempts in `needed`, which are
/// ids. Call it only while holding the folder. Workers that have nothing to do end by themselves; they are given a moment.
/// Returns how many processes were killed.
pub fn kill_strays(home: &Path, needed: &[String]) -> usize {
    let start = Instant::now();
    loop {
        let entries = Entry::all(home);
        let is_needed =
            |entry: &&Entry| needed.iter().any(|id| entry.answers_for(id)) && entry.process().is_some();
        let known: BTreeSet<&str> = entries.iter().filter(is_needed).map(Entry::mark).collect();
        let is_stray = |mark: &str| is_leftover(mark, home) && !known.contains(mark);
        let is_over = start.elapsed() >= SETTLING;
        if !is_over && marks().iter().any(|mark| is_stray(mark)) {
            sleep(LOOK);
            continue;
        }
        let mut n_killed = 0;
        for entry in entries.iter().filter(|entry| is_stray(entry.mark())) {
            n_killed += match entry.process() {
                Some(process) => kill_tree(Some(process), entry.mark(), Some(entry), Duration::ZERO),
                None => {
                    clear_away(entry);
                    0
                }
            };
        }
        Entry::remove_damaged(home);
        return n_killed + kill_marked(&is_stray);
    }
}
