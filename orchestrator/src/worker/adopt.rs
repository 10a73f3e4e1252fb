//! Workers that outlived their orchestrator: found by what they noted beside their attempt, and taken over.
//!
//! A worker notes who it is before its task begins. The next orchestrator compares process number, start time and boot with what
//! runs now, so that no other process is ever taken for it.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use sluicegate_plugin::ProcessId;

use super::{
    AttemptControl, AttemptReport, StopReason,
    attempt::read_outcome,
    mark::{MARK, is_leftover},
    process::{Process, marks},
    tree::{kill_marked, kill_tree},
};
use crate::run::{AttemptResult, Timestamp};

/// How often an adopted worker is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long leftover workers have to note what they do, or to end because nobody asks them any more.
const SETTLING: Duration = Duration::from_millis(500);

/// What a worker notes beside its attempt.
#[derive(Serialize, Deserialize)]
struct Note {
    process: ProcessId,
    mark: String,
}

fn note_path(attempt_dir: &Path) -> PathBuf {
    attempt_dir.join("worker.json")
}

/// Notes that this process runs an attempt. Whole or absent for its readers; it need not survive the machine, as the worker does not.
pub(super) fn note(attempt_dir: &Path) -> io::Result<()> {
    let process = ProcessId::of(std::process::id()).ok_or_else(|| io::Error::other("no entry in /proc"))?;
    let note = Note { process, mark: std::env::var(MARK).unwrap_or_default() };
    let path = note_path(attempt_dir);
    let staged = attempt_dir.join(".worker.json");
    std::fs::create_dir_all(attempt_dir)?;
    std::fs::write(&staged, serde_json::to_vec(&note)?)?;
    std::fs::rename(staged, path)
}

/// A worker that still runs an attempt of an orchestrator that is gone.
#[derive(Debug)]
pub struct Orphan {
    process: Process,
    mark: String,
    since: Timestamp,
}

impl Orphan {
    /// The worker that runs the attempt in a folder, when it lives.
    pub fn find(attempt_dir: &Path) -> Option<Self> {
        let path = note_path(attempt_dir);
        let note: Note = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        if !note.process.is_alive() {
            return None;
        }
        let since = path.metadata().and_then(|about| about.modified()).ok()?;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
        let since = Timestamp(i64::try_from(since).ok()?);
        Some(Self { process: Process::find(note.process.pid)?, mark: note.mark, since })
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
        let stopped = tokio::select! {
            () = self.ended(&attempt_dir, &attempt_id) => None,
            reason = control.stopped() => Some(reason),
        };
        let Self { process, mark, .. } = self;
        let grace = if stopped.is_some() { grace } else { Duration::ZERO };
        let _ = tokio::task::spawn_blocking(move || kill_tree(Some(process), &mark, grace)).await;
        let outcome = read_outcome(&attempt_dir, &attempt_id);
        AttemptReport::without_worker(settle(stopped, outcome))
    }

    /// Waits until the outcome is there or the worker is not.
    async fn ended(&self, attempt_dir: &Path, attempt_id: &str) {
        while self.process.lives() && read_outcome(attempt_dir, attempt_id).is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the worker with everything it started.
    pub fn kill(self) {
        self.process.signal(Signal::STOP);
        kill_tree(Some(self.process), &self.mark, Duration::ZERO);
    }
}

fn settle(stopped: Option<StopReason>, outcome: Option<AttemptResult>) -> AttemptResult {
    match stopped {
        Some(reason) => reason.settle(outcome),
        None => outcome.unwrap_or_else(|| AttemptResult::Crashed {
            message: "the worker ended without an outcome after its orchestrator was gone".into(),
            stderr: String::new(),
        }),
    }
}

/// Ends what earlier orchestrators of a state folder left behind, except the workers that run the attempts in `attempt_dirs`.
/// Call it only while holding the folder. Workers that have nothing to do end by themselves; they are given a moment.
/// Returns how many processes were killed.
pub fn kill_strays(home: &Path, attempt_dirs: &[PathBuf]) -> usize {
    let start = Instant::now();
    loop {
        let known: BTreeSet<String> =
            attempt_dirs.iter().filter_map(|folder| Some(Orphan::find(folder)?.mark)).collect();
        let is_stray = |mark: &str| is_leftover(mark, home) && !known.contains(mark);
        if !marks().iter().any(|mark| is_stray(mark)) {
            return 0;
        }
        if start.elapsed() >= SETTLING {
            return kill_marked(&is_stray);
        }
        sleep(LOOK);
    }
}
