//! The file by which a worker is found when its orchestrator is gone: `workers/PID-STARTTIME.json` in the folder of the state.
//!
//! Its first line says who the worker is and never changes; its second says which attempts it answers for, and is written again in
//! place when an attempt begins, by one write that costs no sync and no rename. The file need not survive the machine, as the worker
//! does not. It stays when the worker is gone, until whoever clears away what the worker left removes it.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use sluicegate_plugin::ProcessId;

use super::{cgroup::Groups, mark::MARK, process::Process, staging::folder_of};
use crate::run::Timestamp;

/// The version of the file. A file of a later version is not read.
const VERSION: u32 = 1;

/// How often a line is read that is just being written.
const N_READS: u32 = 50;

/// How long a reader waits between two of them.
const SOON: Duration = Duration::from_millis(1);

/// Who a worker is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Who {
    version: u32,
    process: ProcessId,
    mark: String,
    groups: Groups,
}

/// A worker's own file, as the worker holds it.
pub(super) struct OwnEntry {
    file: File,
    /// Where the second line begins.
    line_at: u64,
}

impl OwnEntry {
    /// Makes the file of this process, with the first attempt that it answers for; whole or absent for its readers.
    pub(super) fn new(home: &Path, groups: &Groups, attempts: &[&str]) -> io::Result<Self> {
        let process =
            ProcessId::of(std::process::id()).ok_or_else(|| io::Error::other("no entry in /proc"))?;
        let path = path_of(home, &process);
        let mark = std::env::var(MARK).unwrap_or_default();
        let mut text = serde_json::to_vec(&Who { version: VERSION, process, mark, groups: groups.clone() })?;
        text.push(b'\n');
        let line_at = text.len() as u64;
        text.extend(line(attempts));
        let folder = folder(home);
        let staged = folder.join(format!(".{}", std::process::id()));
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder)?;
        }
        std::fs::write(&staged, &text)?;
        std::fs::rename(&staged, &path)?;
        Ok(Self { file: File::options().write(true).open(path)?, line_at })
    }

    /// Notes which attempts the worker answers for; the first is the one that it runs now.
    pub(super) fn note(&self, attempts: &[&str]) -> io::Result<()> {
        self.file.write_all_at(&line(attempts), self.line_at)
    }
}

/// What the file of a worker says.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
    who: Who,
    /// The attempts that it answers for; the first is the one that it runs now.
    attempts: Vec<String>,
}

impl Entry {
    /// The files of all workers of a folder.
    pub(super) fn all(home: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(folder(home)) else { return Vec::new() };
        entries.flatten().filter_map(|entry| Self::read(entry.path())).collect()
    }

    /// The file of a process.
    pub(super) fn of(home: &Path, process: &ProcessId) -> Option<Self> {
        Self::read(path_of(home, process))
    }

    /// The file of a process that is known by other means: what it says was lost, because a task wrote over it.
    pub(super) fn damaged(home: &Path, process: &ProcessId, mark: &str) -> Option<Self> {
        let path = path_of(home, process);
        let (process, mark) = (process.clone(), mark.to_owned());
        let groups = Groups::of(&mark);
        path.exists().then(|| Self {
            path,
            who: Who { version: VERSION, process, mark, groups },
            attempts: Vec::new(),
        })
    }

