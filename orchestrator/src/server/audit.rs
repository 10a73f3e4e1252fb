//! The audit trail: who did what, from where and when. Append-only; what changes something is on the disk before it happens.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::{access::Identity, peer::Peer, views::rfc3339};
use crate::run::Timestamp;

/// One line of the trail.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    who: &'a str,
    role: &'a str,
    address: String,
    what: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// The trail of a state folder.
pub(super) struct Audit {
    file: Mutex<File>,
}

impl Audit {
    pub(super) fn open(home: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).mode(0o600).open(home.join("audit.jsonl"))?;
        Ok(Self { file: Mutex::new(file) })
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
        let (name, role) = (who.name.as_str(), who.role.word());
        let (at, address) = (rfc3339(now), peer.label());
        self.write(&Line { at, who: name, role, address, what, target, status: None }, true)
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
        let (name, role) = (who.name.as_str(), who.role.word());
        let (at, address) = (rfc3339(now), peer.label());
        let line = Line { at, who: name, role, address, what, target, status: Some(status) };
        if let Err(error) = self.write(&line, false) {
            tracing::error!("the audit trail cannot be written: {error}");
        }
    }

    /// Notes that someone was refused.
    pub(super) fn refused(&self, peer: &Peer, target: &str, status: u16, now: Timestamp) {
        let (at, address) = (rfc3339(now), peer.label());
        let line = Line { at, who: "", role: "", address, what: "refused", target, status: Some(status) };
        if let Err(error) = self.write(&line, false) {
            tracing::error!("the audit trail cannot be written: {error}");
        }
    }

    fn write(&self, line: &Line<'_>, durable: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        if durable { file.sync_data() } else { Ok(()) }
    }
}
