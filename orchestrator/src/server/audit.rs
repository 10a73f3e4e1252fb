//! The audit trail: who did what, from where and when; what changes something is on the disk before it happens. Refusals have a file of their
//! own, so that whoever floods the daemon cannot push out what others did.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    access::Identity,
    peer::Peer,
    rotated::{Keep, Rotated, old},
    views::rfc3339,
};
use crate::run::Timestamp;

/// What was changed.
const CHANGES: (&str, Keep) = ("audit.jsonl", Keep { bytes: 16 << 20, n_old: 9 });

/// Who was refused.
const REFUSALS: (&str, Keep) = ("refusals.jsonl", Keep { bytes: 4 << 20, n_old: 3 });

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: String,
    /// Who; empty for someone who is not known.
    pub who: String,
    /// What they may do.
    pub role: String,
    /// The address that it came from, or `socket`.
    pub address: String,
    /// What they did, such as `runs.start`.
    pub what: String,
    /// The path.
    pub target: String,
    /// How it went; missing where it was about to happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// The trail of a state folder.
pub(super) struct Audit {
    changes: Mutex<Rotated>,
    refusals: Mutex<Rotated>,
}

impl Audit {
    pub(super) fn open(home: &Path) -> io::Result<Self> {
        let open = |(name, keep): (&str, Keep)| Rotated::open(home.join(name), keep).map(Mutex::new);
        Ok(Self { changes: open(CHANGES)?, refusals: open(REFUSALS)? })
    }

    /// Notes that someone is about to change something, and waits for the disk.
    pub(super) fn intend(
        &self,
        who: &Identity,
        peer: &Peer,
        what: &str,
        target: &str,
        now: Timestamp,
    ) -> io::Result<()> {
        write(&self.changes, &entry(Some(who), peer, what, target, now))?.sync_data()
    }

    /// Notes how that went.
    pub(super) fn settle(
        &self,
        who: &Identity,
        peer: &Peer,
        what: &str,
        target: &str,
        status: u16,
        now: Timestamp,
    ) {
        let entry = AuditEntry { status: Some(status), ..entry(Some(who), peer, what, target, now) };
        tell(write(&self.changes, &entry));
    }

    /// Notes that someone was refused.
    pub(super) fn refused(&self, peer: &Peer, target: &str, status: u16, now: Timestamp) {
        let entry = AuditEntry { status: Some(status), ..entry(None, peer, "refused", target, now) };
        tell(write(&self.refusals, &entry));
    }
}

fn entry(who: Option<&Identity>, peer: &Peer, what: &str, target: &str, now: Timestamp) -> AuditEntry {
    AuditEntry {
        at: rfc3339(now),
        who: who.map(|who| who.name.clone()).unwrap_or_default(),
        role: who.map(|who| who.role.word().to_owned()).unwrap_or_default(),
        address: peer.label(),
        what: what.to_owned(),
        target: target.to_owned(),
        status: None,
    }
}

/// Adds a line; returns the file that has it. Nobody holds the lock while the disk is waited for.
fn write(file: &Mutex<Rotated>, entry: &AuditEntry) -> io::Result<Arc<File>> {
    let line = serde_json::to_vec(entry)?;
    file.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
}

fn tell(written: io::Result<Arc<File>>) {
    if let Err(error) = written {
        tracing::error!("the audit trail cannot be written: {error}");
    }
}

/// Bytes that a folder's trail and its refusals take, with what was put aside.
pub fn audit_size(home: &Path) -> u64 {
    let files = |(name, keep): (&str, Keep)| {
        let path = home.join(name);
        (1..=keep.n_old).map(|n| old(&path, n)).chain([path.clone()]).collect::<Vec<_>>()
    };
    let all = files(CHANGES).into_iter().chain(files(REFUSALS));
    all.filter_map(|file| std::fs::metadata(file).ok()).map(|about| about.len()).sum()
}

/// The latest lines of a folder's trail, or of its refusals, newest first. Lines that a crash cut off are left out.
pub fn read_audit(home: &Path, refusals: bool, limit: usize) -> io::Result<Vec<AuditEntry>> {
    let (name, keep) = if refusals { REFUSALS } else { CHANGES };
    let path = home.join(name);
    let mut found = Vec::new();
    for file in std::iter::once(path.clone()).chain((1..=keep.n_old).map(|n| old(&path, n))) {
        if found.len() >= limit {
            break;
        }
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let lines = text.split(|byte| *byte == b'\n').rev();
        found.extend(lines.filter_map(|line| serde_json::from_slice(line).ok()));
    }
    found.truncate(limit);
    Ok(found)
}