    /// Removes the files that say nothing any more and whose workers are gone, with what those staged.
    pub(super) fn remove_damaged(home: &Path) {
        let Ok(entries) = std::fs::read_dir(folder(home)) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let Some((pid, start_time)) = name.split_once('-') else { continue };
            let lives = pid
                .parse()
                .ok()
                .and_then(Process::find)
                .is_some_and(|found| found.start_time.to_string() == start_time);
            if !lives && Self::read(path.clone()).is_none() {
                let _ = std::fs::remove_dir_all(home.join("staging").join(&name));
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn read(path: PathBuf) -> Option<Self> {
        if path.extension()? != "json" {
            return None;
        }
        let mut read = parse(&path)?;
        for _ in 0..N_READS {
            if read.1.is_some() {
                break;
            }
            std::thread::sleep(SOON);
            read = parse(&path)?;
        }
        let (who, attempts) = read;
        Some(Self { path, who, attempts: attempts? })
    }

    /// Who the worker is.
    pub(super) fn id(&self) -> &ProcessId {
        &self.who.process
    }

    /// The attempt that it began last.
    pub(super) fn latest(&self) -> Option<&str> {
        self.attempts.first().map(String::as_str)
    }

    /// The worker, when it lives.
    pub(super) fn process(&self) -> Option<Process> {
        if self.who.process.is_alive() { Process::find(self.who.process.pid) } else { None }
    }

    /// The mark of all that it started.
    pub(super) fn mark(&self) -> &str {
        &self.who.mark
    }

    /// Its control groups.
    pub(super) fn groups(&self) -> &Groups {
        &self.who.groups
    }

    /// Tells whether the worker runs an attempt, or has run it and not yet handed its result on.
    pub(super) fn answers_for(&self, attempt_id: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt == attempt_id)
    }

    /// Tells whether an attempt is the one that the worker began last.
    pub(super) fn began_last(&self, attempt_id: &str) -> bool {
        self.attempts.first().is_some_and(|attempt| attempt == attempt_id)
    }

    /// When the worker began what it runs now.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let since = self.path.metadata().and_then(|about| about.modified()).ok()?;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
        Some(Timestamp(i64::try_from(since).ok()?))
    }

    /// Removes the file, and what the worker staged, once nothing of the worker is left.
    pub(super) fn remove(&self) {
        if let Some(home) = self.path.parent().and_then(Path::parent) {
            let _ = std::fs::remove_dir_all(folder_of(home, &self.who.process));
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn folder(home: &Path) -> PathBuf {
    home.join("workers")
}

fn path_of(home: &Path, process: &ProcessId) -> PathBuf {
    folder(home).join(format!("{}-{}.json", process.pid, process.start_time))
}

/// The second line. Its checksum tells a reader whether it was whole; what a longer line left behind it does not count.
fn line(attempts: &[&str]) -> Vec<u8> {
    let text = serde_json::to_string(attempts).expect("a list of texts is JSON");
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes())).into_bytes()
}

/// What a file says; without attempts when that line is just being written.
fn parse(path: &Path) -> Option<(Who, Option<Vec<String>>)> {
    let text = std::fs::read(path).ok()?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let who: Who = serde_json::from_slice(lines.next()?).ok()?;
    if who.version > VERSION {
        return None;
    }
    let attempts = lines.next().and_then(|line| {
        let (sum, list) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let is_whole = u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(list.as_bytes());
        if is_whole { serde_json::from_str(list).ok() } else { None }
    });
    Some((who, attempts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_found_by_the_attempts_it_answers_for() {
        let home = tempfile::tempdir().unwrap();
        let own = OwnEntry::new(home.path(), &Groups::default(), &["a-long-one"]).unwrap();
        let found =
            |attempt: &str| Entry::all(home.path()).into_iter().find(|entry| entry.answers_for(attempt));
        assert!(found("a-long-one").unwrap().process().is_some());
        own.note(&["c", "b"]).unwrap();
        assert!(found("a-long-one").is_none(), "what is left of a longer line does not count");
        assert!(found("c").unwrap().began_last("c") && !found("b").unwrap().began_last("b"));
        found("b").unwrap().remove();
        assert!(Entry::all(home.path()).is_empty());
    }

    #[test]
    fn a_line_that_is_not_whole_and_a_later_version_are_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let own = OwnEntry::new(home.path(), &Groups::default(), &["attempt"]).unwrap();
        own.file.write_all_at(b"0", own.line_at).unwrap();
        own.file.write_all_at(b"\"ottempt\"", own.line_at + 10).unwrap();
        let process = ProcessId::of(std::process::id()).unwrap();
        assert!(Entry::of(home.path(), &process).is_none());
        assert!(Entry::damaged(home.path(), &process, "mark").is_some_and(|entry| entry.mark() == "mark"));
        Entry::remove_damaged(home.path());
        assert!(path_of(home.path(), &process).exists(), "its worker lives");
        own.note(&["attempt"]).unwrap();
        let path = path_of(home.path(), &process);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replacen("\"version\":1", "\"version\":2", 1)).unwrap();
        assert!(Entry::of(home.path(), &process).is_none());
    }
}
